"""Prompts and answers in every shape that a producer gives them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.model import Media, Message, Part, Reasoning, Text, ToolRequest, ToolResponse
from processors.normalise.flattened import list_at, without_wrappers
from processors.normalise.messages import arguments, messages, result_text, system_parts, tool_definitions

ASKED = ToolRequest("c1", "read", '{"path":"a.csv"}')
ANSWERED = ToolResponse("c1", "7 rows")
SAID = Text("Reading it.")

REQUESTS: dict[str, object] = {
    "conventions": {"role": "assistant", "parts": [
        {"type": "text", "content": "Reading it."},
        {"type": "tool_call", "id": "c1", "name": "read", "arguments": {"path": "a.csv"}}]},
    "openai chat": {"role": "assistant", "content": "Reading it.", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"path": "a.csv"}'}}]},
    "anthropic": {"role": "assistant", "content": [
        {"type": "text", "text": "Reading it."},
        {"type": "tool_use", "id": "c1", "name": "read", "input": {"path": "a.csv"}}]},
    "bedrock": {"role": "assistant", "content": [
        {"text": "Reading it."}, {"toolUse": {"toolUseId": "c1", "name": "read", "input": {"path": "a.csv"}}}]},
    "gemini": {"role": "model", "parts": [
        {"text": "Reading it."}, {"functionCall": {"id": "c1", "name": "read", "args": {"path": "a.csv"}}}]},
    "vercel": {"role": "assistant", "content": [
        {"type": "text", "text": "Reading it."},
        {"type": "tool-call", "toolCallId": "c1", "toolName": "read", "input": {"path": "a.csv"}}]},
    "langchain lc": {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {
        "content": "Reading it.", "type": "ai", "tool_calls": [
            {"name": "read", "args": {"path": "a.csv"}, "id": "c1", "type": "tool_call"}]}},
    "langchain data": {"type": "ai", "data": {"content": "Reading it.", "type": "ai", "tool_calls": [
        {"name": "read", "args": {"path": "a.csv"}, "id": "c1", "type": "tool_call"}]}},
}  # fmt: skip

RESPONSES: dict[str, object] = {
    "conventions": {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "7 rows"}]},
    "conventions before": {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "7 rows"}]},
    "openai chat": {"role": "tool", "tool_call_id": "c1", "content": "7 rows"},
    "openai responses": {"type": "function_call_output", "call_id": "c1", "output": "7 rows"},
    "anthropic": {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "7 rows"}]}]},
    "bedrock": {"role": "user", "content": [
        {"toolResult": {"toolUseId": "c1", "status": "success", "content": [{"text": "7 rows"}]}}]},
    "gemini": {"role": "user", "parts": [
        {"functionResponse": {"id": "c1", "name": "read", "response": {"output": "7 rows"}}}]},
    "vercel": {"role": "tool", "content": [
        {"type": "tool-result", "toolCallId": "c1", "toolName": "read",
         "output": {"type": "text", "value": "7 rows"}}]},
    "langchain": {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "ToolMessage"],
                  "kwargs": {"content": "7 rows", "type": "tool", "tool_call_id": "c1"}},
}  # fmt: skip


def parts_of(value: object) -> tuple[Part, ...]:
    """Return the parts of the one message in a value."""
    found = messages(value, "user")
    assert found is not None
    return tuple(part for message in found for part in message.parts)


@pytest.mark.parametrize("shape", REQUESTS)
@pytest.mark.parametrize("as_text", [True, False])
def test_requests_of_every_shape_are_one(shape: str, as_text: bool) -> None:  # noqa: FBT001 - a table's column
    """Text and a tool's request are the same parts in every shape, as a structure and as JSON text."""
    value = [REQUESTS[shape]]
    found = messages(json.dumps(value) if as_text else value, "user")
    assert found == (Message("assistant", (SAID, ASKED)),)


@pytest.mark.parametrize("shape", RESPONSES)
def test_responses_of_every_shape_are_one(shape: str) -> None:
    """A tool's answer is the same part in every shape."""
    assert parts_of([RESPONSES[shape]]) == (ANSWERED,)


def test_openai_responses_items() -> None:
    """Items of the Responses API are messages of their own, of the role that they imply."""
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Go."}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Think."}]},
        {"type": "function_call", "call_id": "c1", "name": "read", "arguments": '{"path": "a.csv"}'},
    ]
    assert messages(items, "user") == (
        Message("user", (Text("Go."),)),
        Message("assistant", (Reasoning("Think."),)),
        Message("assistant", (ASKED,)),
    )


def test_pairs_and_plain_text() -> None:
    """A role and text pair, and bare text, are messages."""
    assert messages([["user", "Go."]], "user") == (Message("user", (Text("Go."),)),)
    assert messages("Done.", "assistant") == (Message("assistant", (Text("Done."),)),)


@pytest.mark.parametrize("sent", ['[{"role": "user", "parts": [{"type": "te', "[]", "", None, 7, {}, [None, 3]])
def test_what_is_no_message_is_none(sent: object) -> None:
    """A structure that was cut off, or no structure of messages, is content that was not captured."""
    assert messages(sent, "user") is None


