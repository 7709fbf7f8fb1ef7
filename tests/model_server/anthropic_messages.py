"""Anthropic messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.model_server.answers import Answer, Json, Response, halves, streamed, whole
from tests.model_server.script import ModelRequest


def messages(answer: Answer) -> Response:
    """Answer `POST /v1/messages`; `input_tokens` leaves out what was read from or written to the cache."""
    if answer.request.body.get("stream"):
        return streamed(_events(answer))
    return whole({**_head(answer), "content": _content(answer), "stop_reason": _stop(answer), "usage": _usage(answer)})


def prompt_blocks(request: ModelRequest) -> Iterator[Mapping[str, Any]]:
    """Yield the blocks of a prompt in the order in which Anthropic caches them: tools, system, messages."""
    yield from request.body.get("tools", [])
    for part in (request.body.get("system"), *(m.get("content") for m in request.body.get("messages", []))):
        if isinstance(part, str):
            yield {"type": "text", "text": part}
        else:
            yield from part or []


def _head(answer: Answer) -> Json:
    return {
        "id": f"msg_{answer.request.number}",
        "type": "message",
        "role": "assistant",
        "model": answer.request.model,
        "stop_sequence": None,
    }


def _content(answer: Answer) -> list[Json]:
    blocks: list[Json] = [{"type": "text", "text": answer.reply.text}] if answer.reply.text else []
    blocks.extend(
        {"type": "tool_use", "id": answer.call_id(tool), "name": tool.name, "input": json.loads(tool.arguments)}
        for tool in answer.reply.tools
    )
    return blocks


def _events(answer: Answer) -> Iterator[tuple[str, Json]]:
    usage = _usage(answer)
    begun = {**_head(answer), "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield "message_start", {"type": "message_start", "message": begun}
    for index, block in enumerate(_content(answer)):
        text = block["type"] == "text"
        empty = {**block, "text": ""} if text else {**block, "input": {}}
        yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": empty}
        for piece in halves(block["text"] if text else json.dumps(block["input"])):
            delta = (
                {"type": "text_delta", "text": piece} if text else {"type": "input_json_delta", "partial_json": piece}
            )
            yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": _stop(answer), "stop_sequence": None}
    last = {"output_tokens": answer.output_tokens}
    yield "message_delta", {"type": "message_delta", "delta": stop, "usage": last}
    yield "message_stop", {"type": "message_stop"}


def _stop(answer: Answer) -> str:
    return "tool_use" if answer.reply.tools else "end_turn"


def _usage(answer: Answer) -> Json:
    prompt = answer.prompt
    return {
        "input_tokens": prompt.input_tokens - prompt.cache_read - prompt.cache_write,
        "cache_read_input_tokens": prompt.cache_read,
        "cache_creation_input_tokens": prompt.cache_write,
        "cache_creation": {"ephemeral_5m_input_tokens": prompt.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": answer.output_tokens,
        "service_tier": "standard",
    }
