"""One tool run counted once, and runs that only the messages tell of: hand-built signals."""

from __future__ import annotations

import json

import pytest

from collector.model import Attributes, AttributeValue
from processors.model import ToolCall
from processors.normalise import agents, requests, tools
from processors.normalise.failing import exit_code_failure, failure_in
from tests.processors.normalise.counting import counted, spans_of

ours = spans_of("some.framework")
theirs = spans_of("some.mcp.client")


def run(name: str = "read", identifier: str | None = "c1", more: Attributes | None = None) -> Attributes:
    """Return a tool run's attributes."""
    known = {"gen_ai.tool.call.id": identifier} if identifier is not None else {}
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, **known, **(more or {})}


def asking(*requests_: tuple[str, str, dict[str, object]], prompt: object = "Go.") -> Attributes:
    """Return a model call's attributes that asks for tools: id, name, arguments."""
    parts = [{"type": "tool_call", "id": id_, "name": name, "arguments": sent} for id_, name, sent in requests_]
    return {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5", "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5, "gen_ai.input.messages": json.dumps(prompt),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}]),
    }  # fmt: skip


def answering(identifier: str, text: str) -> list[dict[str, object]]:
    """Return a prompt that goes on with a tool's answer."""
    return [
        {"role": "user", "parts": [{"type": "text", "content": "Go."}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": identifier, "response": text}]},
    ]


def test_a_transport_span_inside_a_tool() -> None:
    """The MCP client's and server's spans of a tool are not runs of their own (R9)."""
    mcp = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "read"}
    spans = [
        ours(1, "execute_tool read", run()),
        theirs(2, "tools/call read", mcp, parent=1, at=(1, 9)),
        theirs(3, "tools/call read", mcp, parent=2, at=(2, 8)),
    ]
    found = counted(spans)
    assert [tool.span_id for tool in found.tools] == [spans[0].span_id]


def test_a_transport_span_alone_is_the_run() -> None:
    """Where nothing else reports a tool, its transport span is its run."""
    assert (
        len(
            counted([theirs(1, "tools/call read", {"mcp.method.name": "tools/call", "gen_ai.tool.name": "read"})]).tools
        )
        == 1
    )


def test_two_instrumentations_with_one_call_id() -> None:
    """A call id seen by two instrumentations is one run, with the failure that only one of them saw."""
    found = counted([ours(1, "t", run()), theirs(2, "t", run(more={"error.type": "boom"}), at=(0, 9))])
    assert [(tool.tool_call_id, tool.error is not None) for tool in found.tools] == [("c1", True)]
    loser = next(step for step in found.sessions[0].steps if step.counted_by is not None)
    assert loser.note == tools.SAME_CALL


def test_a_server_that_reuses_call_ids() -> None:
    """The same id with other arguments is another run: local servers number calls per answer."""
    one, other = ({"gen_ai.tool.call.arguments": json.dumps({"n": number})} for number in (1, 2))
    assert len(counted([ours(1, "t", run(more=one)), ours(2, "t", run(more=other), at=(20, 30))]).tools) == 2


def test_runs_without_ids_are_matched_in_order() -> None:
    """Tool spans without ids are given those of the requests before them, with their arguments."""
    spans = [
        ours(1, "chat", asking(("c1", "read", {"p": 1}), ("c2", "read", {"p": 2})), at=(0, 10)),
        ours(2, "t", run(identifier=None), at=(11, 12)),
        ours(3, "t", run(identifier=None), at=(13, 14)),
    ]
    found = counted(spans)
    assert [(tool.tool_call_id, tool.arguments) for tool in found.tools] == [("c1", '{"p":1}'), ("c2", '{"p":2}')]
    assert {tool.requested_by for tool in found.tools} == {spans[0].span_id}


def test_tools_in_the_users_own_code_are_inferred() -> None:
    """A request whose answer stands in the next prompt is a run, timed between the two calls, marked inferred."""
    spans = [
        ours(1, "chat", asking(("c1", "read", {"p": 1})), at=(0, 10)),
        ours(2, "chat", asking(prompt=answering("c1", "7 rows")), at=(20, 30)),
    ]
    (tool,) = counted(spans).tools
    assert (tool.inferred, tool.note, tool.result) == (True, requests.INFERRED, "7 rows")
    assert (tool.started_at, tool.ended_at) == (spans[0].end_time_unix_nano, spans[1].start_time_unix_nano)
    assert tool.span_id is None


def test_a_reported_run_is_not_inferred_again() -> None:
    """Where a span reports the run, the messages only add what it lacks."""
    spans = [
        ours(1, "chat", asking(("c1", "read", {"p": 1})), at=(0, 10)),
        ours(2, "t", run(), at=(11, 19)),
        ours(3, "chat", asking(prompt=answering("c1", "7 rows")), at=(20, 30)),
    ]
    (tool,) = counted(spans).tools
    assert (tool.inferred, tool.arguments, tool.result) == (False, '{"p":1}', "7 rows")


def test_answers_under_an_id_of_their_own() -> None:
    """Some producers rename calls between request and answer: one open request and one new answer are a pair."""
    spans = [
        ours(1, "chat", asking(("fc_1", "read", {})), at=(0, 10)),
        ours(2, "chat", asking(prompt=answering("call_9", "7 rows")), at=(20, 30)),
    ]
    assert [tool.result for tool in counted(spans).tools] == ["7 rows"]


def test_an_unanswered_request_says_so() -> None:
    """A request without an answer is listed without a result, and the note tells why."""
    (tool,) = counted([ours(1, "chat", asking(("c1", "read", {})))]).tools
    assert (tool.result, tool.note) == (None, requests.UNANSWERED)


def test_an_agent_called_like_a_tool() -> None:
    """A request that started an agent run without a tool span is that delegation."""
    sub = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "checker"}
    host = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "main"}
    spans = [
        ours(1, "invoke_agent main", host, at=(0, 40)),
        ours(2, "chat", asking(("c1", "checker", {})), parent=1, at=(1, 10)),
        ours(3, "invoke_agent checker", sub, parent=1, at=(11, 20)),
    ]
    found = counted(spans)
    (tool,) = found.tools
    checker = next(run for run in found.agents if run.name == "checker")
    assert (tool.note, checker.is_sub_agent, checker.delegated_by) == (requests.AS_AGENT, True, tool.step_id)
    assert checker.parent_step_id == tool.step_id


