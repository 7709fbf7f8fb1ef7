"""A prompt that extended the previous one and yet missed the cache."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from processors.findings.detector import Draft
from processors.findings.view import View
from processors.ledger.caching import HOUR_NS, CacheRule, cache_of, rules
from processors.ledger.threads import prompt_length
from processors.model import ModelCall, Text
from processors.model_names import same_family

COLLAPSED = 0.5
"""A call that read less than this share of the readable tokens missed the cache."""
LEAST_TOKENS = 1_024


class CacheBreak:
    """Needs cache reads. Silent on a first call, another model, and a pause that outlasts the cache."""

    name = "cache_break"

    def gap(self, view: View) -> str | None:
        """Say so where no call reported cache reads."""
        calls = list(view.model_calls())
        if calls and all(call.usage is None or call.usage.cache_read_input_tokens is None for call in calls):
            return "cache reads not reported: broken caches cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Compare every call with the one before it in the same uncut prompt."""
        calls = {call.step_id: call for call in view.model_calls()}
        caches = rules(calls.values())
        for stretch in view.stretches:
            known = [calls[call.step_id] for call in stretch.calls if call.length is not None]
            if not any(_read(call) for call in known):
                continue
            for before, call in pairwise(known):
                lost = _lost(before, call, caches[cache_of(call)])
                if lost >= LEAST_TOKENS:
                    extra = view.what_if.cached_saving(call.step_id, lost) if view.what_if is not None else None
                    yield Draft(
                        step_ids=(call.step_id,),
                        related_step_ids=(before.step_id,),
                        note=f"prompt prefix changed at {changed}" if (changed := _changed(before, call)) else MISSED,
                        evidence={"tokens": lost, "read": _read(call), "read_before": _read(before)},
                        wasted_usd=extra,
                        removable=False,
                    )


MISSED = "the prompt was extended but read almost nothing from the cache"


def _read(call: ModelCall) -> int:
    return (call.usage.cache_read_input_tokens or 0) if call.usage is not None else 0


def _lost(before: ModelCall, call: ModelCall, rule: CacheRule) -> int:
    """Count the tokens that a call could have read from the cache and did not; 0 where no hit could be expected.

    Where cache writes are reported, only what the previous call read or wrote is in the cache; otherwise its whole
    prompt is. An entry becomes readable once the call that writes it has been answered.
    """
    if not same_family(before, call) or call.usage is None or call.usage.cache_read_input_tokens is None:
        return 0
    written = before.usage.cache_write_input_tokens if before.usage is not None else None
    one_hour = (before.usage.cache_write_1h_input_tokens or 0) if before.usage is not None else 0
    lifetime = HOUR_NS if one_hour and one_hour == written else rule.lifetime_ns
    if call.started_at < before.ended_at or call.started_at - before.started_at > lifetime:
        return 0
    cached = _read(before) + written if written is not None else prompt_length(before) or 0
    readable = rule.readable(cached)
    return readable - _read(call) if _read(call) < COLLAPSED * readable else 0


def _changed(before: ModelCall, call: ModelCall) -> str | None:
    """Say where two prompts begin to differ, where their content was captured."""
    if before.tool_definitions != call.tool_definitions:
        return "the tool definitions"
    if before.system_instructions != call.system_instructions:
        return "the system message"
    old, new = before.input_messages or (), call.input_messages or ()
    for number, (mine, theirs) in enumerate(zip(old, new, strict=False)):
        if mine != theirs:
            system = mine.role in ("system", "developer") and any(isinstance(part, Text) for part in mine.parts)
            return "the system message" if system else f"message {number + 1}"
    return None
