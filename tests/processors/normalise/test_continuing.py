"""Traces without a session key that are one session by the tool calls in their prompts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Attributes, Span
from processors.model import LooseEnd, ToolCall
from processors.normalise import normalise
from tests.processors.normalise.counting import spans_of

make = spans_of("some.proxy")
FIRST, SECOND = "call_Yd81mKq07ZtW", "call_p3Nc5RbX92La"


def request(
    trace: int, at: int, *, asks: str | None = None, holds: tuple[str, ...] = (), key: str | None = None
) -> Span:
    """Return a model call in a trace of its own: the tool call it asks for and those whose answers it was given."""
    prompt: list[object] = [{"role": "user", "parts": [{"type": "text", "content": "What is the rate?"}]}]
    for identifier in holds:
        prompt += [
            {"role": "assistant", "parts": [part("tool_call", identifier, "arguments", {"currency": "EUR"})]},
            {"role": "tool", "parts": [part("tool_call_response", identifier, "response", f"answer to {identifier}")]},
        ]
    said = part("tool_call", asks, "arguments", {"currency": "EUR"}) if asks else {"type": "text", "content": "1.08"}
    attributes: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.input.messages": json.dumps(prompt),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [said]}]),
    }
    if key is not None:
        attributes = {**attributes, "session.id": key}
    return make(trace, "chat gpt-5", attributes, at=(at, at + 1), trace=f"{trace:032x}")


def part(kind: str, identifier: str | None, key: str, value: object) -> dict[str, object]:
    """Return a part about a tool call."""
    return {"type": kind, "id": identifier, "name": "fetch_rates", key: value}


def test_answers_to_another_traces_tools_continue_it() -> None:
    """Requests sent in traces of their own are one session, whose tools have their results."""
    spans = [
        request(1, 0, asks=FIRST),
        request(2, 2, holds=(FIRST,), asks=SECOND),
        request(3, 4, holds=(FIRST, SECOND)),
        request(4, 5),
    ]
    run, other = normalise(spans)
    assert (run.session_id, run.session_source, len(run.trace_ids)) == (spans[0].trace_id, "trace", 3)
    assert len(run.contexts) == 1
    tools = [step for step in run.steps if isinstance(step, ToolCall)]
    assert [(tool.tool_call_id, tool.result) for tool in tools] == [
        (identifier, f"answer to {identifier}") for identifier in (FIRST, SECOND)
    ]
    assert other.trace_ids == (spans[3].trace_id,)


def test_a_key_is_inherited_by_what_continues_it() -> None:
    """A request without a key belongs to the keyed session whose tools it answers; two keys stay two sessions."""
    spans = [request(1, 0, asks=FIRST, key="monday"), request(2, 2, holds=(FIRST,), asks=SECOND)]
    (found,) = normalise(spans)
    assert (found.session_id, len(found.trace_ids)) == ("monday", 2)
    resumed = request(3, 4, holds=(FIRST, SECOND), key="tuesday")
    assert {session.session_id for session in normalise([spans[0], resumed])} == {"monday", "tuesday"}


@pytest.mark.parametrize("identifier", ["call_0", "1", ""])
def test_numbers_within_a_conversation_join_nothing(identifier: str) -> None:
    """Ids that every conversation has alike say nothing about who continues whom."""
    assert len(normalise([request(1, 0, asks=identifier), request(2, 2, holds=(identifier,))])) == 2


def test_of_equal_ids_the_latest_before_is_continued() -> None:
    """Where a server gives the same ids in every run, each run continues itself: nobody answers before being asked."""
    spans = [
        request(1, 0, asks=FIRST),
        request(2, 2, holds=(FIRST,)),
        request(3, 10, asks=FIRST),
        request(4, 12, holds=(FIRST,)),
        request(5, -5, holds=(FIRST,)),
    ]
    assert sorted(len(session.trace_ids) for session in normalise(spans)) == [1, 2, 2]


def test_prompts_that_grow_are_one_session_though_no_answer_was_captured_whole() -> None:
    """Streams may be captured without ids: a prompt that goes on where another ended continues it, an equal one not."""
    grown = [request(1, 0, holds=(FIRST,)), request(2, 2, holds=(FIRST, SECOND)), request(3, 4, holds=(FIRST, SECOND))]
    assert [len(session.trace_ids) for session in normalise(grown)] == [2, 1]


def test_loose_ends_are_what_others_asked_for_or_answer() -> None:
    """A session names the tool calls that lead out of it, and none that it both asked for and answered."""
    run = [request(1, 0, asks=FIRST), request(2, 2, holds=(FIRST,), asks=SECOND), request(3, 4, holds=(FIRST, SECOND))]
    alone = [tool_ends_of([span]) for span in run]
    first, second = (f"tool_call:{name}" for name in (FIRST, SECOND))
    assert alone == [(first,), tuple(sorted((first, second))), tuple(sorted((first, second)))]
    assert (tool_ends_of(run[:2]), tool_ends_of(run)) == ((second,), ())


def test_a_named_session_is_not_found_by_its_loose_ends() -> None:
    """What a sender named looks for others, and needs no ids to be found by."""
    named, unnamed = (normalise([request(1, 0, asks=FIRST, key=key)])[0] for key in ("monday", None))
    ends = [end for session in (named, unnamed) for end in session.loose_ends]
    assert [end.lasting for end in ends if end.value == f"tool_call:{FIRST}"] == [False, True]


@given(st.data())
def test_growing_together_shows_no_new_ends(data: st.DataObject) -> None:
    """What leads out of a whole led out of one of its parts, so that joining comes to an end."""
    ids = [f"call_{number:012d}" for number in range(4)]
    known = st.lists(st.sampled_from(ids), unique=True, max_size=4).map(tuple)
    spans = [
        request(number, 2 * number, asks=data.draw(st.none() | st.sampled_from(ids)), holds=data.draw(known))
        for number in range(1, data.draw(st.integers(2, 5)) + 1)
    ]
    parts = {end for span in spans for end in ends_of([span])}
    assert all({end.value for end in session.loose_ends} <= parts for session in normalise(spans))


def ends_of(spans: list[Span]) -> tuple[str, ...]:
    """Return the loose ends of the one session in some spans."""
    (session,) = normalise(spans)
    return tuple(end.value for end in session.loose_ends)


def tool_ends_of(spans: list[Span]) -> tuple[str, ...]:
    """Return those about tool calls."""
    return tuple(end for end in ends_of(spans) if end.startswith("tool_call:"))


def test_a_call_on_its_own_is_found_by_its_response() -> None:
    """What a vendor's instrumentation saw in a trace of its own lasts; a framework's session, or a named one, looks."""
    call: Attributes = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "resp-1"}
    stray = make(1, "chat gpt-5", call, trace=f"{1:032x}")
    run = [
        make(2, "invoke_agent a", {"gen_ai.operation.name": "invoke_agent"}, trace=f"{2:032x}"),
        make(3, "chat gpt-5", call, trace=f"{2:032x}", parent=2),
    ]
    named = make(4, "chat gpt-5", {**call, "session.id": "monday"}, trace=f"{3:032x}")
    ends = [session.loose_ends for spans in ([stray], run, [named]) for session in normalise(spans)]
    assert ends == [(LooseEnd("response:resp-1", lasting=lasting),) for lasting in (True, False, False)]