def test_a_handoff_beside_the_agent() -> None:
    """An agent that a transfer names and that begins after it is a sub-agent, also as a sibling."""
    handoff = run("transfer_to_agent", more={"gen_ai.tool.call.arguments": '{"agent_name": "checker"}'})
    spans = [
        ours(1, "invoke_agent main", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "main"}, at=(0, 9)),
        ours(2, "t", handoff, parent=1, at=(8, 9)),
        ours(
            3,
            "invoke_agent checker",
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "checker"},
            at=(10, 19),
        ),
    ]
    assert [(run_.name, run_.is_sub_agent) for run_ in counted(spans).agents] == [("main", False), ("checker", True)]


def test_calls_inside_a_tool_are_an_agent() -> None:
    """Model calls and tools inside of a tool are a sub-agent that the source does not name; one call alone is not."""
    inner: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.input_tokens": 1,
    }
    outer = run("ask", more={"gen_ai.tool.call.arguments": '{"coworker": "Report checker"}'})
    spans = [
        ours(1, "t", outer, at=(0, 40)),
        *(ours(number, "chat", inner, parent=1, at=(number, number + 1)) for number in (2, 4)),
    ]
    assert [(found.name, found.note) for found in counted(spans).agents] == [("Report checker", agents.IMPLIED)]
    assert counted(spans[:2]).agents == []


@pytest.mark.parametrize(
    "result",
    ["ERROR: rates service unavailable (503)", "Error: timeout", "ValueError: bad",
     "Traceback (most recent call last)\n  x",
     '{"error": "no such table"}', '{"isError": true, "content": []}', '{"status": "error", "message": "x"}',
     "Failed to invoke Tool `look` with parameters {}. Error: down",
     "Process exited with code 7\nOutput:\nx", "Exit Code: 2", '{"success": false}'],
)  # fmt: skip
def test_answers_that_confess_a_failure(result: str) -> None:
    """A tool without a span failed if its answer begins with an error, says so, or has an exit code."""
    assert failure_in(result) is not None


@pytest.mark.parametrize(
    "result",
    ["7 rows", "Errors found: none in 12 files", "The error rate is 3 %", '{"errors": []}',
     '{"error": null, "rows": 7}',
     '{"error": "", "rows": 1}', "Process exited with code 0", "exit code: 0", None, "", '{"status": "ok"}',
     "error_log.txt", "Failed to\nfind"],
)  # fmt: skip
def test_answers_that_only_speak_of_errors(result: str | None) -> None:
    """Text about errors is a result like any other."""
    assert failure_in(result) is None


def test_exit_codes_carry_the_output() -> None:
    """A failed command's error holds the code and what the command printed."""
    failure = exit_code_failure("Chunk ID: 1\nProcess exited with code 7\nOutput:\nunavailable (503)\n")
    assert failure is not None
    assert (failure.type, failure.message) == ("exit_code_7", "unavailable (503)")


