"""When two signals may speak of the same model call: model, tokens and time."""

from __future__ import annotations

from processors.model import ModelCall, Usage
from processors.model_names import family
from processors.normalise.sighting import Sighting

CLOCK_SLACK = 50_000_000
"""Nanoseconds by which two instrumentations of one process may disagree about when a call began or ended."""
LOG_SLACK = 5_000_000_000
"""Nanoseconds that a record of a finished call may be written after it."""


def same_model(one: ModelCall, other: ModelCall) -> bool:
    """Tell whether two calls may be of the same model; an unknown one may be any."""
    mine = {family(one.model), family(one.request_model)} - {None}
    theirs = {family(other.model), family(other.request_model)} - {None}
    return not mine or not theirs or bool(mine & theirs)


def related_models(one: ModelCall, other: ModelCall) -> bool:
    """Tell whether two signals of one producer may mean the same model: one may have cut its name short."""
    mine = {family(one.model), family(one.request_model)} - {None}
    theirs = {family(other.model), family(other.request_model)} - {None}
    pairs = [sorted((a, b), key=len) for a in mine if a for b in theirs if b]
    return not pairs or any(longer.startswith(shorter) for shorter, longer in pairs)


def token_pairs(sighting: Sighting) -> list[tuple[int, int]]:
    """Return the input and output counts of a call, as counted and as the signal spelled them."""
    step = sighting.step
    usage = step.usage if isinstance(step, ModelCall) else None
    pairs = [(usage.input_tokens, usage.output_tokens)] if usage is not None else []
    pairs += [sighting.tokens] if sighting.tokens is not None else []
    return [(given, answered) for given, answered in pairs if given is not None and answered is not None]


def same_tokens(one: Sighting, other: Sighting) -> bool:
    """Tell whether both report the same counts, within one token: some instrumentations are off by one in streams."""
    return any(
        abs(mine[0] - theirs[0]) <= 1 and abs(mine[1] - theirs[1]) <= 1
        for mine in token_pairs(one)
        for theirs in token_pairs(other)
    )


def overlapping(one: ModelCall, other: ModelCall, slack: int = CLOCK_SLACK) -> bool:
    """Tell whether the shorter of two calls lies within the longer."""
    longer, shorter = sorted((one, other), key=lambda call: call.started_at - call.ended_at)
    return longer.started_at - slack <= shorter.started_at and shorter.ended_at <= longer.ended_at + slack


def differ(one: Sighting, other: Sighting) -> bool:
    """Tell whether two sightings report another number of the same tokens, as far as both report any."""
    mine, theirs = _usage(one), _usage(other)
    if mine is None or theirs is None:
        return False
    if any(
        first is not None and second is not None and abs(first - second) > 1
        for first, second in (
            (mine.cache_read_input_tokens, theirs.cache_read_input_tokens),
            (mine.cache_write_input_tokens, theirs.cache_write_input_tokens),
        )
    ):
        return True
    answered, known = _outputs(one), _outputs(other)
    return bool(answered) and bool(known) and not any(abs(a - b) <= 1 for a in answered for b in known)


def _usage(sighting: Sighting) -> Usage | None:
    return sighting.step.usage if isinstance(sighting.step, ModelCall) else None


def _outputs(sighting: Sighting) -> set[int]:
    """Return the output count as counted and as the signal spells it."""
    usage = _usage(sighting)
    found = {usage.output_tokens if usage is not None else None, sighting.tokens[1] if sighting.tokens else None}
    return {count for count in found if count is not None}


def contradict(one: Sighting, other: Sighting) -> bool:
    """Tell whether two sightings name different responses: some records hang on the span around the call.

    An id that begins another is that one, cut short.
    """
    if not one.request_ids or not other.request_ids:
        return False
    return not any(
        mine.startswith(theirs) or theirs.startswith(mine) for mine in one.request_ids for theirs in other.request_ids
    )
