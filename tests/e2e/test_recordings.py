"""Recorded runs of real frameworks, sent to a real collector in every encoding, against what the model served."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import StartCollector
from tests.support.collector import RunningCollector
from tests.support.recordings import ENCODINGS, Request, Send, requests_of, send_protobuf, single_records, truth

RECORDINGS = ["maf-responses", "oai-v2-latest-content", "pydantic-ai", "vercel-ai7-chat"]
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
@pytest.mark.parametrize("name", RECORDINGS)
def test_figures_equal_what_the_model_served(collector: RunningCollector, name: str, encoding: str) -> None:
    """Each figure that the source sent equals the truth; one that it never sent is NULL."""
    requests, served = requests_of(name), truth(name)
    play(collector, requests, ENCODINGS[encoding])
    sessions = collector.sql("SELECT * FROM sessions")

    assert total(sessions, "llm_call_count") == served["llm_calls"] + len(served["llm_http_errors"])
    sent = attribute_names(requests)
    for figure in TOKENS:
        told = any(part in key for key in sent for part in EVIDENCE[figure])
        assert total(sessions, figure) == (served[figure] if told else None), figure
    usd = sum((Decimal(row["cost_usd"]) for row in sessions if row["cost_usd"] is not None), Decimal(0))
    assert abs(usd - Decimal(str(served["expected_cost_usd"]))) <= Decimal("1e-9")


@pytest.mark.parametrize("name", ["pydantic-ai", "vercel-ai7-chat", "maf-responses"])
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
    """A model call without a price carries the reason, and one with a price carries its source."""
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
    play_again: list[tuple[str, list[Request], Send]] = [("twice", requests + requests, send_protobuf)]
    play_again += [(encoding, requests, send) for encoding, send in ENCODINGS.items() if send is not send_protobuf]
    play_again += [(f"shuffled-{seed}", single_records(requests, seed), send_protobuf) for seed in (1, 2)]

    assert expected
    for label, sent, send in play_again:
        other = start_collector(database=tmp_path / f"{label}.duckdb")
        play(other, sent, send)
        assert other.cards() == expected, label
        other.stop()