def test_steps_are_typed_for_the_reader() -> None:
    """Every tool step is a `ToolCall`, inferred or reported."""
    assert all(isinstance(tool, ToolCall) for tool in counted([ours(1, "t", run())]).tools)


@pytest.mark.parametrize(
    "sent",
    [
        '{"content": [{"type": "text", "text": "no such file"}], "isError": true}',
        {"content": [{"type": "text", "text": "no such file"}], "isError": True},
        '{"output": {"type": "tool", "data": {"content": "no such file", "tool_call_id": "c", "status": "error"}}}',
        '{"type": "tool", "data": {"content": "no such file", "tool_call_id": "c", "status": "error"}}',
        '{"lc": 1, "kwargs": {"content": "no such file", "tool_call_id": "c", "status": "error"}}',
    ],
)
def test_wrappers_tell_of_failures(sent: AttributeValue) -> None:
    """A run whose span says nothing of an error failed if the wrapper of its answer says so."""
    attributes: Attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look",
        "gen_ai.tool.call.result": sent,
    }
    (run,) = counted([spans_of("some.sdk")(1, "execute_tool look", attributes)]).tools
    assert run.error is not None
    assert run.error.message == "no such file"


@pytest.mark.parametrize(
    "sent",
    ['{"isError": false, "content": []}', '{"status": "error", "rows": 7}', "the status is error", '{"error": null}'],
)
def test_answers_that_only_speak_of_errors_are_answers(sent: str) -> None:
    """What a tool reports on is no failure of the tool."""
    attributes: Attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": sent}
    (run,) = counted([spans_of("some.sdk")(1, "execute_tool look", attributes)]).tools
    assert run.error is None


def test_a_request_under_the_id_of_its_item() -> None:
    """A run whose id nobody asked for is the one asked for under another id, by name, arguments and time."""
    sent = {"gen_ai.tool.call.arguments": '{"n": 1}'}
    asked = asking(("fc_0123456789", "read", {"n": 1}))
    spans = [ours(1, "chat gpt-5", asked), ours(2, "t", run(identifier="call_9876543210", more=sent), at=(11, 12))]
    found = counted(spans)
    assert [(tool.tool_call_id, tool.requested_by is not None) for tool in found.tools] == [("call_9876543210", True)]


def test_a_request_does_not_take_another_tools_run() -> None:
    """A run with an id and other arguments is not the one asked for: that one was not seen."""
    sent = {"gen_ai.tool.call.arguments": '{"n": 2}'}
    asked = asking(("fc_0123456789", "read", {"n": 1}))
    spans = [ours(1, "chat gpt-5", asked), ours(2, "t", run(identifier="call_9876543210", more=sent), at=(11, 12))]
    assert len(counted(spans).tools) == 2


def test_a_bare_argument_and_the_object_that_holds_it() -> None:
    """Two instrumentations saw one run, though only one of them sent the argument's name."""
    bare = run(identifier=None, more={"gen_ai.tool.call.arguments": '"EUR"'})
    whole = run(more={"gen_ai.tool.call.arguments": '{"currency": "EUR"}'})
    found = counted([ours(1, "t", whole), theirs(2, "t", bare, at=(0, 10))])
    assert [tool.arguments for tool in found.tools] == ['{"currency":"EUR"}']


def test_a_handoff_is_the_tool_that_the_model_called() -> None:
    """A handoff is counted once, under the name by which the model asks for it, known target or not."""
    handoff = {"gen_ai.operation.name": "agent_handoff", "gen_ai.handoff.to_agent": "checker"}
    assert [tool.name for tool in counted([ours(1, "handoff", handoff)]).tools] == ["transfer_to_checker"]
    asked = asking(("call_0123456789", "transfer_to_checker", {}))
    nameless = {"gen_ai.operation.name": "handoff", "gen_ai.handoff.from_agent": "main"}
    found = counted([ours(1, "chat gpt-5", asked), ours(2, "main → unknown", nameless, at=(11, 12))])
    assert [(tool.name, tool.inferred) for tool in found.tools] == [("transfer_to_checker", False)]


def test_a_servers_own_span_is_no_second_run() -> None:
    """Models know an MCP server's tool by a name that begins with the server's; the server's span has it without."""
    framework = spans_of("some.framework")(1, "mcp__x__read", run("mcp__x__read"), at=(0, 10))
    server = {"mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "read"}
    (tool,) = counted([framework, spans_of("mcp-python-sdk")(2, "tools/call read", server, at=(1, 2))]).tools
    assert tool.name == "mcp__x__read"