def test_media_and_reasoning() -> None:
    """Images count by kind only; reasoning is kept apart from text."""
    content = [{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "thinking", "thinking": "Hm."}]
    assert parts_of([{"role": "user", "content": content}]) == (Media("image_url"), Reasoning("Hm."))


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ('"text"', "text"),
        ("8", "8"),
        ('{"EUR": 1.08}', '{"EUR":1.08}'),
        ({"EUR": 1.08}, '{"EUR":1.08}'),
        ([{"text": "a"}, {"text": "b"}], "ab"),
        ({"content": [{"type": "text", "text": "mcp"}], "isError": False}, "mcp"),
        ({"name": "look", "tool_call_id": "call_1", "content": "12"}, "12"),
        ({"output": {"lc": 1, "kwargs": {"content": "inner"}}, "kwargs": {}}, "inner"),
        ("plain [text", "plain [text"),
        (None, ""),
    ],
)
def test_results_lose_their_wrappers(sent: object, text: str) -> None:
    """A tool's answer is its text, or canonical JSON, whatever it was wrapped in."""
    assert result_text(sent) == text


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ('{"b": 1, "a": 2}', '{"a":2,"b":1}'),
        ("{'b': 1, 'a': True}", '{"a":true,"b":1}'),
        ("", "{}"),
        ("bare", '"bare"'),
    ],
)
def test_arguments_are_canonical(sent: object, canonical: str) -> None:
    """Equal arguments are equal text, from JSON, a Python literal or a bare value."""
    assert arguments(sent) == canonical


def test_flattened_messages_are_put_together() -> None:
    """Indexed keys become lists in the order of their numbers, not of their text."""
    sent = {f"m.{index}.message.role": f"r{index}" for index in (10, 2, 0)}
    assert [without_wrappers(item, ("message",)) for item in list_at(sent, "m")] == [
        {"role": "r0"}, {"role": "r2"}, {"role": "r10"},
    ]  # fmt: skip


@given(st.dictionaries(st.from_regex(r"m(\.[a-z0-9]{1,3}){0,30}", fullmatch=True), st.integers(), max_size=8))
def test_any_flattened_keys_are_read_without_an_error(sent: dict[str, int]) -> None:
    """Keys that contradict one another or go deep stop nothing."""
    assert isinstance(list_at(sent, "m"), list)


def test_system_instructions_and_tools() -> None:
    """System prompts and tool definitions come as parts, messages or text, and as JSON texts in a list."""
    assert system_parts("Be brief.") == (Text("Be brief."),)
    assert system_parts('[{"type": "text", "content": "Be brief."}]') == (Text("Be brief."),)
    (tool,) = tool_definitions(['{"type":"function","name":"read","inputSchema":{"type":"object"}}']) or ()
    assert (tool.name, tool.parameters) == ("read", '{"type":"object"}')


@pytest.mark.parametrize(
    ("block", "arguments"),
    [
        ({"type": "tool_call", "id": "c", "name": "look"}, None),
        ({"type": "tool_call", "id": "c", "name": "look", "arguments": None}, None),
        ({"type": "tool_call", "id": "c", "name": "look", "arguments": "[REDACTED]"}, None),
        ({"type": "tool_call", "id": "c", "name": "look", "arguments": ""}, "{}"),
        ({"type": "tool_use", "id": "c", "name": "look", "input": {}}, "{}"),
        ({"functionCall": {"name": "look"}}, "{}"),
    ],
)
def test_arguments_that_were_not_captured_are_no_empty_ones(block: dict[str, object], arguments: str | None) -> None:
    """An absent or redacted value is unknown, an empty one is empty; Gemini leaves empty ones out."""
    (message,) = messages([{"role": "assistant", "content": [block]}], "assistant") or ()
    (part,) = message.parts
    assert isinstance(part, ToolRequest)
    assert part.arguments == arguments


@pytest.mark.parametrize(
    ("item", "result"),
    [
        ({"role": "tool", "tool_call_id": "c"}, None),
        ({"role": "tool", "tool_call_id": "c", "content": "__REDACTED__"}, None),
        ({"role": "tool", "tool_call_id": "c", "content": ""}, ""),
        ({"role": "user", "parts": [{"type": "tool_call_response", "id": "c"}]}, None),
        ({"role": "user", "parts": [{"type": "tool_call_response", "id": "c", "response": ""}]}, ""),
    ],
)
def test_results_that_were_not_captured_are_no_empty_ones(item: dict[str, object], result: str | None) -> None:
    """A tool that answered nothing differs from one whose answer was not sent."""
    (message,) = messages([item], "user") or ()
    (part,) = message.parts
    assert isinstance(part, ToolResponse)
    assert part.result == result


def test_text_that_was_not_captured_says_nothing() -> None:
    """A part that tells only that something was said, or that it was taken out, is no message."""
    assert messages([{"role": "user", "parts": [{"type": "text"}]}], "user") is None
    assert messages([{"role": "user", "content": "<REDACTED>"}], "user") is None


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        ("content='a\\nb\\'c' name='look' tool_call_id='call_1'", "a\nb'c"),
        ("content=\"it's\" tool_call_id='call_1'", "it's"),
        ("content='cut \\x' tool_call_id='call_1'", "content='cut \\x' tool_call_id='call_1'"),
        ("content=5 apples", "content=5 apples"),
        ('{"output": {"content": "7 rows", "type": "tool", "tool_call_id": "call_1", "status": "success"}}', "7 rows"),
    ],
)
def test_langchains_tool_message_is_its_content(sent: str, read_as: str) -> None:
    """Printed or dumped, the message around an answer is no part of it: it differs in every call."""
    assert result_text(sent) == read_as
