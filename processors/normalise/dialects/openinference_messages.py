"""Messages in OpenInference: flattened attributes, and the raw requests and responses of the frameworks."""

from __future__ import annotations

from collections.abc import Mapping

from collector.model import Attributes, Span
from processors.model import Message
from processors.normalise import messages as read
from processors.normalise.flattened import list_at, without_wrappers
from processors.normalise.values import Json, first, mapping, sequence, structured

INPUT = "input.value"
OUTPUT = "output.value"
_WRAPPERS = ("message", "message_content", "tool_call", "tool")
_SMOLAGENTS_ROLES = {"tool-call": "assistant", "tool-response": "tool"}
_OBSERVATION = "Observation:\n"


def langchain_answer(span: Span) -> Mapping[str, Json]:
    """Return the message of an answer as LangChain serialises it."""
    if "langchain" not in span.scope.name:
        return {}
    rows = sequence(raw_output(span).get("generations"))
    answers = sequence(rows[0]) if rows else ()
    return mapping(mapping(answers[0]).get("message")) if answers else {}


def are_hollow(span: Span, prefix: str) -> bool:
    """Tell whether messages were spelled out as roles alone: that in JavaScript knows only texts in them."""
    spelled = (without_wrappers(item, ("message",)) for item in list_at(span.attributes, prefix))
    return "langchain" in span.scope.name and any(mapping(item).keys() == {"role"} for item in spelled)


def raw_output(span: Span) -> Mapping[str, Json]:
    """Return the raw response; empty where it is no object."""
    return mapping(structured(first(span.attributes, OUTPUT)))


def spelled_messages(sent: Attributes, prefix: str, role: str) -> tuple[Message, ...] | None:
    """Return the messages spelled out under a prefix, of this role where they name none; None where there are none."""
    found = [without_wrappers(item, _WRAPPERS) for item in list_at(sent, prefix)]
    spelled = [_with_contents(mapping(item)) for item in found]
    return read.messages(spelled, role) if spelled else None


def _with_contents(item: Mapping[str, Json]) -> Mapping[str, Json]:
    """Give a message whose parts are spelled out those parts as its content, and its tool calls their arguments.

    What answers a tool call is a tool's, also where the vendor has users give the answers.
    """
    role = item.get("role")
    contents = sequence(item.get("contents"))
    if isinstance(role, str) and role in _SMOLAGENTS_ROLES:
        return _smolagents(role, "".join(str(mapping(part).get("text", "")) for part in contents))
    answers = {"role": "tool"} if role == "user" and item.get("tool_call_id") else {}
    spoken = {**item, **answers, "content": contents} if contents else {**item, **answers}
    calls = [_with_arguments(mapping(call)) for call in sequence(item.get("tool_calls"))]
    return {**spoken, "tool_calls": calls} if calls else spoken


def _with_arguments(call: Mapping[str, Json]) -> Mapping[str, Json]:
    """Give a tool call the empty arguments that its instrumentation leaves out."""
    return {**call, "function": {"arguments": "{}", **mapping(call.get("function"))}}


def _smolagents(role: str, said: str) -> Mapping[str, Json]:
    """Return a message that smolagents writes as prose: calls as a Python literal, answers as observations."""
    if role == "tool-response":
        return {"role": "tool", "content": [{"type": "tool_result", "content": said.removeprefix(_OBSERVATION)}]}
    calls = structured(said.partition("\n")[2])
    return {"role": "assistant", "content": [], "tool_calls": sequence(calls)}


def raw_prompt(sent: Attributes) -> Json:
    """Return the raw request's messages, if it is a request at all."""
    raw = structured(first(sent, INPUT))
    if isinstance(raw, Mapping):
        return raw.get("messages") or raw.get("input") or raw.get("contents")
    return raw if sequence(raw) else None


def agent_answer(value: object) -> Json:
    """Return the text with which an agent's output ends, from the objects that frameworks wrap it in."""
    output = structured(value)
    held = mapping(output)
    return held.get("raw") or held.get("output") or (sequence(held.get("messages"))[-1:] or output)
