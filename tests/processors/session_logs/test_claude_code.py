"""Claude Code's session files become the steps that telemetry would have told.

The shapes of releases 1.0 to 2.1 are built in `tests.support.session_lines`, which says from what.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from processors.model import AgentRun, ModelCall, Session, ToolCall, Usage
from processors.normalise import normalise
from processors.session_logs import Claims, Delegations, Imported, read_claude_code
from processors.session_logs.lines import TOO_LONG
from tests.support.session_lines import answer, lines, prompt, result, said, usage, uses


def session_of(*imported: Imported) -> Session:
    """Return the one session that some files came to."""
    (session,) = normalise([span for each in imported for span in each.spans])
    return session


def read(*objects: object, name: str = "s1", **shared: Any) -> Imported:
    """Read a file with these lines."""
    return read_claude_code(lines(*objects), name, **shared)


def calls_of(session: Session) -> list[ModelCall]:
    """Return the model calls."""
    return [step for step in session.steps if isinstance(step, ModelCall)]


def usages(*objects: object) -> list[tuple[int | None, int | None]]:
    """Return input and output tokens of each call in a file."""
    found = [call.usage or Usage() for call in calls_of(session_of(read(*objects)))]
    return [(each.input_tokens, each.output_tokens) for each in found]


def test_a_response_that_streams_counts_once_with_its_final_usage() -> None:
    """The lines of a message id are one call; the count that had grown furthest is the final one."""
    grown = usage(90)
    written = [
        answer("m1", 1, said("a"), tokens=usage(5)),
        answer("m1", 2, said("b"), tokens=grown),
        answer("m1", 3, uses("t1"), tokens=grown),
        answer("m1", 4, said("b"), tokens=usage(5)),
    ]
    assert usages(*written) == [(1210, 90)]


def test_lines_without_a_request_id_are_joined_by_the_response() -> None:
    """Gateways and some releases send no request id: the response's id alone joins its lines."""
    written = [answer("msg_0001", second, tokens=usage(second * 10)) for second in (1, 2, 3)]
    for line in written:
        del line["requestId"]
    assert usages(*written) == [(1210, 30)]


def test_a_server_that_repeats_its_ids_is_not_one_response() -> None:
    """Equal response ids are two calls where the requests differ, or the prompt had another size after new input."""
    first, again = answer("msg", 1, tokens=usage(7)), answer("msg", 3, tokens=usage(8, read=5_000))
    del first["requestId"], again["requestId"]
    assert usages(first, prompt(2), again) == [(1210, 7), (5210, 8)]
    asked_again = answer("msg", 3, tokens=usage(8)) | {"requestId": "req_other"}
    assert usages(answer("msg", 1, tokens=usage(7)), asked_again) == [(1210, 7), (1210, 8)]


def test_what_the_program_wrote_itself_is_no_call() -> None:
    """Notices of API errors name a synthetic model; no response came."""
    notice = answer("e1", 1, said("API Error: 529"), tokens=usage(0), message={"model": "<synthetic>"})
    assert usages(notice | {"isApiErrorMessage": True}, answer("m1", 2, tokens=usage(4))) == [(1210, 4)]


def test_cache_writes_keep_their_lifetimes() -> None:
    """Writes for an hour are told apart, also where only the parts are named; thinking is a part of the output."""
    parts = usage(50, written=300, hour=100) | {"output_tokens_details": {"thinking_tokens": 30}}
    del parts["cache_creation_input_tokens"]
    (call,) = calls_of(session_of(read(answer("m1", 1, tokens=parts))))
    assert call.usage == Usage(
        input_tokens=1310,
        cache_read_input_tokens=1000,
        cache_write_input_tokens=300,
        cache_write_1h_input_tokens=100,
        output_tokens=50,
        reasoning_output_tokens=30,
    )


def test_advice_of_another_model_is_a_call_of_its_own() -> None:
    """Iterations of an adviser are billed beside the figures at the top, under their own model."""
    advice = {"type": "advisor_message", "model": "claude-opus-4-7", "input_tokens": 500, "output_tokens": 60}
    own = [{"type": "message", "input_tokens": 5, "output_tokens": 4}]
    session = session_of(read(answer("m1", 1, tokens=usage(9) | {"iterations": [*own, advice, *own]})))
    figures = {call.model: call.usage.output_tokens for call in calls_of(session) if call.usage}
    assert figures == {"claude-sonnet-4-5-20250929": 9, "claude-opus-4-7": 60}


