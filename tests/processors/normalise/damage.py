"""Recordings damaged at random, and whether the bill of one went above what was served without saying why.

`python -m tests.processors.normalise.damage [SEEDS]` tries many damages of every recording and tells what broke.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import TypeVar

from collector.model import Attributes, AttributeValue, LogRecord, Span
from processors.model import ModelCall, Session
from processors.normalise import SESSION_KEYS, normalise
from processors.pricing import Cost, PriceBook, price_book
from processors.pricing.session import price
from tests.processors.support import RECORDINGS, load_recording, load_truth

COUNTS = ("input_tokens", "output_tokens")
ROUNDING = Decimal("1e-9")
_S = TypeVar("_S", Span, LogRecord)


@cache
def _book() -> PriceBook:
    return price_book()


def calls(sessions: Iterable[Session]) -> list[ModelCall]:
    """Return the chat calls that count."""
    return [
        step
        for session in sessions
        for step in session.steps
        if isinstance(step, ModelCall) and step.counted_by is None and step.operation == "chat"
    ]


def bill(sessions: Iterable[Session]) -> Decimal:
    """Return the USD of the chat calls whose figures carry no reason to doubt them."""
    total = Decimal(0)
    for session in sessions:
        prices = price(session, _book())
        for call in calls([session]):
            found = prices.get(call.step_id)
            if isinstance(found, Cost) and not (call.note or call.usage_missing or found.note):
                total += found.total
    return total


def tokens(sessions: Iterable[Session], kind: str) -> int:
    """Return the sum of a count over the chat calls whose figures carry no reason to doubt them."""
    used = (call.usage for call in calls(sessions) if not (call.note or call.usage_missing))
    return sum(getattr(usage, kind) or 0 for usage in used if usage is not None)


def violations(name: str, seed: int) -> Iterator[str]:
    """Damage a recording and yield which of its figures are above the undamaged ones without a reason."""
    most, charged = _served(name)
    chance = random.Random(f"{name} {seed}")
    spans, logs = load_recording(name)
    sessions = normalise(damaged(spans, chance), damaged(logs, chance))
    for kind in COUNTS:
        if tokens(sessions, kind) > most[kind] + len(calls(sessions)):  # some instrumentations count one too many
            yield f"{name} {seed}: {kind}"
    if bill(sessions) > charged + ROUNDING:
        yield f"{name} {seed}: cost"


@cache
def _served(name: str) -> tuple[dict[str, int], Decimal]:
    """Return the tokens and USD of what was really served; where its price is not known, the undamaged bill."""
    truth = load_truth(name)
    charged = truth["expected_cost_usd"]
    undamaged = bill(normalise(*load_recording(name)))
    return {kind: truth[kind] for kind in COUNTS}, undamaged if charged is None else Decimal(str(charged))


def damaged(signals: Sequence[_S], chance: random.Random) -> list[_S]:
    """Return the signals in another order, with some attributes damaged, some lost, and some sent twice.

    A span that comes twice may have been damaged otherwise each time; records have nothing but their content by which
    a second one could be known.
    """
    hurt: list[_S] = [damage(signal, chance) for signal in signals if chance.random() > 0.03]
    twice: list[_S] = chance.sample(hurt, len(hurt) // 10)
    again: list[_S] = [signal if isinstance(signal, LogRecord) else damage(signal, chance) for signal in twice]
    everything: list[_S] = hurt + again
    return chance.sample(everything, len(everything))


def damage(signal: _S, chance: random.Random) -> _S:
    """Return a signal of which each attribute was damaged with a small chance."""
    kept: dict[str, AttributeValue] = {}
    for key, value in signal.attributes.items():
        fate = chance.random()
        if fate < 0.04:
            continue
        if key in SESSION_KEYS:  # a key cut short is the key of another session
            kept[key] = value
        else:
            kept[key] = retyped(value, chance) if fate < 0.08 else cut(value, chance) if fate < 0.12 else value
    attributes: Attributes = kept
    return replace(signal, attributes=attributes)


def retyped(value: AttributeValue, chance: random.Random) -> AttributeValue:
    """Return a value of another type; a number stays the same number as text or float."""
    if isinstance(value, int) and not isinstance(value, bool):
        return chance.choice([str(value), float(value), f"{value}.0", None, [value], {"value": value}, True])
    return chance.choice([None, 7.5, [value], {"inner": value}, b"\x00\xff", str(value), float("nan"), "", {}, []])


def cut(value: AttributeValue, chance: random.Random) -> AttributeValue:
    """Return the beginning of a text or list, or the whole twice."""
    if isinstance(value, str):
        begun = value[: chance.randrange(len(value) + 1)]
        return begun if value.isdecimal() else chance.choice([begun, value + value])  # twice a number is another one
    if isinstance(value, list):
        return chance.choice([value[: len(value) // 2], [*value, *value]])
    return value


def main(seeds: int) -> None:
    """Try every recording with that many damages, and say how many broke."""
    begun, broken = time.monotonic(), Counter[str]()
    for name in RECORDINGS:
        for seed in range(seeds):
            for violation in violations(name, seed):
                broken[name] += 1
                sys.stdout.write(violation + "\n")
    tried = seeds * len(RECORDINGS)
    sys.stdout.write(f"{tried} damaged recordings in {time.monotonic() - begun:.0f} s, {sum(broken.values())} broke\n")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
