"""What becomes of values: equal marks for equal values, everything else untouched, rules and content by name."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from collector.errors import RedactionFileError
from collector.redaction import BatchRedactor, ContentNames, Redaction, read_redaction, redaction_key
from collector.redaction.rules import AttributeRule
from collector.store import Batch
from tests.collector import otlp
from tests.collector.redaction.support import KEY, RANDOM, SECRETS, packed, redacted_batch, span_with, stored, unpacked

SOME = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
GITHUB = SECRETS["github_token"]
NAMES = ContentNames(
    content=frozenset({"arguments", "content", "result"}),
    messages=frozenset({"messages"}),
    descriptions=frozenset({"name"}),
    structure=frozenset({"role", "type", "id", "name"}),
)


def by(redaction: Redaction, batch: Batch, *, names: ContentNames = NAMES) -> Batch:
    """Return a batch redacted by other rules."""
    return BatchRedactor(redaction, KEY, names=names, correlation_attributes=frozenset({"session.id"})).redact(batch)[0]


@SOME
@given(otlp.REQUESTS["traces"])
def test_what_holds_no_secret_is_the_same_afterwards(request: Any) -> None:
    """Random telemetry, which no pattern fits, leaves redaction as it came, byte for byte."""
    batch = otlp.batch_of(otlp.decode(request.SerializeToString()))
    redacted, counts = BatchRedactor(Redaction(), KEY).redact(batch)
    if not counts:
        assert redacted.spans.to_pylist() == batch.spans.to_pylist()
        assert redacted.correlations.to_pylist() == batch.correlations.to_pylist()
    assert redacted.spans.schema == batch.spans.schema


@SOME
@given(st.sampled_from(["traces", "logs", "metrics"]), st.data(), st.sampled_from(["drop", "hash"]))
def test_any_telemetry_survives_redaction_of_content(signal: Any, data: st.DataObject, action: Any) -> None:
    """Whatever comes in, as many rows go out, in the same layout and with JSON where JSON was."""
    request = data.draw(otlp.REQUESTS[signal])
    batch = otlp.batch_of(otlp.decode(request.SerializeToString(), signal))
    redacted = by(Redaction(content=action), batch)
    for before, after in ((batch.spans, redacted.spans), (batch.logs, redacted.logs)):
        assert (after.num_rows, after.schema) == (before.num_rows, before.schema)
        assert all(isinstance(json.loads(text.as_py()), dict) for text in after.column("attributes"))


@given(st.text(min_size=1), st.integers(0, 3))
def test_redacting_twice_changes_nothing_more(text: str, layers: int) -> None:
    """A mark is no secret."""
    once = stored({"a": packed(f"{text} {GITHUB} password={RANDOM}", layers), "password": text})
    assert stored(once) == once


def test_equal_values_have_equal_marks_and_other_keys_other_ones() -> None:
    """That is how repeats are still seen, and why nobody without the key can try values."""
    first = stored({"a": f"x {GITHUB}", "b": packed(f"x {GITHUB}", 2), "c": f"x {SECRETS['gitlab_token']}"})
    assert first["a"] == unpacked(first["b"], 2)
    assert first["a"] != first["c"]
    batch = otlp.batch_of(otlp.decode(span_with({"a": f"x {GITHUB}"}).SerializeToString()))
    other, _ = BatchRedactor(Redaction(), b"another key of thirty-two bytes!").redact(batch)
    assert json.loads(other.spans.column("attributes")[0].as_py())["a"] != first["a"]


def test_every_text_of_a_span_is_looked_at() -> None:
    """Name, status, state, events and their attributes, resource and scope: and the record says how many."""
    request = span_with({"a": GITHUB}, name=f"call {GITHUB}", trace_state=f"k={GITHUB}")
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = f"refused {GITHUB}"
    span.events.add(name=f"said {GITHUB}").attributes.add(key="b").value.string_value = GITHUB
    span.links.add(trace_id=b"3" * 16, span_id=b"4" * 8).attributes.add(key="c").value.string_value = GITHUB
    request.resource_spans[0].resource.attributes.add(key="d").value.string_value = GITHUB
    request.resource_spans[0].scope_spans[0].scope.name = f"lib {GITHUB}"
    batch, counts = redacted_batch(request)
    assert GITHUB not in str(batch.spans.to_pylist())
    assert counts == {"github_token": 9}
    assert json.loads(batch.spans.column("attributes")[0].as_py())["clawtrace.redacted"] == {"github_token": 7}
    noted = json.loads(batch.spans.column("resource_attributes")[0].as_py())
    assert noted["clawtrace.redacted"] == {"github_token": 1}


def test_logs_and_metrics_are_looked_at() -> None:
    """Bodies, attributes, and the examples that metrics carry."""
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add()
    record.body.kvlist_value.values.add(key="said").value.string_value = packed(GITHUB, 1)
    record.attributes.add(key="a").value.string_value = GITHUB
    metrics = ExportMetricsServiceRequest()
    point = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m").sum.data_points.add(as_int=1)
    point.exemplars.add(as_int=1).filtered_attributes.add(key="b").value.string_value = GITHUB
    point.attributes.add(key="c").value.string_value = GITHUB
    batch = otlp.batch_of(
        otlp.decode(logs.SerializeToString(), "logs"), otlp.decode(metrics.SerializeToString(), "metrics")
    )
    redacted, counts = BatchRedactor(Redaction(), KEY).redact(batch)
    assert counts == {"github_token": 4}
    assert GITHUB not in str(redacted.logs.to_pylist()) + str(redacted.metric_points.to_pylist())


@pytest.mark.parametrize("action", ["hash", "drop"])
def test_a_rule_on_what_correlates_reaches_the_correlations(action: Any) -> None:
    """Records stay together by the hash, and the value itself is nowhere."""
    redaction = Redaction(attributes=(AttributeRule("session.id", action),))
    log = ExportLogsServiceRequest()
    log.resource_logs.add().scope_logs.add().log_records.add().attributes.add(
        key="session.id"
    ).value.string_value = "me"
    batch = otlp.batch_of(
        otlp.decode(span_with({"session.id": "me"}).SerializeToString()), otlp.decode(log.SerializeToString(), "logs")
    )
    redacted = by(redaction, batch)
    values = {value for value in redacted.correlations.column("value").to_pylist() if value is not None}
    assert values == set(redacted.logs.column("correlation_value").to_pylist())
    (value,) = values
    assert value.startswith("[REDACTED:attribute#")
    kept = json.loads(redacted.spans.column("attributes")[0].as_py())
    assert kept.get("session.id") == (value if action == "hash" else None)


def test_the_first_rule_that_fits_counts() -> None:
    """An exception stands before what it is an exception from, and keeps what looks like a secret."""
    rules = (AttributeRule("http.token", "keep"), AttributeRule("http.*", "drop"))
    kept = stored({"http.token": GITHUB, "http.other": "x", "https": "y"}, Redaction(attributes=rules))
    assert kept == {"http.token": GITHUB, "https": "y"}


def test_content_by_name_and_by_look() -> None:
    """Dropped: what is named content, has spaces, is JSON or long. Kept: identifiers, figures, described names."""
    attributes = {
        "gen_ai.request.model": "gpt-4o",
        "agent.name": "Travel planner",
        "tool.arguments": "yes",
        "my.note": "two words",
        "my.json": '{"a":1}',
        "my.long": "x" * 200,
        "my.id": "call_123",
    }
    batch = otlp.batch_of(otlp.decode(span_with(attributes).SerializeToString()))
    kept = json.loads(by(Redaction(content="drop"), batch).spans.column("attributes")[0].as_py())
    assert kept.pop("clawtrace.redacted") == {"content": 4}
    assert kept == {"gen_ai.request.model": "gpt-4o", "agent.name": "Travel planner", "my.id": "call_123"}


def test_hashed_messages_keep_their_structure() -> None:
    """Roles, types and ids stay, so that sessions can be read; no word that was said does, nor a tool's own names."""
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": "yes"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"name": "Bob"}}],
        },
    ]
    batch = otlp.batch_of(otlp.decode(span_with({"gen_ai.input.messages": json.dumps(messages)}).SerializeToString()))
    text = json.loads(by(Redaction(content="hash"), batch).spans.column("attributes")[0].as_py())[
        "gen_ai.input.messages"
    ]
    first, second = json.loads(text)
    assert first["role"] == "user"
    assert first["parts"][0]["type"] == "text"
    assert first["parts"][0]["content"].startswith("[REDACTED:content#")
    call = second["parts"][0]
    assert (call["type"], call["id"], call["name"]) == ("tool_call", "c1", "f")
    assert call["arguments"]["name"].startswith("[REDACTED:content#")


