"""What the three APIs share: an answer with its counts, and how a body is put on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.model_server.script import ModelRequest, Reply, ToolRequest
from tests.model_server.tokens import PrefixCache, Prompt, canonical, count

CREATED = 1_760_000_000
"""Unix seconds; fixed, so that replies are the same bytes in every run."""

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply with everything that was counted for it."""

    request: ModelRequest
    reply: Reply
    prompt: Prompt

    @property
    def output_tokens(self) -> int:
        """Visible tokens and reasoning."""
        visible = self.reply.text + "".join(tool.name + tool.arguments for tool in self.reply.tools)
        return count(visible) + self.reply.reasoning_tokens

    def call_id(self, tool: ToolRequest) -> str:
        """Return the tool call's id; by its place where the script gives none."""
        return tool.call_id or f"call_{self.request.number}_{self.reply.tools.index(tool)}"


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers and either a whole body or the pieces of a stream."""

    status: int
    body: bytes = b""
    stream: tuple[bytes, ...] = ()
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    usage_sent: bool = True


def whole(body: Mapping[str, Any], status: int = 200) -> Response:
    """Return one JSON body."""
    return Response(status, json.dumps(body).encode())


def streamed(events: Iterator[tuple[str | None, Any]], *, usage_sent: bool = True) -> Response:
    """Return server-sent events; a name where the API names its events."""
    pieces = []
    for name, data in events:
        text = data if isinstance(data, str) else json.dumps(data)
        pieces.append(f"event: {name}\ndata: {text}\n\n" if name else f"data: {text}\n\n")
    return Response(
        200,
        stream=tuple(piece.encode() for piece in pieces),
        content_type="text/event-stream",
        usage_sent=usage_sent,
    )


def openai_prompt(cache: PrefixCache, request: ModelRequest, *parts: str) -> Prompt:
    """Count the named parts of an OpenAI body, tools first: that is what stays the same over a conversation."""
    text = "".join(canonical(request.body[part]) for part in ("tools", *parts) if request.body.get(part))
    return cache.automatic(request.model, text)


def halves(text: str) -> tuple[str, str]:
    """Cut a text in two, for streams."""
    return text[: len(text) // 2], text[len(text) // 2 :]
