"""Codex's rollout files become the steps that telemetry would have told, in the shapes of 2025 and of 2026."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processors.model import AgentRun, ModelCall, Session, ToolCall, Usage
from processors.normalise import normalise
from processors.session_logs import Imported, Threads, read_codex
from tests.support.session_lines import counted, item, lines, made_at, meta, tokens_of, turn, wrapped


def read(*objects: object, threads: Threads | None = None) -> Imported:
    """Read a rollout with these lines."""
    return read_codex(lines(*objects), "from-the-name", threads)


def sessions_of(*imported: Imported) -> dict[str, Session]:
    """Return the sessions that some files came to, by id."""
    return {each.session_id: each for each in normalise([span for one in imported for span in one.spans])}


def session_of(*imported: Imported) -> Session:
    """Return the one session."""
    (session,) = sessions_of(*imported).values()
    return session


def inputs(session: Session) -> list[int | None]:
    """Return the input tokens of each call."""
    return [step.usage.input_tokens for step in session.steps if isinstance(step, ModelCall) and step.usage]


def tools_of(session: Session) -> dict[str | None, ToolCall]:
    """Return the tool runs by id."""
    return {step.tool_call_id: step for step in session.steps if isinstance(step, ToolCall)}


def test_each_response_counts_once_whatever_is_shown_again() -> None:
    """Repeats, rate limits alone, zeros after a compaction and totals that come late tell of no response."""
    zeros = wrapped("event_msg", 7, type="token_count", info={"total_token_usage": {**tokens_of(0), "total_tokens": 9}})
    written = [
        meta("c1"),
        turn(1),
        counted(2, 1_000, 1_000),
        counted(3, 1_000, 1_000),
        wrapped("event_msg", 4, type="token_count", info=None, rate_limits={"primary": {}}),
        counted(5, 5_000, 4_000),
        counted(6, 4_990, 4_000),
        zeros,
        counted(8, 9_500, 4_500),
    ]
    imported = read(*written)
    assert inputs(session_of(imported)) == [1_000, 4_000, 4_500]
    assert imported.skipped == 0


def test_a_total_alone_gives_its_difference() -> None:
    """Releases that wrote only the running total tell of a response by how far it moved."""
    written = [meta("c1"), turn(1), counted(2, 1_000, None), counted(3, 1_000, None), counted(4, 3_000, None)]
    assert inputs(session_of(read(*written))) == [1_000, 2_000]


def test_a_total_that_begins_anew_counts() -> None:
    """After a reset the total is the response's own."""
    assert inputs(session_of(read(meta("c1"), turn(1), counted(2, 90_000, 9_000), counted(3, 700, 700)))) == [
        9_000,
        700,
    ]


def test_usage_is_complete() -> None:
    """Input includes the cache, output the thinking; model, vendor and tier are those of the turn."""
    last = tokens_of(1_000) | {"cache_write_input_tokens": 50}
    info = {"total_token_usage": last, "last_token_usage": last}
    settings = wrapped("event_msg", 1, type="thread_settings_applied", thread_settings={"service_tier": "priority"})
    written = [meta("c1", model_provider="azure"), settings, turn(1, model="gpt-5.3-codex")]
    session = session_of(read(*written, wrapped("event_msg", 2, type="token_count", info=info)))
    (call,) = [step for step in session.steps if isinstance(step, ModelCall)]
    assert (call.model, call.service_tier) == ("gpt-5.3-codex", "priority")
    assert call.usage == Usage(
        input_tokens=1_000,
        cache_read_input_tokens=900,
        cache_write_input_tokens=50,
        output_tokens=100,
        reasoning_output_tokens=50,
    )


