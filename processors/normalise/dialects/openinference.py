"""OpenInference (Arize), whichever framework it instruments: kinds and messages in flattened attributes.

Input counts include cached tokens. Span names are free text, except where a framework says nothing elsewhere.
Source: openinference-semantic-conventions 0.1.42 and the instrumentations of 2026.
"""

from __future__ import annotations

import re
from decimal import Decimal

from collector.model import AttributeValue, Span
from processors.model import Message, Part, StepError, ToolDefinition
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects import openinference_usage as usage
from processors.normalise.dialects.crewai import crew_total
from processors.normalise.dialects.openinference_messages import (
    INPUT,
    OUTPUT,
    agent_answer,
    are_hollow,
    langchain_answer,
    raw_output,
    raw_prompt,
    spelled_messages,
)
from processors.normalise.dialects.reader import Kind, Reader
from processors.normalise.flattened import list_at, without_wrappers
from processors.normalise.usage import Counted, Counts, without_cached
from processors.normalise.values import first, mapping, structured, text, texts, usd

SPAN_KIND = "openinference.span.kind"
_KINDS: dict[str, Kind] = {
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "TOOL": "tool",
    "AGENT": "agent",
    "CHAIN": "workflow",
}
_HANDOFF = "handoff to "
_HOOKS = (".before_agent", ".after_agent")
"""What LangChain's middleware is called; the instrumentation takes every name with `agent` in it for an agent's."""
_RESPONSE_ID = re.compile(r"\w+\(id='([^']+)'")
_MASTRA_SPAN = "mastra.span.type"
_MASTRA: dict[str, Kind | None] = {
    "model_generation": "workflow",
    "model_step": "chat",
    "model_inference": "workflow",
    "model_chunk": None,
}
"""What Mastra's exporter calls a model call, whatever it is: a loop of calls, each call, and what came of it."""
_OF_AGENTS_SDK = re.compile(r"openai[_-]agents$")


