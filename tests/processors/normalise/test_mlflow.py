"""MLflow. No recording of an agent exists.

One fixture is what the exporter of mlflow-skinny 3.17.2 really sent for an agent with one call (its answer written by
hand) and one tool; the other spans are built by hand from the attributes of that release.
"""

from __future__ import annotations

import json

from collector.model import AttributeValue
from tests.processors.normalise.counting import counted, spans_of
from tests.processors.support import load_export

_MAKE = spans_of("mlflow")


def _sent(kind: str, **attributes: object) -> dict[str, AttributeValue]:
    named = {
        "mlflow.spanType": kind,
        **{f"mlflow.{key.replace('__', '.')}": value for key, value in attributes.items()},
    }
    return {key: json.dumps(value) for key, value in named.items()}


_USAGE = {
    "input_tokens": 400, "output_tokens": 30, "total_tokens": 430, "cache_read_input_tokens": 300,
    "cache_creation_input_tokens": 50,
}  # fmt: skip
_ANSWER = {
    "id": "r-1", "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c-1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sea"}'}},
    ]}}],
}  # fmt: skip
_ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "look at the sea"}]}
_SPANS = (
    _MAKE(1, "run", _sent("AGENT", trace__session="s-1", chat__tokenUsage=_USAGE)),
    _MAKE(2, "Completions", _sent(
        "CHAT_MODEL", chat__tokenUsage=_USAGE, llm__model="gpt-4o-mini", llm__provider="openai",
        llm__cost={"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}, spanInputs=_ASKED, spanOutputs=_ANSWER,
    ), parent=1, at=(1, 3)),
    _MAKE(3, "look", _sent("TOOL", spanInputs={"at": "sea"}, spanOutputs="waves"), parent=1, at=(4, 5)),
)  # fmt: skip


def test_usage_is_counted_on_the_model_alone() -> None:
    """An agent's usage is what its calls used."""
    found = counted(_SPANS)
    assert len(found.calls) == 1
    assert found.tokens("input_tokens") == 400
    assert found.tokens("cache_read_input_tokens") == 300
    assert found.tokens("cache_write_input_tokens") == 50
    assert found.tokens("output_tokens") == 30
    assert found.tokens("reasoning_output_tokens") is None


def test_a_total_tells_whether_cached_tokens_are_in() -> None:
    """Counts taken from Anthropic's client as they are leave cached tokens out: the total says so."""
    sent = _sent("CHAT_MODEL", chat__tokenUsage={**_USAGE, "input_tokens": 50}, llm__model="claude-sonnet-4-5")
    assert counted([_MAKE(1, "Messages", sent)]).tokens("input_tokens") == 400


def test_model_cost_and_tool_are_read_from_json() -> None:
    """Every value is JSON text, also the names."""
    found = counted(_SPANS)
    call = found.calls[0]
    assert (call.model, call.provider, str(call.reported_cost)) == ("gpt-4o-mini-2024-07-18", "openai", "0.3")
    assert found.requested() == [("look", {"at": "sea"})]
    assert [(tool.tool_call_id, tool.result) for tool in found.tools] == [("c-1", "waves")]


def test_the_sessions_name_has_no_quotes() -> None:
    """The session is named as the application named it."""
    assert [session.session_id for session in counted(_SPANS).sessions] == ["s-1"]


def test_the_real_exporters_spans_are_read() -> None:
    """What mlflow-skinny itself sent: one call inside an agent, one tool, no session's name."""
    found = counted(load_export("mlflow-skinny-3.17.2"))
    assert {step.dialect for step in found.steps} == {"mlflow"}
    assert [(call.model, call.usage and call.usage.input_tokens) for call in found.calls] == [
        ("gpt-4o-mini-2024-07-18", 400)
    ]
    assert found.tokens("cache_read_input_tokens") == 300
    assert found.tokens("output_tokens") == 30
    assert found.requested() == [("look", {"at": "sea"})]
    assert [(tool.tool_call_id, tool.result) for tool in found.tools] == [("c-1", "waves")]
    assert [agent.name for agent in found.agents] == ["run"]
    assert [session.session_source for session in found.sessions] == ["trace"]
