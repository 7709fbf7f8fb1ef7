"""Damaged inputs at every border: read, or refused with the border's own error, and never anything else."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.reliability.fuzz.mutate import mutations
from tests.reliability.fuzz.targets import TARGETS, Target

INPUTS = 60


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_inputs_are_read_or_refused(target: Target) -> None:
    """A few of what `make reliability` feeds by the ten thousand."""
    for data in islice(mutations(target.first_inputs(), seed=7), INPUTS):
        target.feed(data)
