"""Inputs made from others by small damage, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

_INTERESTING = (b"\x00", b"\xff", b"\x80", b"\x7f", b"\xff" * 10, b"-1", b"9" * 40, b"\xed\xa0\x80", b"null", b"[" * 50)
_LONGEST_RUN = 64
_MOST_CHANGES = 8


def mutations(first_inputs: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Yield damaged inputs without end."""
    random = Random(seed)
    while True:
        data = bytearray(random.choice(first_inputs))
        for _ in range(random.randint(1, _MOST_CHANGES)):
            _change(data, random, first_inputs)
        yield bytes(data)


def _change(data: bytearray, random: Random, others: Sequence[bytes]) -> None:
    at = random.randrange(len(data) + 1)
    run = slice(at, at + random.randint(1, _LONGEST_RUN))
    match random.randrange(6):
        case 0 if at < len(data):
            data[at] ^= 1 << random.randrange(8)
        case 1:
            del data[run]
        case 2:
            data[at:at] = data[run]
        case 3:
            data[at:at] = random.choice(_INTERESTING)
        case 4:
            other = random.choice(others)
            start = random.randrange(len(other) + 1)
            data[run] = other[start : start + random.randint(1, _LONGEST_RUN)]
        case _:
            data[run] = random.choice(_INTERESTING)
