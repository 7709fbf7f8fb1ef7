"""What holds for every recording however its signals arrive and however they were damaged on the way."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import pytest

from collector.model import Attributes, AttributeValue, LogRecord, Span
from processors.model import ModelCall, Session
from processors.normalise import SESSION_KEYS, normalise
from tests.processors.support import RECORDINGS, load_recording, load_truth

DAMAGES_PER_RECORDING = 12
COUNTS = ("input_tokens", "output_tokens")
_T = TypeVar("_T")


def shuffled(items: Sequence[_T], seed: int) -> list[_T]:
    """Return the items in another order."""
    return random.Random(seed).sample(items, len(items))


@pytest.mark.parametrize("name", RECORDINGS)
def test_order_of_arrival_changes_nothing(name: str) -> None:
    """The same signals give the identical sessions in whatever order they arrive."""
    spans, logs = load_recording(name)
    expected = normalise(spans, logs)
    for seed in range(3):
        assert normalise(shuffled(spans, seed), shuffled(logs, seed)) == expected


@pytest.mark.parametrize("name", RECORDINGS)
def test_signals_sent_twice_change_nothing(name: str) -> None:
    """Exporters retry: every span and record sent again leaves the sessions as they are."""
    spans, logs = load_recording(name)
    again = [replace(span, attributes=dict(span.attributes)) for span in spans]
    assert normalise(shuffled([*spans, *again], 1), shuffled([*logs, *logs], 1)) == normalise(spans, logs)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_part_normalised_alone_counts_no_more_than_the_whole(name: str) -> None:
    """Whatever part of the spans has arrived, no more tokens are counted than in the end."""
    spans, logs = load_recording(name)
    whole = {kind: total(normalise(spans, logs), kind) for kind in COUNTS}
    for seed in range(4):
        part = shuffled(spans, seed)[: max(1, len(spans) * (seed + 1) // 5)]
        sessions = normalise(part, logs)
        for kind in COUNTS:
            assert total(sessions, kind) <= whole[kind] or explained(sessions)


@pytest.mark.parametrize("name", RECORDINGS)
def test_damaged_signals_never_crash_nor_cost_more(name: str) -> None:
    """Attributes dropped, retyped, cut or doubled lose figures, but add none without saying so."""
    spans, logs = load_recording(name)
    truth = {kind: load_truth(name)[kind] for kind in COUNTS}
    for seed in range(DAMAGES_PER_RECORDING):
        chance = random.Random(f"{name} {seed}")
        sessions = normalise(damaged(spans, chance), [damage(record, chance) for record in logs])
        for kind in COUNTS:
            assert total(sessions, kind) <= truth[kind] or explained(sessions), (seed, kind)


def total(sessions: Iterable[Session], kind: str) -> int:
    """Return the sum of a count over the chat calls that count."""
    return sum(getattr(call.usage, kind) or 0 for call in counted(sessions) if call.usage is not None)


def counted(sessions: Iterable[Session]) -> list[ModelCall]:
    """Return the chat calls that count."""
    return [
        step
        for session in sessions
        for step in session.steps
        if isinstance(step, ModelCall) and step.counted_by is None and step.operation == "chat"
    ]


def explained(sessions: Iterable[Session]) -> bool:
    """Tell whether some call says that its figures were corrected, are incomplete, or stand for others."""
    return any(call.note is not None or call.usage_missing is not None for call in counted(sessions))


def damaged(spans: Sequence[Span], chance: random.Random) -> list[Span]:
    """Return the spans with some attributes damaged, some spans lost and some doubled."""
    hurt = [damage(span, chance) for span in spans if chance.random() > 0.03]
    return [*hurt, *chance.sample(hurt, len(hurt) // 10)]


def damage(signal: _T, chance: random.Random) -> _T:
    """Return a signal of which each attribute was damaged with a small chance."""
    assert isinstance(signal, (Span, LogRecord))
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
    """Return the beginning of a text or list."""
    if isinstance(value, str):
        return value[: chance.randrange(len(value) + 1)]
    return value[: len(value) // 2] if isinstance(value, list) else value
