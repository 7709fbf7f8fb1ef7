"""What is never stored, logged or answered: a real collector, real exporters, and the bytes of its files."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode, Tracer

from clawtrace_otel.cli.app import main
from tests.collector.redaction.support import RANDOM, SECRETS, packed, span_with
from tests.conftest import StartCollector
from tests.support.collector import RunningCollector

SESSION = "session-of-one"


def tracer_to(collector: RunningCollector, **resource: str) -> tuple[TracerProvider, Tracer]:
    """Return a tracer whose spans are sent one by one."""
    provider = TracerProvider(resource=Resource({"service.name": "agent", **resource}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(collector.grpc, insecure=True)))
    return provider, provider.get_tracer("tests")


def tool_call(tracer: Tracer, arguments: object, result: str, **more: Any) -> None:
    """Send a tool call of the session."""
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "read_file",
        "gen_ai.conversation.id": SESSION,
        "gen_ai.tool.call.arguments": json.dumps(arguments),
        "gen_ai.tool.call.result": result,
        **more,
    }
    tracer.start_span("execute_tool read_file", attributes=attributes).end()


def model_call(tracer: Tracer, said: str) -> None:
    """Send a model call of the session."""
    messages = [{"role": "user", "parts": [{"type": "text", "content": said}]}]
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.conversation.id": SESSION,
        "gen_ai.input.messages": json.dumps(messages),
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 10,
    }
    tracer.start_span("chat gpt-4o-mini", attributes=attributes).end()


def bytes_of(database: Path) -> dict[str, bytes]:
    """Return the content of the database and of every file beside it."""
    return {path.name: path.read_bytes() for path in database.parent.iterdir() if path.is_file()}


def test_no_secret_is_in_any_file(start_collector: StartCollector) -> None:
    """Wherever telemetry can hold one, it is neither in the log that a kill leaves, nor in the file, nor in stderr."""
    collector = start_collector()
    secrets = list(SECRETS.values())
    provider, tracer = tracer_to(collector, **{"deploy.note": f"uses {secrets[0]}"})
    with tracer.start_as_current_span(f"call {secrets[1]}") as span:
        span.set_attributes({f"attribute.{n}": packed(f"it is {s}", n % 4) for n, s in enumerate(secrets)})
        span.set_attribute("raw", secrets[2].encode())
        span.set_attribute("list", [secrets[3], packed(secrets[4], 2)])
        span.add_event(f"said {secrets[5]}", {"exception.message": f"refused {secrets[6]}"})
        span.set_status(Status(StatusCode.ERROR, f"401 for {secrets[7]}"))
    provider.shutdown()
    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(collector.grpc, insecure=True)))
    logs.get_logger("tests").emit(body={"said": [secrets[8], packed(secrets[9], 3)]}, event_name="said")
    logs.get_logger("tests").emit(body=f"password={RANDOM}", attributes={"key": secrets[10]})
    logs.shutdown()
    assert collector.sql("SELECT count(*) AS n FROM spans") == [{"n": 1}]
    collector.kill()
    assert any(name.endswith(".wal") for name in bytes_of(collector.database))
    again = start_collector()
    again.compile()
    assert again.stop() == 0
    found = bytes_of(collector.database)
    assert b"[REDACTED:" in b"".join(found.values())
    for secret in (*secrets, RANDOM):
        for part in (secret.partition("\n")[0], secret[-20:]):
            assert not [name for name, content in found.items() if part.encode() in content]
            assert part not in collector.logged() + again.logged()


def test_a_repeated_call_is_found_by_its_hashes(collector: RunningCollector) -> None:
    """Calls whose arguments hold the same secret are repeats, those with another secret are not."""
    provider, tracer = tracer_to(collector)
    for secret in (SECRETS["github_token"], SECRETS["github_token"], SECRETS["aws_access_key"]):
        model_call(tracer, "look it up")
        tool_call(tracer, {"path": "/srv/notes", "token": secret}, "forty-two lines of notes about the quarter")
    provider.shutdown()
    collector.compile()
    (finding,) = collector.sql("SELECT detector, evidence FROM findings WHERE detector = 'repeated_call'")
    assert json.loads(finding["evidence"])["count"] == 2
    assert "[REDACTED:" in finding["evidence"]


def test_what_was_redacted_is_counted(collector: RunningCollector) -> None:
    """By kind in the metrics, by record and session in a view; a resent span is counted once there."""
    provider, tracer = tracer_to(collector)
    model_call(tracer, f"use {SECRETS['github_token']} or {SECRETS['google_key']}")
    tool_call(tracer, {"key": SECRETS["google_key"]}, "nothing")
    provider.shutdown()
    collector.compile()
    exposed = collector.request("GET", "/metrics").body.decode()
    assert 'clawtrace_redacted_values_total{kind="google_key"} 2.0' in exposed
    rows = collector.sql("SELECT session_id, kind, sum(count)::BIGINT AS n FROM redactions GROUP BY ALL ORDER BY kind")
    assert [(row["session_id"], row["kind"], row["n"]) for row in rows] == [
        (SESSION, "github_token", 1),
        (SESSION, "google_key", 2),
    ]


@pytest.mark.parametrize("action", ["drop", "hash"])
def test_content_is_left_out(start_collector: StartCollector, action: str) -> None:
    """No word that was said is stored; figures, names and costs are, and with hashes repeats are found."""
    collector = start_collector("--content", action)
    provider, tracer = tracer_to(collector)
    for _ in range(2):
        model_call(tracer, "confidential question")
        tool_call(tracer, {"path": "confidential.txt"}, "confidential answer, in several words of text", note="yes")
    with tracer.start_as_current_span("work") as span:
        span.set_status(Status(StatusCode.ERROR, "confidential reason"))
        span.add_event("exception", {"exception.message": "confidential again"})
    provider.shutdown()
    collector.compile()
    figures = "llm_call_count, tool_call_count, input_tokens, cost_usd"
    (session,) = collector.sql(f"SELECT {figures} FROM sessions WHERE session_id = '{SESSION}'")
    assert (session["llm_call_count"], session["tool_call_count"], session["input_tokens"]) == (2, 2, 2000)
    assert float(session["cost_usd"]) > 0
    repeats = collector.sql("SELECT * FROM findings WHERE detector = 'repeated_call'")
    assert len(repeats) == (1 if action == "hash" else 0)
    assert collector.stop() == 0
    for name, content in bytes_of(collector.database).items():
        assert b"confidential" not in content, name


def test_rules_by_name(start_collector: StartCollector, tmp_path: Path) -> None:
    """Dropped, hashed or kept as the file says, also what sessions are told apart by."""
    rules = tmp_path / "redact.yaml"
    rules.write_text(
        "attributes:\n- name: user.email\n  action: hash\n- name: http.*\n  action: drop\n"
        "- name: build.token\n  action: keep\n- name: gen_ai.conversation.id\n  action: hash\n"
        "patterns:\n- name: employee\n  regex: EMP-[0-9]{6}\n",
        encoding="utf-8",
    )
    collector = start_collector("--redact", str(rules))
    more = {"user.email": "me@example.org", "http.header": "x", "build.token": RANDOM, "note": "of EMP-123456"}
    provider, tracer = tracer_to(collector)
    tool_call(tracer, {}, "one", **more)
    provider.shutdown()
    provider, tracer = tracer_to(collector)
    tool_call(tracer, {}, "two", **more)
    model_call(tracer, "three")
    provider.shutdown()
    collector.compile()
    (session,) = collector.sql("SELECT session_id, tool_call_count FROM sessions")
    assert session["session_id"].startswith("[REDACTED:attribute#")
    assert session["tool_call_count"] == 2
    rows = collector.sql("SELECT attributes FROM spans WHERE name LIKE 'execute_tool%'")
    kept = [json.loads(row["attributes"]) for row in rows]
    assert {item["user.email"] for item in kept} == {kept[0]["user.email"]}
    assert kept[0]["user.email"].startswith("[REDACTED:attribute#")
    assert kept[0]["build.token"] == RANDOM
    assert kept[0]["note"].startswith("of [REDACTED:employee#")
    assert not [name for name in kept[0] if name.startswith("http.")]
    assert collector.stop() == 0
    for name, content in bytes_of(collector.database).items():
        if name != rules.name:
            assert SESSION.encode() not in content, name


def test_the_key_is_its_owners_alone(collector: RunningCollector) -> None:
    """It lies beside the database, readable by its owner only, and stays the same."""
    key = collector.database.with_name(f"{collector.database.name}.redaction-key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes().strip()) == 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secrets: maybe\n", "line 1"),
        ("content: drop\nattributes:\n- name: a\n  action: remove\n", "line 4"),
        ("patterns:\n- name: a\n  regex: '('\n", "line 3"),
        ("patterns:\n- name: a\n  regex: 'x*'\n", "nothing"),
        ("patterns:\n- name: Wrong Name\n  regex: x\n", "line 2"),
        ("colour: red\n", "line 1"),
        ("pii: [names]\n", "line 1"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(
    text: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The collector does not start with rules that it does not understand."""
    rules = tmp_path / "redact.yaml"
    rules.write_text(text, encoding="utf-8")
    ports = ["--grpc-port", "0", "--http-port", "0"]
    assert main(["serve", "--db", str(tmp_path / "a.duckdb"), *ports, "--redact", str(rules)]) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()[-1:]
    assert str(rules) in line
    assert said in line


def test_imported_files_are_redacted_too(tmp_path: Path) -> None:
    """What is loaded without a collector passes the same place."""
    body = tmp_path / "traces.pb"
    body.write_bytes(span_with({"a": SECRETS["github_token"]}).SerializeToString())
    database = tmp_path / "db" / "imported.duckdb"
    database.parent.mkdir()
    assert main(["import", "otlp", "--db", str(database), str(body)]) == 0
    found = bytes_of(database)
    assert b"[REDACTED:github_token#" in found[database.name]
    assert not [name for name, content in found.items() if SECRETS["github_token"].encode() in content]
