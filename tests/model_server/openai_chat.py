"""OpenAI chat completions and embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.model_server.answers import CREATED, Answer, Json, Response, halves, streamed, whole


def chat(answer: Answer) -> Response:
    """Answer `POST /v1/chat/completions`; a stream carries usage only with `stream_options.include_usage`."""
    body = answer.request.body
    if not body.get("stream"):
        return whole(_completion(answer))
    wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return streamed(_chunks(answer, wants_usage=wants_usage), usage_sent=wants_usage)


def embeddings(answer: Answer) -> Response:
    """Answer `POST /v1/embeddings` with small vectors derived from each text."""
    given = answer.request.body.get("input")
    texts = given if isinstance(given, list) else [given]
    data = [
        {"object": "embedding", "index": place, "embedding": [float(len(str(text)) % 7), 1.0]}
        for place, text in enumerate(texts)
    ]
    tokens = answer.prompt.input_tokens
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return whole({"object": "list", "data": data, "model": answer.request.model, "usage": usage})


def _head(answer: Answer, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{answer.request.number}",
        "object": kind,
        "created": CREATED,
        "model": answer.request.model,
        "service_tier": "default",
    }


def _completion(answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.reply.text or None, "refusal": None}
    if answer.reply.tools:
        message["tool_calls"] = _tool_calls(answer)
    choice = {"index": 0, "message": message, "finish_reason": _finish(answer), "logprobs": None}
    return {**_head(answer, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def _tool_calls(answer: Answer) -> list[Json]:
    return [
        {
            "id": answer.call_id(tool),
            "type": "function",
            "function": {"name": tool.name, "arguments": tool.arguments},
        }
        for tool in answer.reply.tools
    ]


def _chunks(answer: Answer, *, wants_usage: bool) -> Iterator[tuple[None, Any]]:
    head = _head(answer, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> tuple[None, Json]:
        return None, {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in halves(answer.reply.text):
        if piece:
            yield chunk({"content": piece})
    for place, call in enumerate(_tool_calls(answer)):
        yield chunk({"tool_calls": [{"index": place, **call}]})
    yield chunk({}, _finish(answer))
    if wants_usage:
        yield None, {**head, "choices": [], "usage": _usage(answer)}
    yield None, "[DONE]"


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.reply.tools else "stop"


def _usage(answer: Answer) -> Json:
    return {
        "prompt_tokens": answer.prompt.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.prompt.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.prompt.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": answer.reply.reasoning_tokens, "audio_tokens": 0},
    }
