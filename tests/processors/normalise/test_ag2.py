"""AG2's telemetry middleware: the entries of its accounts beside the calls that they repeat."""

from __future__ import annotations

import pytest

from tests.processors.normalise.counting import KINDS, Counted, counted, spans_of
from tests.processors.support import load_recording, load_truth

_MAKE = spans_of("opentelemetry.instrumentation.ag2")
_USED = {"gen_ai.usage.input_tokens": 1500, "gen_ai.usage.output_tokens": 90, "gen_ai.usage.thinking_tokens": 64}
_NAMED = {"gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-5"}
_AGENT = _MAKE(1, "invoke_agent a", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"})
_CALL = _MAKE(2, "chat gpt-5", {"gen_ai.operation.name": "chat", **_NAMED, **_USED}, parent=1, at=(1, 2))


def _entry(kind: str) -> Counted:
    sent = {"ag2.span.type": "usage", "ag2.usage.kind": kind, **_NAMED, **_USED}
    return counted([_AGENT, _CALL, _MAKE(3, f"record_usage {kind}", sent, parent=1, at=(2, 2))])


@pytest.mark.parametrize(("kind", "calls"), [("model_call", 1), ("subtask", 1), ("compaction", 2), ("aggregation", 2)])
def test_an_entry_counts_only_where_its_call_has_no_span(kind: str, calls: int) -> None:
    """Entries of model calls and subtasks repeat spans; those of work on the history are all that is told of it."""
    assert len(_entry(kind).usages) == calls


def test_entries_alone_are_counted() -> None:
    """Where no call has a span, as in live sessions, each entry stands for its call."""
    sent = {"ag2.span.type": "usage", "ag2.usage.kind": "model_call", **_NAMED, **_USED}
    entries = [_MAKE(number, "record_usage model_call", sent, parent=1, at=(number, number)) for number in (2, 3)]
    assert counted([_AGENT, *entries]).tokens("input_tokens") == 3000


def test_thinking_tokens_are_reasoning() -> None:
    """The parts of the output that the middleware calls thinking are reasoning tokens."""
    assert counted([_AGENT, _CALL]).tokens("reasoning_output_tokens") == 64


def test_a_recorded_run_is_counted_once() -> None:
    """Of a run whose calls each have a span and an entry every token is counted once, reasoning included."""
    found, truth = counted(*load_recording("ag2")), load_truth("ag2")
    assert len(found.usages) == truth["llm_calls"]
    for kind in (*KINDS[:2], *KINDS[3:]):
        assert found.tokens(kind) == truth[kind]
