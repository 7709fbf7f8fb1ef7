"""LangSmith's OTel export. No recording of an agent exists.

One fixture is what the exporter of langsmith 0.15.0 really sent for a chain with one call (its answer written by hand)
and one tool; the other spans are built by hand from that exporter's source.
"""

from __future__ import annotations

import json

from tests.processors.normalise.counting import counted, spans_of
from tests.processors.support import load_export

_MAKE = spans_of("langsmith")
_THREAD = {"langsmith.metadata.thread_id": "thread-1", "langsmith.trace.session_id": "project-7"}
_USAGE = {
    "gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 60, "gen_ai.usage.total_tokens": 960,
    "gen_ai.usage.input_token_details": "{'cache_read': 700, 'cache_creation': 100}",
    "gen_ai.usage.output_token_details": "{'reasoning': 32}",
}  # fmt: skip
_ANSWER = {
    "generations": [[{
        "text": "",
        "message": {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {
            "content": "", "tool_calls": [{"name": "look", "args": {"at": "sea"}, "id": "c-1", "type": "tool_call"}],
        }},
    }]],
}  # fmt: skip
_CALL = {
    **_THREAD, **_USAGE, "langsmith.span.kind": "llm", "gen_ai.operation.name": "chat", "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-5", "gen_ai.prompt": '{"messages": [[["human", "look at the sea"]]]}',
    "gen_ai.completion": json.dumps(_ANSWER),
}  # fmt: skip
_SPANS = (
    _MAKE(1, "chain", {**_THREAD, **_USAGE, "langsmith.span.kind": "chain", "gen_ai.operation.name": "chain"}),
    _MAKE(2, "ChatOpenAI", _CALL, parent=1, at=(1, 3)),
    _MAKE(3, "look", {
        **_THREAD, "langsmith.span.kind": "tool", "gen_ai.operation.name": "tool", "langsmith.trace.name": "look",
        "gen_ai.prompt": '{"input": "{\'at\': \'sea\'}"}', "gen_ai.completion": '{"output": {"content": "waves",'
        ' "tool_call_id": "c-1"}}',
    }, parent=1, at=(4, 5), status=2),
)  # fmt: skip


def test_usage_is_counted_on_the_run_of_the_model_alone() -> None:
    """A chain repeats what its model reported; details come as Python literals."""
    found = counted(_SPANS)
    assert len(found.calls) == 1
    assert found.tokens("input_tokens") == 900
    assert found.tokens("cache_read_input_tokens") == 700
    assert found.tokens("cache_write_input_tokens") == 100
    assert found.tokens("output_tokens") == 60
    assert found.tokens("reasoning_output_tokens") == 32


def test_the_thread_is_the_session_not_the_project() -> None:
    """`langsmith.trace.session_id` names a project, in which every conversation would be one session."""
    assert [session.session_id for session in counted(_SPANS).sessions] == ["thread-1"]


def test_tools_are_counted_once_with_arguments() -> None:
    """The run of the tool and the model's request are one tool call."""
    found = counted(_SPANS)
    assert found.requested() == [("look", {"at": "sea"})]
    assert found.failed_tools == ["c-1"]


def test_details_are_read_from_the_answer_where_no_attribute_has_them() -> None:
    """For LangChain's models the exporter sends totals alone; what was cached stands in the message."""
    details = {"input_token_details": {"cache_read": 700}, "output_token_details": {"reasoning": 32}}
    message = {"lc": 1, "id": ["messages", "AIMessage"], "kwargs": {"content": "waves", "usage_metadata": details}}
    answer = json.dumps({"generations": [[{"text": "waves", "message": message}]]})
    sent = {key: value for key, value in _CALL.items() if not key.endswith("_token_details")}
    found = counted([_MAKE(1, "ChatOpenAI", {**sent, "gen_ai.completion": answer})])
    assert found.tokens("input_tokens") == 900
    assert found.tokens("cache_read_input_tokens") == 700
    assert found.tokens("reasoning_output_tokens") == 32


def test_the_real_exporters_spans_are_read() -> None:
    """What langsmith itself sent: a chain that repeats the usage of its one call, and a tool."""
    found = counted(load_export("langsmith-0.15.0"))
    assert {step.dialect for step in found.steps} == {"langsmith"}
    assert [(call.model, call.provider) for call in found.calls] == [("gpt-5-2025-08-07", "openai")]
    assert found.tokens("input_tokens") == 900
    assert found.tokens("cache_read_input_tokens") == 700
    assert found.tokens("output_tokens") == 60
    assert found.tokens("reasoning_output_tokens") == 32
    assert found.requested() == [("look", {"at": "sea"})]
    assert [(tool.tool_call_id, tool.result) for tool in found.tools] == [("c-1", "waves")]
    assert [session.session_id for session in found.sessions] == ["thread-1"]
