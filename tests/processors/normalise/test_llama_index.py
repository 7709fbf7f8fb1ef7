"""LlamaIndex' own tracing, against a recorded run and spans built by hand from it."""

from __future__ import annotations

import json
from dataclasses import replace

from collector.model import AttributeValue, Event, Span
from processors.model import ToolResponse
from tests.processors.normalise.counting import KINDS, counted, served_tools, spans_of
from tests.processors.support import load_recording, load_truth

_MAKE = spans_of("llamaindex.opentelemetry.tracer")
_PROMPT = [
    {"role": "user", "blocks": [{"block_type": "text", "text": "which?"}]},
    {"role": "tool", "additional_kwargs": {"tool_call_id": "call_1"}, "blocks": [{"block_type": "text", "text": "12"}]},
]
_BEGUN: dict[str, AttributeValue] = {"model_dict.model_name": "gpt-5", "messages": json.dumps(_PROMPT)}


def call(name: str, **ended: AttributeValue) -> Span:
    """Return the span of a model call, with its last event where that says anything."""
    events = [Event("LLMChatStartEvent", 0, _BEGUN)]
    sent = {f"response.{key.replace('__', '.')}": value for key, value in ended.items()}
    events += [Event("LLMChatEndEvent", 1, sent)] if sent else []
    return replace(_MAKE(1, name, {}), events=tuple(events))


def test_a_run_is_as_it_was_served() -> None:
    """Calls, tokens, tools and the agent inside a tool are those that the model server knows of."""
    found, truth = counted(*load_recording("llama-index")), load_truth("llama-index")
    assert len(found.answered) == truth["llm_calls"]
    assert found.requested() == served_tools(truth)
    assert [agent.is_sub_agent for agent in found.agents] == [False, True]
    for kind in (*KINDS[:2], *KINDS[3:]):
        assert found.tokens(kind) == truth[kind]


def test_a_stream_whose_end_is_lost_is_a_call_without_usage() -> None:
    """The first event alone names the model and the prompt; the usage is unknown."""
    (found,) = counted([call("OpenAI.astream_chat")]).calls
    assert (found.provider, found.model, found.usage) == ("openai", "gpt-5", None)
    assert found.input_messages is not None
    assert found.input_messages[1].parts == (ToolResponse("call_1", "12"),)


def test_anthropics_counts_leave_out_the_cached_tokens() -> None:
    """The vendor's own usage is read as the vendor means it."""
    (found,) = counted(
        [call("Anthropic.achat", raw__usage__input_tokens=10, raw__usage__cache_read_input_tokens=2000,
              raw__usage__output_tokens=5)]
    ).calls  # fmt: skip
    assert found.usage is not None
    assert found.usage.input_tokens == 2010


def test_without_the_vendors_answer_the_frameworks_counts_are_read() -> None:
    """Some classes of models pass on two counts only."""
    sent: dict[str, AttributeValue] = {
        "additional_kwargs__prompt_tokens": 40,
        "additional_kwargs__completion_tokens": 2,
    }
    (found,) = counted([call("Ollama.achat", **sent)]).calls
    assert found.usage is not None
    assert (found.usage.input_tokens, found.usage.output_tokens) == (40, 2)


def test_classes_that_no_vendor_is_called_like_leave_it_to_the_model() -> None:
    """`OpenAILike` bills nothing: whose model it is decides."""
    (found,) = counted([call("OpenAILike.achat")]).calls
    assert found.provider == "openai"


def test_private_methods_are_no_steps() -> None:
    """What only prepares a call is not one."""
    prepares = _MAKE(2, "OpenAI._prepare_chat_with_tools", {}, parent=1)
    (session,) = counted([call("OpenAI.achat"), prepares]).sessions
    assert len(session.steps) == 1
