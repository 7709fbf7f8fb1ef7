"""Which session each trace and record belongs to: hand-built signals of the shapes that producers send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from collector.model import Attributes, AttributeValue, Link, LogRecord, Resource, Span
from processors.normalise.session_keys import CORRELATION_KEYS, PARENT_KEYS, SESSION_KEYS
from processors.normalise.sessions import Bundle, bundles

UUID = "01a20752-e220-7387-bf8d-f26e8f51a3a3"


def span(
    number: int, attributes: Attributes, *, trace: str = "a", parent: int | None = None, service: str = "s"
) -> Span:
    """Return a span that begins at its number."""
    return Span(
        trace_id=trace,
        span_id=str(number),
        parent_span_id=str(parent) if parent is not None else None,
        name="work",
        start_time_unix_nano=number,
        end_time_unix_nano=number + 1,
        attributes=attributes,
        resource=Resource({"service.name": service}),
    )


def ids(found: Sequence[Bundle]) -> dict[str, int]:
    """Return how many spans each session has."""
    return {bundle.session_id: len(bundle.spans) for bundle in found}


def test_a_key_joins_traces() -> None:
    """Every trace that shares a key is one session, and spans without a key follow their trace."""
    found = bundles(
        [span(1, {"session.id": UUID}), span(2, {}, parent=1), span(3, {"session.id": UUID}, trace="b")], []
    )
    assert ids(found) == {UUID: 3}
    assert found[0].source == "session.id"


def test_the_roots_key_names_the_session() -> None:
    """Where a trace holds several keys, the root's is the session and the others are conversations in it."""
    sub = span(2, {"gen_ai.conversation.id": "sub"}, parent=1)
    (found,) = bundles([span(1, {"gen_ai.conversation.id": "main"}), sub], [])
    assert (found.session_id, found.conversation_ids) == ("main", {"sub"})


def test_a_key_below_the_root_holds_for_the_trace() -> None:
    """A host's root without a key belongs to the session of the earliest span that has one."""
    found = bundles([span(1, {}), span(2, {"session.id": "x"}, parent=1), span(3, {}, parent=1)], [])
    assert ids(found) == {"x": 3}


def test_a_sub_agents_own_trace_follows_its_parent() -> None:
    """A conversation that stands inside another session's trace, or names its parent, is part of that session."""
    spans = [
        span(1, {"conversation.id": "main"}),
        span(2, {"conversation.id": "sub"}, parent=1),
        span(3, {"conversation.id": "sub"}, trace="b"),
        span(4, {"conversation.id": "other", "parent.conversation.id": "main"}, trace="c"),
    ]
    assert ids(bundles(spans, [])) == {"main": 4}


def test_links_join_only_traces_without_a_key() -> None:
    """A link gives a keyless trace the session that it points to; two sessions that link stay two."""
    keyed, other = span(1, {"session.id": "x"}), span(3, {"session.id": "y"}, trace="c")
    loose = span(2, {}, trace="b")
    linked, crossing = (replace(one, links=(Link("a", "1"),)) for one in (loose, other))
    assert ids(bundles([keyed, linked, crossing], [])) == {"x": 2, "y": 1}


def test_previous_responses_are_no_conversations() -> None:
    """A conversation id that is an earlier response's id chains calls; it names no session."""
    spans = [
        span(1, {"gen_ai.response.id": "resp_1"}),
        span(2, {"gen_ai.response.id": "resp_2", "gen_ai.conversation.id": "resp_1"}, trace="b"),
        span(3, {"gen_ai.conversation.id": "resp_2"}, trace="c"),
    ]
    (found,) = bundles(spans, [])
    assert (found.session_id, found.source, len(found.spans)) == ("a", "trace", 3)


def test_thread_numbers_are_no_threads() -> None:
    """`thread.id` is the operating system's where it is a number."""
    found = bundles([span(1, {"thread.id": 7}), span(2, {"thread.id": "7"}, trace="b")], [])
    assert {bundle.source for bundle in found} == {"trace"}


def test_one_word_of_two_services_is_two_sessions() -> None:
    """A key that is no UUID may be anybody's `sess-1`: another service's use of it is another session."""
    spans = [span(1, {"session.id": "sess-1"}), span(2, {"session.id": "sess-1"}, trace="b", service="t")]
    assert ids(bundles(spans, [])) == {"sess-1": 1, "sess-1@t": 1}
    shared = [span(1, {"session.id": UUID}), span(2, {"session.id": UUID}, trace="b", service="t")]
    assert ids(bundles(shared, [])) == {UUID: 2}


def test_records_join_by_key_and_by_trace() -> None:
    """A record follows its own key, else its trace; a trace may be named by a record alone."""
    records = [
        LogRecord(time_unix_nano=1, trace_id="a", attributes={"session.id": "x"}),
        LogRecord(time_unix_nano=2, attributes={"session.id": "x"}),
        LogRecord(time_unix_nano=3, trace_id="a"),
        LogRecord(time_unix_nano=4),
    ]
    (found,) = bundles([span(1, {}, service="")], records)
    assert (found.session_id, len(found.spans), len(found.logs)) == ("x", 1, 3)


@pytest.mark.parametrize("value", ["", " ", "None", "unknown", 7, None, ["x"]])
def test_meaningless_keys_name_nothing(value: AttributeValue) -> None:
    """What a program writes when it has no id is no session."""
    (found,) = bundles([span(1, {"session.id": value})], [])
    assert found.source == "trace"


def test_resources_may_hold_the_key() -> None:
    """A process with one session may say so on its resource."""
    signal = replace(span(1, {}), resource=Resource({"session.id": "x"}))
    assert ids(bundles([signal], [])) == {"x": 1}


def test_circles_of_parents_end() -> None:
    """Conversations that name each other as parents are still some session, and nothing hangs."""
    spans = [
        span(1, {"conversation.id": "a", "parent.conversation.id": "b"}),
        span(2, {"conversation.id": "b", "parent.conversation.id": "a"}, trace="b"),
    ]
    assert sum(ids(bundles(spans, [])).values()) == 2


def test_correlation_names_are_all_keys() -> None:
    """The collector is told of every attribute that can join two signals."""
    assert CORRELATION_KEYS == SESSION_KEYS + PARENT_KEYS
    assert len(set(CORRELATION_KEYS)) == len(CORRELATION_KEYS)
