"""Progress of a long run, reported to whoever displays it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives, from one thread, how many parts of a stage are done."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report progress."""
        ...


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""