@pytest.mark.parametrize(
    ("sent", "tier"),
    [({}, None), ({"speed": "fast"}, "fast"), ({"speed": "standard", "service_tier": "batch"}, "batch")],
)
def test_a_tier_of_its_own_price_is_kept(sent: dict[str, str], tier: str | None) -> None:
    """Speed and service tier are passed on unless they are the standard ones."""
    (call,) = calls_of(session_of(read(answer("m1", 1, tokens=usage(9) | sent))))
    assert call.service_tier == tier


HISTORY = [prompt(0), answer("msg_of_the_first_one", 1, uses("t1"), tokens=usage(30)), result("t1", 2)]


def resumed(history: Sequence[dict[str, Any]], **changed: Any) -> list[dict[str, Any]]:
    """Return a session that repeats another's lines, with something changed in each, and goes on."""
    copied = [line | changed for line in history]
    return [*copied, prompt(60, session="s2"), answer("msg_of_the_second", 61, tokens=usage(40), session="s2")]


def outputs(*files: tuple[str, Sequence[object]]) -> dict[str, list[int | None]]:
    """Return the output counts of each session, for files that are imported together."""
    shared = {"delegations": Delegations(), "claims": Claims()}
    spans = [span for name, content in files for span in read(*content, name=name, **shared).spans]
    return {
        session.session_id: [call.usage.output_tokens for call in calls_of(session) if call.usage]
        for session in normalise(spans)
    }


@pytest.mark.parametrize(
    "changed", [{"sessionId": "s2"}, {}, {"sessionId": "s2", "forkedFrom": {"sessionId": "s1", "messageUuid": "u"}}]
)
def test_copied_history_counts_in_the_session_it_came_from(changed: dict[str, Any]) -> None:
    """A resumed or forked session repeats lines under its own id, the old one's, or with a pointer to it."""
    both = outputs(("s1", HISTORY), ("s2", resumed(HISTORY, **changed)))
    assert both == {"s1": [30], "s2": [40]}


def test_a_copy_is_known_from_an_earlier_import() -> None:
    """Where the first session's file is gone, what is stored of it says whose the response is."""
    earlier = Claims({"msg_of_the_first_one": "s1"}.get)
    imported = read(*resumed(HISTORY, sessionId="s2"), name="s2", claims=earlier)
    assert imported.copied == 1
    assert [call.request_id for call in calls_of(session_of(imported))] == ["msg_of_the_second"]


PARENT = [
    prompt(0),
    answer("m1", 1, uses("t1", "Task", prompt="Count the words.", subagent_type="Explore"), tokens=usage(30)),
    result("t1", 9, "4 words", toolUseResult={"agentId": "a77", "totalTokens": 9}),
]
AGENT: dict[str, Any] = {"isSidechain": True, "agentId": "a77"}
CHILD = [
    prompt(2, "Count the words.", **AGENT),
    answer("m2", 3, uses("t2", "Bash", command="wc"), tokens=usage(7), **AGENT),
    result("t2", 4, "4", **AGENT),
]


def delegations_in(session: Session) -> list[tuple[str, str | None]]:
    """Return the sub-agents and the ids of the tool calls that started them."""
    tools = {step.step_id: step.tool_call_id for step in session.steps if isinstance(step, ToolCall)}
    agents = [step for step in session.steps if isinstance(step, AgentRun) and step.is_sub_agent]
    return [(agent.name, tools.get(agent.delegated_by or "")) for agent in agents]


@pytest.mark.parametrize(
    "told",
    [
        PARENT,
        [*PARENT[:2], result("t1", 9, [{"type": "text", "text": "4 words\nagentId: a77 (use SendMessage to go on)"}])],
        [
            *PARENT[:2],
            {"type": "progress", "parentToolUseID": "t1", "data": {"type": "agent_progress", "agentId": "a77"}},
        ],
        [
            *PARENT[:2],
            {
                "type": "queue-operation",
                "operation": "enqueue",
                "content": "<task-id>a77</task-id><tool-use-id>t1</tool-use-id>",
            },
        ],
    ],
)
def test_a_sub_agents_file_joins_the_tool_call_that_started_it(told: list[dict[str, Any]]) -> None:
    """Every way in which releases name a tool call's sub-agent joins the two, under the name of its kind."""
    shared = Delegations()
    session = session_of(read(*told, delegations=shared), read(*CHILD, name="agent-a77", delegations=shared))
    assert delegations_in(session) == [("Explore", "t1")]


def test_a_tool_that_only_speaks_of_an_agent_did_not_start_it() -> None:
    """A file that was read may hold the very words in which a sub-agent's answer names it."""
    reading = [answer("m0", 0.5, uses("t0", "Read"), tokens=usage(1)), result("t0", 0.6, "agentId: a77\n")]
    shared = Delegations()
    session = session_of(
        read(*reading, *PARENT, delegations=shared), read(*CHILD, name="agent-a77", delegations=shared)
    )
    assert delegations_in(session) == [("Explore", "t1")]