class OpenInference(Reader):
    """Reads `openinference.*`, `llm.*` and `tool.*`."""

    name = "openinference"

    def owns(self, signal: Signal) -> bool:
        """Tell by the kind, which every OpenInference span has."""
        return SPAN_KIND in signal.attributes

    def kind(self, span: Span) -> Kind | None:
        """Return the span's kind; a chain that is a LangChain agent, and a trace's nameless root, are what they are.

        What a framework traces by its name alone is no model call, and its hooks are no agents.
        """
        mastra = text(span.attributes, _MASTRA_SPAN)
        if mastra in _MASTRA:
            return _MASTRA[mastra]
        kind = _KINDS.get(text(span.attributes, SPAN_KIND) or "", "other")
        if kind == "workflow" and (_langchain_agent(span) is not None or _haystack_agent(span)):
            return "agent"
        if kind == "chat" and _prepares_a_call(span):
            return None
        if kind == "agent" and "langchain" in span.scope.name and (span.name.endswith(_HOOKS) or _asks_the_model(span)):
            return "workflow"
        nameless_root = kind == "agent" and _OF_AGENTS_SDK.search(span.scope.name) and not self.agent_id(span)
        return "workflow" if nameless_root else kind

    def counts(self, span: Span) -> Counts:
        """Return the token counts, wherever the framework or the release of the instrumentation left them."""
        return usage.counts(span)

    def rollup_counts(self, span: Span) -> Counts:
        """Return a parent's counts; a crew's stand in its result."""
        crew = mapping(raw_output(span).get("token_usage")) if "crewai" in span.scope.name else {}
        return crew_total(crew) if crew else super().rollup_counts(span)

    def own_calls(self, span: Span) -> bool:
        """Tell so of Mastra's loops."""
        return _MASTRA_SPAN in span.attributes

    def usage(self, span: Span) -> Counted:
        """Return the usage; incomplete where the instrumentation is known to have dropped the cached tokens."""
        result = super().usage(span)
        return without_cached(result) if usage.drops_cached(span) else result

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the response's and the request's model."""
        sent = span.attributes
        asked = mapping(structured(first(sent, "llm.invocation_parameters"))).get("model")
        return (
            text(sent, "llm.response.model_name", "llm.model_name", "embedding.model_name"),
            text(sent, "llm.request.model_name") or (asked if isinstance(asked, str) else None),
        )

    def provider(self, span: Span) -> str | None:
        """Return the vendor: the provider that hosts, else the system that is spoken."""
        return text(span.attributes, "llm.provider", "llm.system")

    def service_tier(self, span: Span) -> str | None:
        """Return the tier that the raw response names."""
        tier = raw_output(span).get("service_tier")
        return tier if isinstance(tier, str) else None

    def request_ids(self, span: Span) -> tuple[str, ...]:
        """Return the response's id, which stands only in the raw response."""
        raw = raw_output(span)
        reply = _RESPONSE_ID.match(str(raw.get("raw") or ""))
        if reply is not None:
            return (reply[1],)
        identifier = raw.get("id") or mapping(raw.get("llm_output")).get("id")
        return (identifier,) if isinstance(identifier, str) and identifier else ()

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt, also from the raw request where it was not spelled out."""
        spelled = spelled_messages(span.attributes, "llm.input_messages", "user")
        if spelled and not are_hollow(span, "llm.input_messages"):
            return spelled
        return read.messages(raw_prompt(span.attributes), "user") or spelled

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer; an agent's is its output."""
        spelled = spelled_messages(span.attributes, "llm.output_messages", "assistant")
        if spelled is None and self.kind(span) == "agent":
            return read.messages(agent_answer(first(span.attributes, OUTPUT)), "assistant")
        if are_hollow(span, "llm.output_messages"):
            return read.messages(langchain_answer(span), "assistant") or spelled
        return spelled

    def system_instructions(self, span: Span) -> tuple[Part, ...] | None:
        """Return the instructions of a Responses call, which stand among its parameters."""
        for holder in ("llm.invocation_parameters", INPUT):
            parameters = mapping(structured(first(span.attributes, holder)))
            for key in ("instructions", "system", "system_instruction"):
                if parameters.get(key):
                    return read.system_parts(parameters[key])
        return None

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:
        """Return the tools offered, each a JSON schema."""
        tools = [structured(mapping(item).get("json_schema")) for item in list_at(span.attributes, "llm.tools")]
        lifted = [without_wrappers(item, ()) for item in tools]
        return read.tool_definitions([mapping(mapping(item).get("tool")) or item for item in lifted])

    def finish_reasons(self, span: Span) -> tuple[str, ...]:
        """Return the finish reason."""
        return texts(first(span.attributes, "llm.finish_reason"))

    def reported_cost(self, span: Span) -> Decimal | None:
        """Return the total cost."""
        return usd(span.attributes, "llm.cost.total") or None

    def error(self, span: Span) -> StepError | None:
        """Return why it failed; translated spans of Strands are in order although they say that the tool is not."""
        failed = text(span.attributes, "tool.status") == "error"
        return super().error(span) or (StepError("tool_error", self.tool_result(span) or "") if failed else None)

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name; a handoff is called as the model calls it."""
        if span.name.startswith(_HANDOFF):
            return "transfer_to_" + span.name.removeprefix(_HANDOFF)
        return text(span.attributes, "tool.name", "tool_call.function.name")

    def tool_call_id(self, span: Span) -> str | None:
        """Return the call's id, also from LangChain's answer."""
        sent = text(span.attributes, "tool_call.id", "tool.id")
        answer = mapping(structured(first(span.attributes, OUTPUT)))
        held = (mapping(answer.get("data")) or mapping(answer.get("kwargs")) or answer).get("tool_call_id")
        return sent or (held if isinstance(held, str) else None)

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments: an object, a bare value, or wrapped in the framework's own call."""
        if span.name.startswith(_HANDOFF):
            return None
        sent = first(span.attributes, "tool_call.function.arguments", INPUT)
        held = mapping(structured(sent))
        if "kwargs" in held and ("sanitize_inputs_outputs" in held or "llama_index" in span.scope.name):
            return read.arguments(held["kwargs"] or held.get("args"))
        return read.arguments(sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the output as sent."""
        return first(span.attributes, OUTPUT)

    def tool_result(self, span: Span) -> str | None:
        """Return the output."""
        sent = self.sent_result(span)
        return read.result_text(sent) if sent is not None else None

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name; smolagents and CrewAI say it only in the span's."""
        named = text(span.attributes, *_agent_names(span)) or _langchain_agent(span)
        if named is None and text(span.attributes, SPAN_KIND) == "AGENT":
            return span.name.rpartition(".")[0] or span.name
        return named

    def agent_id(self, span: Span) -> str | None:
        """Return the agent's node in the graph."""
        return text(span.attributes, "graph.node.id", "agent.id", "agent.name")


def _agent_names(span: Span) -> tuple[str, ...]:
    """Return where an agent's name may stand; a node that is a call or a tool is called after that."""
    told = ("agent.name", "gen_ai.agent.name")
    itself = text(span.attributes, SPAN_KIND) in {"LLM", "TOOL"}
    return told if itself else (*told, "graph.node.name", "graph.node.id")


def _langchain_agent(span: Span) -> str | None:
    """Return the name of the LangChain agent that a chain is the run of."""
    if "langchain" not in span.scope.name or text(span.attributes, SPAN_KIND) != "CHAIN":
        return None
    named = mapping(structured(first(span.attributes, "metadata"))).get("lc_agent_name")
    return named if isinstance(named, str) and named == span.name else None


def _asks_the_model(span: Span) -> bool:
    """Tell the node of LangGraph's own agent that asks the model, which was called `agent`: its tools run beside it."""
    node = mapping(structured(first(span.attributes, "metadata"))).get("langgraph_node")
    return span.name == node == "agent"


def _haystack_agent(span: Span) -> bool:
    """Tell the run of an agent, which is called a chain like any other component."""
    return "haystack" in span.scope.name and span.name == "Agent.run"


def _prepares_a_call(span: Span) -> bool:
    """Tell LlamaIndex' private methods: a class of models has them traced as calls, whatever they do."""
    return "llama_index" in span.scope.name and span.name.rpartition(".")[2].startswith("_")
