"""What holds for every recording however its signals arrive and however they were damaged on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import pytest

from processors.normalise import normalise
from tests.processors.normalise.damage import COUNTS, calls, damage, tokens, violations
from tests.processors.support import RECORDINGS, load_recording, load_truth

DAMAGES_PER_RECORDING = 12
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
    """Whatever part of the spans has arrived, no more tokens are counted than in the end, or it is said why."""
    spans, logs = load_recording(name)
    truth = load_truth(name)
    for seed in range(4):
        sessions = normalise(shuffled(spans, seed)[: max(1, len(spans) * (seed + 1) // 5)], logs)
        for kind in COUNTS:
            assert tokens(sessions, kind) <= truth[kind] + len(calls(sessions))


@pytest.mark.parametrize("name", RECORDINGS)
def test_damaged_signals_never_crash_nor_cost_more(name: str) -> None:
    """Attributes dropped, retyped, cut or doubled and signals lost or resent add no token and no cent without a reason.

    `python -m tests.processors.normalise.damage 500` tries more.
    """
    assert [broken for seed in range(DAMAGES_PER_RECORDING) for broken in violations(name, seed)] == []


def test_damage_is_done() -> None:
    """The damages that the test above survives reach usage, ids, models and content."""
    chance, hurt = random.Random(1), Counter[str]()
    for name in RECORDINGS:
        for span in load_recording(name)[0]:
            again = damage(span, chance).attributes
            hurt.update(key for key, value in span.attributes.items() if again.get(key) != value)
    for word in ("usage", "id", "model", "message", "name"):
        assert sum(number for key, number in hurt.items() if word in key) > 20