def test_a_sub_agent_of_unknown_start_is_still_the_parents() -> None:
    """Without a word about its start, a sub-agent's file belongs to the session that its lines name."""
    session = session_of(read(*PARENT[:2]), read(*CHILD, name="agent-a77"))
    assert delegations_in(session) == [("claude-code agent a77", None)]


def test_sub_agents_lines_between_the_others_are_told_apart() -> None:
    """Up to 2.0 they stood in the parent's file without a name: they hang together and began with the tool's prompt."""
    root = prompt(2, "Count the words.", isSidechain=True, parentUuid=None)
    inner = answer("m2", 3, uses("t2", "Bash", command="wc"), tokens=usage(7), isSidechain=True)
    written = [root, inner | {"parentUuid": root["uuid"]}, result("t2", 4, isSidechain=True, parentUuid=inner["uuid"])]
    session = session_of(read(*PARENT[:2], *written, result("t1", 9, "4 words")))
    assert delegations_in(session) == [("Explore", "t1")]
    agents = {call.request_id: call.agent_name for call in calls_of(session)}
    assert agents == {"m1": "claude-code", "m2": "Explore"}


def test_compaction_counts_nothing_and_loses_nothing() -> None:
    """The boundary and the summary are no calls; a file that repeats the history to compact it adds only its own."""
    after = [
        {"type": "system", "subtype": "compact_boundary", "compactMetadata": {"preTokens": 9}, "sessionId": "s1"},
        prompt(5, "This session is being continued ...", isCompactSummary=True),
        answer("m_after_the_compaction", 6, tokens=usage(3)),
    ]
    compacting = [line | {"isSidechain": True, "agentId": "acompact-1"} for line in HISTORY]
    own = answer("m_that_wrote_the_summary", 4, tokens=usage(600), isSidechain=True, agentId="acompact-1")
    files = ("s1", [*HISTORY, *after]), ("agent-acompact-1", [*compacting, own])
    assert sorted(output or 0 for output in outputs(*files)["s1"]) == [3, 30, 600]


def test_what_is_not_understood_is_counted_by_reason() -> None:
    """Unknown kinds, broken lines, lines without a time and lines that are too long leave the rest of a file alone."""
    content = lines(*HISTORY, {"type": "a-kind-of-next-year"}, {"no": "type"}, [1], HISTORY[1] | {"timestamp": None})
    imported = read_claude_code([*content, TOO_LONG, b'{"type":"assistant","mess'], "s1")
    assert imported.reasons == {
        "unknown type a-kind-of-next-year": 1,
        "without a type": 1,
        "not a JSON object": 2,
        "without a time or a message": 1,
        "longer than 32 MiB": 1,
    }
    assert len(calls_of(session_of(imported))) == 1


@pytest.mark.parametrize("broken", [b"\xff\xfe", b"\\ud83d", b"\\ud83dx"])
def test_text_that_was_cut_in_a_character_costs_no_line(broken: bytes) -> None:
    """Bytes that are no UTF-8 and halves of surrogate pairs become replacement characters."""
    line = json.dumps(answer("m1", 1, said("cut HERE"), tokens=usage(5))).encode().replace(b"HERE", broken)
    imported = read_claude_code([line], "s1")
    assert imported.skipped == 0
    (call,) = calls_of(session_of(imported))
    assert "\ufffd" in str(call.output_messages)


def test_a_session_imported_while_it_ran_is_completed_by_the_next_import() -> None:
    """The newer version of a response, a tool and an agent replaces the older; nothing counts twice."""
    written = [
        *HISTORY[:2],
        answer("msg_of_the_first_one", 1.5, said("more"), tokens=usage(80)),
        result("t1", 2, "late", failed=True),
    ]
    partial, whole = read(*written[:2]), read(*written)
    for order in ([partial, whole], [whole, partial]):
        session = session_of(*order)
        assert [call.usage.output_tokens for call in calls_of(session) if call.usage] == [80]
        assert [(step.result, step.error is not None) for step in session.steps if isinstance(step, ToolCall)] == [
            ("late", True)
        ]
    assert {(s.trace_id, s.span_id, s.start_time_unix_nano) for s in whole.spans}.isdisjoint(
        {(s.trace_id, s.span_id, s.start_time_unix_nano) for s in partial.spans}
    ), "the store takes a span with a known identity for one that was sent again"