@pytest.mark.parametrize(
    ("kind", "found", "not_found"),
    [
        ("email", "write to jane.doe+x@example.co.uk now", "git@ or user at example"),
        ("credit_card", "card 4111 1111 1111 1111 please", "number 4111 1111 1111 1112"),
        ("iban", "to DE89 3704 0044 0532 0130 00", "to DE89 3704 0044 0532 0130 01"),
        ("phone", "call +44 20 7946 0958", "call +44 12"),
    ],
)
@pytest.mark.parametrize("layers", [0, 2])
def test_personal_data_by_format_and_check_digit(kind: Any, found: str, not_found: str, layers: int) -> None:
    """Only what is valid is taken for one."""
    redaction = Redaction(personal=(kind,))
    assert f"[REDACTED:{kind}#" in stored({"a": packed(found, layers)}, redaction)["a"]
    assert stored({"a": packed(not_found, layers)}, redaction) == {"a": packed(not_found, layers)}


def test_own_patterns_find_what_json_would_hide(tmp_path: Path) -> None:
    """A pattern of the user's own is looked for in the text itself, so quotes and line breaks in it work."""
    rules = tmp_path / "redact.yaml"
    rules.write_text("secrets: false\npatterns:\n- name: own\n  regex: 'id=\"(\\w+)\"\\n'\n", encoding="utf-8")
    kept = stored({"a": packed('<x id="abc"\n>', 2), "b": GITHUB}, read_redaction(rules))
    assert unpacked(kept["a"], 2).startswith('<x id="[REDACTED:own#')
    assert kept["b"] == GITHUB


