"""Messages in the shapes that agents have at hand become the convention's."""

from __future__ import annotations

import json

import pytest
from openai.types.chat import ChatCompletionMessage

from clawtrace_otel.content import instructions_json, messages_json, tool_definitions_json

CALL = {"type": "tool_call", "id": "c1", "name": "look_up", "arguments": {"id": 7}}
ANSWER = {"type": "tool_call_response", "id": "c1", "response": "found"}
TEXT = {"type": "text", "content": "hi"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("hi", {"role": "user", "parts": [TEXT]}),
        ({"role": "user", "content": "hi"}, {"role": "user", "parts": [TEXT]}),
        ({"role": "user", "content": [{"type": "input_text", "text": "hi"}]}, {"role": "user", "parts": [TEXT]}),
        ({"role": "user", "parts": [TEXT]}, {"role": "user", "parts": [TEXT]}),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"id": 7}'}}
                ],
            },
            {"role": "assistant", "parts": [CALL]},
        ),
        ({"role": "tool", "tool_call_id": "c1", "content": "found"}, {"role": "tool", "parts": [ANSWER]}),
        (
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {"id": 7}}],
            },
            {"role": "assistant", "parts": [CALL]},
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "found"}]},
            {"role": "user", "parts": [ANSWER]},
        ),
        (
            {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": '{"id": 7}'},
            {"role": "assistant", "parts": [CALL]},
        ),
        ({"type": "function_call_output", "call_id": "c1", "output": "found"}, {"role": "tool", "parts": [ANSWER]}),
        (ChatCompletionMessage(role="assistant", content="hi"), {"role": "assistant", "parts": [TEXT]}),
    ],
)
def test_every_shape_becomes_the_conventions(given: object, expected: object) -> None:
    """Chat completions, responses items, Anthropic blocks and SDK objects say the same in one shape."""
    assert json.loads(messages_json(given, "user") or "") == [expected]
    assert json.loads(messages_json([given], "user") or "") == [expected]


def test_malformed_arguments_stay_the_text_they_are() -> None:
    """A model's broken JSON is evidence, so it is not mended."""
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"id": '}
    (message,) = json.loads(messages_json(call, "user") or "")
    assert message["parts"][0]["arguments"] == '{"id": '


@pytest.mark.parametrize("wrapped", [True, False])
def test_tool_definitions_are_flat(*, wrapped: bool) -> None:
    """Chat completions nest the function, Anthropic names its schema otherwise; both become one shape."""
    schema = {"type": "object", "properties": {}}
    definition: dict[str, object] = (
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}
        if wrapped
        else {"name": "f", "description": "d", "input_schema": schema}
    )
    assert json.loads(tool_definitions_json([definition]) or "") == [
        {"type": "function", "name": "f", "description": "d", "parameters": schema}
    ]


def test_instructions_are_parts() -> None:
    """A system prompt is a list of text parts; none is none."""
    assert json.loads(instructions_json("be brief") or "") == [{"type": "text", "content": "be brief"}]
    assert instructions_json(None) is None
