"""OpenAI responses."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model_server.answers import CREATED, Answer, Json, Response, halves, streamed, whole


def responses(answer: Answer) -> Response:
    """Answer `POST /v1/responses`; a stream carries the usage in its last event."""
    if answer.request.body.get("stream"):
        return streamed(_events(answer))
    return whole(_response(answer, "completed"))


def _response(answer: Answer, status: str) -> Json:
    done = status == "completed"
    return {
        "id": f"resp_{answer.request.number}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "model": answer.request.model,
        "output": _items(answer) if done else [],
        "usage": _usage(answer) if done else None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": answer.request.body.get("tools", []),
        "error": None,
        "incomplete_details": None,
        "instructions": answer.request.body.get("instructions"),
        "metadata": {},
        "service_tier": "default",
    }


def _items(answer: Answer) -> list[Json]:
    items: list[Json] = []
    if answer.reply.text:
        content = {"type": "output_text", "text": answer.reply.text, "annotations": []}
        items.append(
            {
                "type": "message",
                "id": f"msg_{answer.request.number}",
                "status": "completed",
                "role": "assistant",
                "content": [content],
            }
        )
    for tool in answer.reply.tools:
        call_id = answer.call_id(tool)
        items.append(
            {
                "type": "function_call",
                "id": f"fc_{call_id}",
                "call_id": call_id,
                "name": tool.name,
                "arguments": tool.arguments,
                "status": "completed",
            }
        )
    return items


def _events(answer: Answer) -> Iterator[tuple[str, Json]]:
    number = 0

    def event(kind: str, **data: object) -> tuple[str, Json]:
        nonlocal number
        number += 1
        return kind, {"type": kind, "sequence_number": number, **data}

    yield event("response.created", response=_response(answer, "in_progress"))
    for place, item in enumerate(_items(answer)):
        at = {"output_index": place, "item_id": item["id"]}
        if item["type"] == "message":
            begun = {**item, "status": "in_progress", "content": []}
            yield event("response.output_item.added", output_index=place, item=begun)
            part = {"type": "output_text", "text": "", "annotations": []}
            yield event("response.content_part.added", **at, content_index=0, part=part)
            for piece in halves(answer.reply.text):
                yield event("response.output_text.delta", **at, content_index=0, delta=piece, logprobs=[])
            yield event("response.output_text.done", **at, content_index=0, text=answer.reply.text, logprobs=[])
            yield event("response.content_part.done", **at, content_index=0, part=item["content"][0])
        else:
            begun = {**item, "status": "in_progress", "arguments": ""}
            yield event("response.output_item.added", output_index=place, item=begun)
            yield event("response.function_call_arguments.delta", **at, delta=item["arguments"])
            yield event("response.function_call_arguments.done", **at, arguments=item["arguments"], name=item["name"])
        yield event("response.output_item.done", output_index=place, item=item)
    yield event("response.completed", response=_response(answer, "completed"))


def _usage(answer: Answer) -> Json:
    return {
        "input_tokens": answer.prompt.input_tokens,
        "input_tokens_details": {"cached_tokens": answer.prompt.cache_read, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": answer.reply.reasoning_tokens},
        "total_tokens": answer.prompt.input_tokens + answer.output_tokens,
    }
