"""Recorded runs of real frameworks, sent to a real collector in every encoding, against what the model served."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import StartCollector
from tests.support.collector import RunningCollector
from tests.support.recordings import (
    ENCODINGS,
    Request,
    Send,
    requests_of,
    send_grpc,
    send_gzip,
    send_json,
    send_protobuf,
    single_records,
    truth,
)

COMPLETE = ["maf-responses", "pydantic-ai", "vercel-ai7-chat"]
"""Recordings whose instrumentation saw every call that the model served."""
PARTIAL = "oai-v2-latest-content"
"""Its instrumentation did not see the calls of the Responses API, and no usage of a streamed call."""
RECORDINGS = [*COMPLETE, PARTIAL]
TOKENS = [
    "input_tokens",
    "cache_read_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
]
EVIDENCE = {
    "input_tokens": (".input_tokens", "prompt_tokens"),
    "output_tokens": (".output_tokens", "completion_tokens"),
    "cache_read_input_tokens": ("cache_read", "cached"),
    "cache_write_input_tokens": ("cache_write", "cache_creation"),
    "reasoning_output_tokens": ("reasoning",),
}
"""Parts of attribute names by which a source says a figure at all."""


def play(collector: RunningCollector, requests: list[Request], send: Send = send_protobuf) -> None:
    """Send the requests and compile what they hold; nothing may fail."""
    for request in requests:
        send(collector, request)
    counts = collector.compile()
    assert counts["compiled"] > 0
    assert counts["failed"] == 0


def attribute_names(requests: list[Request]) -> set[str]:
    """Return the integer attributes on spans and log records, by name."""
    found: set[str] = set()
    for request in requests:
        if request.signal == "metrics":
            continue
        for piece in single_records([request], seed=0):
            outer = getattr(piece.message, "resource_spans" if piece.signal == "traces" else "resource_logs")[0]
            inner = outer.scope_spans[0].spans if piece.signal == "traces" else outer.scope_logs[0].log_records
            found.update(pair.key for pair in inner[0].attributes)
    return found


def total(sessions: list[dict[str, Any]], column: str) -> int | None:
    """Return the sum of what was reported, None where nothing was."""
    said = [int(row[column]) for row in sessions if row[column] is not None]
    return sum(said) if said else None


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", COMPLETE)
def test_figures_equal_what_the_model_served(collector: RunningCollector, name: str, encoding: str) -> None:
    """Each figure that the source sent equals the truth; one that it never sent is NULL."""
    requests, served = requests_of(name), truth(name)
    play(collector, requests, ENCODINGS[encoding])
    sessions = collector.sql("SELECT * FROM sessions")

    assert total(sessions, "llm_call_count") == served["llm_calls"]
    sent = attribute_names(requests)
    for figure in TOKENS:
        told = any(part in key for key in sent for part in EVIDENCE[figure])
        assert total(sessions, figure) == (served[figure] if told else None), figure
    usd = sum((Decimal(row["cost_usd"]) for row in sessions if row["cost_usd"] is not None), Decimal(0))
    assert abs(usd - Decimal(str(served["expected_cost_usd"]))) <= Decimal("1e-9")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_partial_source_gives_what_it_sent_and_no_more(collector: RunningCollector, encoding: str) -> None:
    """Of calls that were not instrumented nothing is made up, and a cost that would be wrong is NULL with a reason."""
    requests, served = requests_of(PARTIAL), truth(PARTIAL)
    play(collector, requests, ENCODINGS[encoding])
    sessions = collector.sql("SELECT * FROM sessions")

    usages = answered_calls(requests)
    assert 0 < len(usages) < served["llm_calls"]
    assert total(sessions, "llm_call_count") == len(usages)
    embeddings = collector.sql("SELECT input_tokens FROM steps WHERE kind = 'embedding'")
    embedded = sum(step["input_tokens"] for step in embeddings)
    for figure in ("input_tokens", "output_tokens"):
        sent = sum(usage.get(f"gen_ai.usage.{figure}", 0) for usage in usages)
        assert total(sessions, figure) in {sent, sent + (embedded if figure == "input_tokens" else 0)}
    assert total(sessions, "reasoning_output_tokens") is None
    assert total(sessions, "unpriced_call_count")
    calls = collector.sql(
        "SELECT unpriced_reason FROM steps WHERE kind = 'llm' AND cost_usd IS NULL AND counted_by IS NULL"
    )
    assert calls
    assert all(call["unpriced_reason"] for call in calls)


def answered_calls(requests: list[Request]) -> list[dict[str, int]]:
    """Return the integer attributes of every chat span that has a response, read from the bytes."""
    found = []
    for piece in single_records([request for request in requests if request.signal == "traces"], seed=0):
        (span,) = piece.message.resource_spans[0].scope_spans[0].spans
        attributes = {pair.key: pair.value for pair in span.attributes}
        if span.name.startswith("chat ") and "gen_ai.response.id" in attributes:
            found.append({key: value.int_value for key, value in attributes.items() if value.HasField("int_value")})
    return found


@pytest.mark.parametrize("name", COMPLETE)
def test_tools_equal_what_ran(collector: RunningCollector, name: str) -> None:
    """Every tool that ran is one step, and exactly those that failed carry an error."""
    served = truth(name)
    play(collector, requests_of(name))
    tools = collector.sql("SELECT name, tool_call_id, error_type FROM steps WHERE kind = 'tool' AND counted_by IS NULL")

    assert sorted(tool["name"] for tool in tools) == sorted(tool["name"] for tool in served["tools"])
    failed = {tool["tool_call_id"] for tool in tools if tool["error_type"] is not None}
    assert failed == set(served["failed_tool_calls"])


@pytest.mark.parametrize("name", RECORDINGS)
def test_steps_without_figures_say_why(collector: RunningCollector, name: str) -> None:
    """An answered model call without a price carries the reason, and one with a price carries its source."""
    play(collector, requests_of(name))
    calls = collector.sql(
        "SELECT cost_usd, price_source, unpriced_reason FROM steps WHERE kind = 'llm' AND counted_by IS NULL"
    )

    assert calls
    for call in calls:
        assert (call["cost_usd"] is None) == bool(call["unpriced_reason"])
        assert (call["cost_usd"] is not None) == bool(call["price_source"])


@pytest.mark.parametrize("name", RECORDINGS)
def test_cards_do_not_depend_on_the_way_of_sending(start_collector: StartCollector, name: str, tmp_path: Any) -> None:
    """Cards are the same bytes in every encoding, sent twice, and cut into single records in any order."""
    requests = requests_of(name)
    collector = start_collector(database=tmp_path / "plain.duckdb")
    play(collector, requests)
    expected = collector.cards()
    ways: list[tuple[str, list[Request], Send]] = [
        ("json", requests, send_json),
        ("gzip-twice", requests + requests, send_gzip),
        ("grpc-shuffled", single_records(requests, seed=1), send_grpc),
        ("protobuf-shuffled", single_records(requests, seed=2), send_protobuf),
    ]

    assert expected
    for label, sent, send in ways:
        other = start_collector(database=tmp_path / f"{label}.duckdb")
        play(other, sent, send)
        assert other.cards() == expected, label
        other.stop()


def test_a_run_without_a_session_id_grows_together(collector: RunningCollector) -> None:
    """A proxy's requests, each in a trace of its own and compiled as it comes, end as one session per conversation."""
    for request in single_records(requests_of("litellm-otel"), seed=7):
        send_protobuf(collector, request)
        collector.compile()
    sessions = collector.sql("SELECT llm_call_count, tool_call_count FROM sessions ORDER BY ALL DESC")
    served = truth("litellm-otel")["llm_calls_by_agent"]
    assert [row["llm_call_count"] for row in sessions] == [served["main"], served["sub"], 0]
    assert sum(row["tool_call_count"] for row in sessions) == truth("litellm-otel")["tool_calls"]
    assert collector.compile() == {"compiled": 0, "failed": 0}