def test_every_kind_of_tool_has_arguments_and_an_answer() -> None:
    """Functions, custom tools and shells; answers as text, as text in JSON with an exit code, and as an object."""
    failed = json.dumps({"output": "no such file", "metadata": {"exit_code": 2, "duration_seconds": 0.1}})
    written = [
        meta("c1"),
        turn(1),
        item("function_call", 2, name="exec_command", arguments='{"cmd":"ls"}', call_id="k1"),
        item("custom_tool_call", 2, name="apply_patch", input="*** Begin Patch", call_id="k2", status="completed"),
        item("local_shell_call", 2, action={"type": "exec", "command": ["cat", "x"]}, call_id="k3"),
        item("function_call", 2, name="update_plan", arguments="{}", call_id="k4"),
        counted(3, 1_000, 1_000),
        item("function_call_output", 4, call_id="k1", output="Process exited with code 1\nOutput:\nno"),
        item("custom_tool_call_output", 4, call_id="k2", output="Success."),
        item("function_call_output", 4, call_id="k3", output=failed),
        item("function_call_output", 4, call_id="k4", output={"content": "refused", "success": False}),
    ]
    tools = tools_of(session_of(read(*written)))
    told = {key: (tool.name, tool.result, tool.error is not None) for key, tool in tools.items()}
    assert told == {
        "k1": ("exec_command", "Process exited with code 1\nOutput:\nno", True),
        "k2": ("apply_patch", "Success.", False),
        "k3": ("local_shell", "no such file", True),
        "k4": ("update_plan", "refused", True),
    }
    assert tools["k1"].arguments == '{"cmd":"ls"}'
    assert {tool.requested_by for tool in tools.values()} == {
        step.step_id for step in session_of(read(*written)).steps if isinstance(step, ModelCall)
    }


def test_a_call_written_after_its_usage_belongs_to_it() -> None:
    """The first releases with usage wrote a turn's items after its count: the tool is still that response's."""
    written = [
        meta("c1"),
        turn(1),
        counted(2, 1_000, 1_000),
        item("function_call", 2, name="shell", arguments="{}", call_id="k1"),
        item("function_call_output", 3, call_id="k1", output="ok"),
        counted(5, 3_000, 2_000),
    ]
    session = session_of(read(*written))
    first = next(step for step in session.steps if isinstance(step, ModelCall))
    assert tools_of(session)["k1"].requested_by == first.step_id


PARENT_ID, FORK_ID = made_at(0), made_at(100)
PARENT = [
    meta(PARENT_ID),
    turn(1, made_at(1)),
    item("function_call", 2, name="shell", arguments="{}", call_id="k1"),
    counted(3, 1_000, 1_000),
    item("function_call_output", 4, call_id="k1", output="ok"),
    counted(5, 3_000, 2_000),
]


def copied(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return lines as a fork repeats them: all under the time of the fork."""
    return [line | {"timestamp": counted(100, 0)["timestamp"]} for line in history]


OWN = [turn(101, made_at(101)), counted(102, 3_000, 2_000), counted(103, 7_000, 4_000)]
FORK = [meta(FORK_ID, 100, forked_from_id=PARENT_ID), *copied(PARENT), *OWN]


def test_a_fork_counts_only_its_own_turns() -> None:
    """What a fork repeats, of the parent and of the running total, is not counted, with or without the parent."""
    alone = read(*FORK)
    assert inputs(session_of(alone)) == [4_000]
    assert alone.copied == 2
    assert not tools_of(session_of(alone))
    threads = Threads()
    both = sessions_of(read(*PARENT, threads=threads), read(*FORK, threads=threads))
    assert {name: inputs(session) for name, session in both.items()} == {PARENT_ID: [1_000, 2_000], FORK_ID: [4_000]}


def test_a_fork_that_did_nothing_is_nothing() -> None:
    """A fork without a turn of its own has no calls."""
    assert read(*FORK[: -len(OWN)]).spans == ()


def test_turns_with_random_ids_are_told_apart_by_when_they_began() -> None:
    """Older turns have ids without a time; the event that starts them has the second."""
    old, new = "3f0e0000-0000-4000-8000-000000000001", "3f0e0000-0000-4000-8000-000000000002"
    started = int(meta(FORK_ID)["timestamp"][17:19])
    begun = 1_772_359_200 + started
    written = [
        meta(FORK_ID, 100, forked_from_id=PARENT_ID),
        meta(PARENT_ID, 100),
        wrapped("event_msg", 100, type="task_started", turn_id=old, started_at=begun + 1),
        turn(100, old),
        counted(100, 3_000, 2_000),
        wrapped("event_msg", 101, type="task_started", turn_id=new, started_at=begun + 101),
        turn(101, new),
        counted(102, 7_000, 4_000),
    ]
    assert inputs(session_of(read(*written))) == [4_000]


def spawned(child: str, call_id: str = "k9") -> list[dict[str, Any]]:
    """Return the lines by which a parent starts a sub-agent."""
    return [
        item("function_call", 6, name="spawn_agent", arguments='{"message":"count"}', call_id=call_id),
        counted(7, 6_000, 3_000),
        item("function_call_output", 8, call_id=call_id, output=json.dumps({"agent_id": child, "nickname": "Fennel"})),
    ]


def thread(parent: str, **more: str) -> dict[str, Any]:
    """Return how a sub-agent's `session_meta` names its parent."""
    return {"source": {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1, **more}}}}