def test_a_wrong_pattern_is_named_with_its_line(tmp_path: Path) -> None:
    """A pattern that RE2 does not take is refused with file, line and reason, without the parser's own words."""
    rules = tmp_path / "redact.yaml"
    rules.write_text("patterns:\n- name: own\n  regex: '('\n", encoding="utf-8")
    with pytest.raises(RedactionFileError, match=r"line 3: patterns.0.regex: not a regular expression of RE2"):
        read_redaction(rules)


def test_nesting_without_end_does_not_stop_it() -> None:
    """JSON deeper than can be walked is looked at as text."""
    deep = "[" * 900 + json.dumps(GITHUB) + "]" * 900
    (kept,) = stored({"a": deep}).values()
    assert GITHUB not in kept


def test_a_key_that_is_there_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk without a free byte a collector starts with the key of before; where there is none it says why not."""
    key = redaction_key(tmp_path / "a.duckdb")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("collector.redaction.key.os.fsync", full)
    assert redaction_key(tmp_path / "a.duckdb") == key
    with pytest.raises(RedactionFileError, match="cannot be created: No space left"):
        redaction_key(tmp_path / "b.duckdb")


def test_a_key_is_made_once_and_checked(tmp_path: Path) -> None:
    """The same key every time, for its owner only; one that is too short or missing is refused."""
    database = tmp_path / "new" / "a.duckdb"
    key = redaction_key(database)
    assert redaction_key(database) == key
    path = tmp_path / "new" / "a.duckdb.redaction-key"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600  # noqa: PTH116 - the mode, as a shell shows it
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    given = tmp_path / "given"
    given.write_bytes(b"short")
    with pytest.raises(RedactionFileError, match="32 bytes"):
        redaction_key(database, given)
    with pytest.raises(RedactionFileError, match="cannot be read"):
        redaction_key(database, tmp_path / "missing")


def test_what_a_killed_start_left_does_not_stop_the_next(tmp_path: Path) -> None:
    """In a container every start has the same process id: a half-made key of that name is not in the way."""
    (tmp_path / f"a.duckdb.redaction-key.{os.getpid()}").touch()
    assert redaction_key(tmp_path / "a.duckdb") == redaction_key(tmp_path / "a.duckdb")
