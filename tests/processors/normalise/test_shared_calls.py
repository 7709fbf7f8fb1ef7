"""One call in two traces: a framework's instrumentation beside that of the vendor's client."""

from __future__ import annotations

import json

import pytest

from collector.model import AttributeValue, Span
from processors.normalise import normalise
from tests.processors.normalise.counting import counted, spans_of

FRAMEWORK = spans_of("openinference.instrumentation.langchain")
CLIENT = spans_of("com.anthropic.sdk.python")


def framework(identifier: str) -> Span:
    """Return the framework's sighting, in a trace with a session key; the response's id stands in its output."""
    return FRAMEWORK(
        1,
        "ChatAnthropic",
        {
            "openinference.span.kind": "LLM", "session.id": "s-1", "llm.model_name": "claude-sonnet-4-5",
            "llm.token_count.prompt": 100, "llm.token_count.completion": 9,
            "output.value": json.dumps({"llm_output": {"id": identifier}}),
        },
    )  # fmt: skip


def client(*, at: tuple[int, int] = (1, 9), key: str | None = None, output: int = 9) -> Span:
    """Return the client's sighting, the root of a trace of its own."""
    sent: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "chat", "gen_ai.response.model": "claude-sonnet-4-5-20250929",
        "gen_ai.response.id": "msg_1", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": output,
    }  # fmt: skip
    return CLIENT(2, "messages.create", sent | ({"session.id": key} if key else {}), at=at, trace="2" * 32)


def test_a_call_named_in_both_is_one_session_and_counted_once() -> None:
    """The trace without a key goes to the session that saw its call."""
    found = counted([framework("msg_1"), client()])
    assert [session.session_id for session in found.sessions] == ["s-1"]
    assert len(found.calls) == 1


def test_a_stream_that_only_the_client_names_is_counted_once() -> None:
    """Without an id the client's call, a trace by itself, is the one around it with the same model and counts."""
    found = counted([framework(""), client()])
    assert [session.session_id for session in found.sessions] == ["s-1"]
    assert [call.provider for call in found.calls] == ["anthropic"]


@pytest.mark.parametrize("other", [client(at=(20, 29)), client(key="s-2"), client(output=12)])
def test_a_stream_at_another_time_or_of_other_counts_is_another(other: Span) -> None:
    """So is one with a key of its own."""
    assert len(counted([framework(""), other]).sessions) == 2


def test_the_store_finds_both_by_what_they_look_like() -> None:
    """The client's trace lasts, the framework's session looks for it; both name one value."""
    looking, lasting = (normalise([span])[0].loose_ends for span in (framework(""), client()))
    calls = [{end.value for end in ends if end.value.startswith("call:")} for ends in (looking, lasting)]
    assert len(calls[0] & calls[1]) == 1
    assert [end.lasting for end in (*looking, *lasting) if end.value.startswith("call:")] == [False, True, True]


@pytest.mark.parametrize(
    ("identifier", "other"),
    [("msg_2", client()), ("msg_1", client(at=(20, 29))), ("msg_1", client(key="s-2"))],
)
def test_other_calls_stay_apart(identifier: str, other: Span) -> None:
    """Another id, another time or another key of its own is another session."""
    assert len(counted([framework(identifier), other]).sessions) == 2
