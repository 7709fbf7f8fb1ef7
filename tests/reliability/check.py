"""What a check is and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LOAD, FAULT, INPUT = "Load held", "Faults survived", "Bad inputs tried"
SECTIONS = (LOAD, FAULT, INPUT)

Run = Callable[[Path], tuple[str, str]]
"""Takes an empty folder; returns what was measured and what was lost, in words."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    section: str
    title: str
    run: Run
    limit_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    section: str
    title: str
    measured: str
    lost: str
    passed: bool
    seconds: float
    load_before: float
    """The machine's load average over a minute, before it ran."""
    at: str
    revision: str

    def document(self) -> dict[str, Any]:
        """Return the result as JSON takes it."""
        return asdict(self)