@pytest.mark.parametrize(
    ("history", "named"),
    [
        ([], {}),
        ([meta(PARENT_ID, 100)], {}),
        ([meta(PARENT_ID, 100), *copied(PARENT[1:])], {"forked_from_id": PARENT_ID, "thread_source": "subagent"}),
    ],
)
def test_a_sub_agent_counts_its_own_calls_in_the_parents_session(
    history: list[dict[str, Any]], named: dict[str, str]
) -> None:
    """Whether its file names the parent, repeats it or does neither, it hangs under the tool call that started it."""
    threads = Threads()
    own = [turn(101, made_at(101)), counted(103, 7_000, 4_000)]
    child = [meta(FORK_ID, 100, session_id=PARENT_ID, **thread(PARENT_ID), **named), *history, *own]
    session = session_of(read(*PARENT, *spawned(FORK_ID), threads=threads), read(*child, threads=threads))
    assert inputs(session) == [1_000, 2_000, 3_000, 4_000]
    (agent,) = [step for step in session.steps if isinstance(step, AgentRun) and step.is_sub_agent]
    assert agent.delegated_by == tools_of(session)["k9"].step_id


@pytest.mark.parametrize(
    "described", [thread(PARENT_ID, agent_role="explorer"), thread(PARENT_ID) | {"agent_role": "explorer"}]
)
def test_a_sub_agent_has_the_name_of_its_role(described: dict[str, Any]) -> None:
    """Releases name the role with the parent or beside it."""
    threads = Threads()
    child = [meta(FORK_ID, 100, session_id=PARENT_ID, **described), turn(101, made_at(101)), counted(103, 7_000, 4_000)]
    session = session_of(read(*PARENT, *spawned(FORK_ID), threads=threads), read(*child, threads=threads))
    assert [step.name for step in session.steps if isinstance(step, AgentRun) and step.is_sub_agent] == ["explorer"]


def test_a_sub_agent_of_a_sub_agent_belongs_to_the_session_at_the_top() -> None:
    """Parents are followed to the one that nothing started."""
    grandchild, threads = made_at(200), Threads()
    child = [meta(FORK_ID, 100, **thread(PARENT_ID)), turn(101, made_at(101)), *spawned(grandchild, "k10")]
    last = [meta(grandchild, 200, **thread(FORK_ID)), turn(201, made_at(201)), counted(203, 500, 500)]
    parts = [read(*part, threads=threads) for part in ([*PARENT, *spawned(FORK_ID)], child, last)]
    session = session_of(*parts)
    assert session.session_id == PARENT_ID
    agents = [step for step in session.steps if isinstance(step, AgentRun) and step.is_sub_agent]
    started_by = {step.delegated_by for step in agents}
    assert started_by == {tools_of(session)[key].step_id for key in ("k9", "k10")}


def test_files_without_usage_have_calls_of_unknown_cost() -> None:
    """Before September 2025 lines were bare items without times: order, tools and answers are known, tokens are not."""
    session = session_of(
        read(
            {"id": "c0", "timestamp": "2025-08-18T01:16:13.522Z", "instructions": None, "git": {"branch": "main"}},
            {"record_type": "state"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I look."}]},
            {"type": "function_call", "name": "shell", "arguments": '{"command":["ls"]}', "call_id": "k1"},
            {"record_type": "state"},
            {"type": "function_call_output", "call_id": "k1", "output": '{"output":"a","metadata":{"exit_code":0}}'},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
        )
    )
    assert session.session_id == "c0"
    kinds = [type(step) for step in session.steps if not isinstance(step, AgentRun)]
    assert kinds == [ModelCall, ToolCall, ModelCall]
    assert inputs(session) == []
    assert tools_of(session)["k1"].result == "a"


def test_what_is_not_understood_is_counted() -> None:
    """Known kinds that hold nothing for us are passed over; unknown ones and broken lines are counted."""
    passed_over = [{"timestamp": "x", "type": "compacted", "payload": {"message": "m", "replacement_history": []}}]
    imported = read_codex(
        [*lines(meta("c1"), *passed_over, turn(1), counted(2, 10, 10), {"type": "a-new-one"}), b"\x00\x00\n"], "x"
    )
    assert imported.reasons == {"unknown type a-new-one": 1, "not a JSON object": 1}
    assert inputs(session_of(imported)) == [10]
