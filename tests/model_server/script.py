"""What a scripted model answers, and what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool that the model asks for; `arguments` is sent as it is, malformed or not."""

    name: str
    arguments: str = "{}"
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of text, tools or both; `reasoning_tokens` are counted on top of what is visible."""

    text: str = ""
    tools: tuple[ToolRequest, ...] = ()
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in the provider's own shape, for example 400, 429 with `retry_after` seconds, 500."""

    status: int
    message: str = "scripted failure"
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes sent as they are with status 200: a broken or foreign body."""

    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer until the server stops: the client's own timeout has to fire."""


Outcome: TypeAlias = Reply | Failure | Raw | Hang


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    number: int
    """Counts from 1 over all requests of this server."""

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.body.get("model", ""))

    @property
    def text(self) -> str:
        """Everything in the prompt, for scripts that answer by content."""
        return str(self.body.get("messages") or self.body.get("input") or "")


Script: TypeAlias = Sequence[Outcome] | Callable[[ModelRequest], Outcome]
"""Outcomes in order, one per request, or a rule that answers each request by what it asks."""
