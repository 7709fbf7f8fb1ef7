"""What one signal says about one piece of work, before it is known which signals saw the same piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from processors.model import Message, ModelCall, Step, Usage

SpanKey: TypeAlias = "tuple[str, str]"
"""Trace id and span id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One span or log record in canonical vocabulary."""

    step: Step
    """As this signal alone tells it; `parent_step_id` and `counted_by` are not known yet."""
    signal: Literal["span", "log"] = "span"
    within: SpanKey | None = None
    """The parent of a span; the span in which a log record was emitted."""
    request_ids: tuple[str, ...] = ()
    """Names under which other signals may know the same model call: response id, provider's request id."""
    scope: str = ""
    """The instrumentation that sent it."""
    agent_key: str | None = None
    """The agent instance that did it, where the source names one apart from the span tree."""
    rollup: ModelCall | None = None
    """What a parent repeats for everything beneath it, as if it were one call: counted only when nothing beneath
    reported any usage."""
    sums_beside: bool = False
    """True where `rollup` sums up what ran beside the span, in the same agent, and not what is beneath it."""
    own_calls: bool = False
    """True where `rollup` leaves out what its sub-agents used."""
    inner_usage: Usage | None = None
    """What a span around one model call tells of that call's usage; never counted, only used to fill in parts."""
    tokens: tuple[int | None, int | None] | None = None
    """Input and output count as this signal spells them, where that differs from the step's usage."""
    authority: int = 0
    """Whose usage is believed when two signals of one call differ: the higher."""
    secondary: bool = False
    """True for a signal that describes work from outside (a log twin, a transport span): any other sighting counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One message that was sent in an event of its own, to be put into the model call or tool it belongs to."""

    of_span: SpanKey
    time: int
    direction: Literal["input", "output", "system"]
    message: Message
    finish_reason: str | None = None


Reading: TypeAlias = Sighting | Spoken
