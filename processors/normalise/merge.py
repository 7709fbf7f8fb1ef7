"""Two sightings of one model call, put together."""

from __future__ import annotations

from dataclasses import replace

from processors.model import ModelCall, Usage
from processors.normalise.usage import CACHED_NOT_SENT, ESTIMATED, NO_INPUT, NO_OUTPUT, incomplete


def merged(call: ModelCall, other: ModelCall, *, believe: bool = False) -> ModelCall:
    """Return a call with what another sighting of it knows better; `believe` prefers the other's usage.

    An estimate that was recognised as one is not taken from the same producer's other signal either.
    """
    if ESTIMATED in {call.usage_missing, other.usage_missing} and call.dialect == other.dialect:
        call, other = (replace(one, usage=None, usage_missing=ESTIMATED) for one in (call, other))
    believed = other.usage is not None and (believe or call.usage is None or _corrected(other, call))
    teller, helper = (other, call) if believed else (call, other)
    usage = merged_usage(teller.usage, helper.usage)
    return replace(
        call,
        usage=usage,
        usage_missing=_still_missing(teller.usage_missing, usage),
        note=teller.note or call.note,
        agent_name=call.agent_name or other.agent_name,
        provider=call.provider or other.provider,
        model=_fuller(call.model, other.model),
        name=_fuller(call.model, other.model) or call.name,
        request_model=call.request_model or other.request_model,
        request_id=call.request_id or other.request_id,
        service_tier=call.service_tier or other.service_tier,
        input_messages=call.input_messages or other.input_messages,
        output_messages=call.output_messages or other.output_messages,
        system_instructions=call.system_instructions or other.system_instructions,
        tool_definitions=call.tool_definitions or other.tool_definitions,
        finish_reasons=call.finish_reasons or other.finish_reasons,
        reported_cost=call.reported_cost if call.reported_cost is not None else other.reported_cost,
        error=call.error or (other.error if usage is None else None),
    )


def _still_missing(reason: str | None, usage: Usage | None) -> str | None:
    """Return why a usage is incomplete, unless the other sighting knew what was missing."""
    if reason == CACHED_NOT_SENT and usage is not None and usage.cache_read_input_tokens is not None:
        return None
    return incomplete(usage) if reason in {NO_INPUT, NO_OUTPUT} and usage is not None else reason


def _corrected(other: ModelCall, call: ModelCall) -> bool:
    """Tell whether one signal of a producer allowed a correction, which its note names, that the other did not."""
    if other.note is None or call.note is not None or other.dialect != call.dialect:
        return False
    mine, theirs = call.usage, other.usage
    return mine is not None and theirs is not None and (theirs.output_tokens or 0) < (mine.output_tokens or 0)


def _fuller(one: str | None, other: str | None) -> str | None:
    """Prefer the dated name of a model over its alias."""
    if one is None or other is None:
        return one or other
    return other if len(other) > len(one) and other.startswith(one) else one


def merged_usage(base: Usage | None, other: Usage | None) -> Usage | None:
    """Return `base` with the parts that only `other` reports, where both speak of the same whole."""
    if base is None or other is None:
        return base or other
    filled = base
    same_input = (
        base.input_tokens is None or other.input_tokens is None or _close(base.input_tokens, other.input_tokens)
    )
    same_output = (
        base.output_tokens is None or other.output_tokens is None or _close(base.output_tokens, other.output_tokens)
    )
    for name, applies in (
        ("input_tokens", True),
        ("output_tokens", True),
        ("cache_read_input_tokens", same_input),
        ("cache_write_input_tokens", same_input),
        ("cache_write_1h_input_tokens", same_input),
        ("reasoning_output_tokens", same_output),
    ):
        if applies and getattr(filled, name) is None and getattr(other, name) is not None:
            filled = _with(filled, name, getattr(other, name))
    return filled


def _close(one: int, other: int) -> bool:
    return abs(one - other) <= 1


def _with(usage: Usage, name: str, value: int) -> Usage:
    """Set one count, unless it would contradict the others."""
    try:
        return replace(usage, **{name: value})
    except ValueError:
        return usage
