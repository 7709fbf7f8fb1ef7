"""Distilling many sessions with the rules analyst: time and memory."""

from __future__ import annotations

import resource
import time

from costcraft.analysts import RulesAnalyst
from costcraft.case import Cases
from costcraft.distill import distill
from costcraft.skill import Skill
from tests.costcraft.test_distill import case

SESSIONS = 2_000


def main() -> None:
    """Print seconds and peak memory for 2,000 sessions, a quarter of them failed."""
    cases = Cases.of(case(number, confirm=number % 4 != 0) for number in range(SESSIONS))
    base = Skill({"name": "order-desk", "description": "Orders."})
    started = time.perf_counter()
    result = distill(base, cases, (RulesAnalyst(),))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"distill  {SESSIONS} sessions: {len(result.patches)} patches, {len(result.admitted)} rules, ", end="")  # noqa: T201
    print(f"{seconds:.1f} s, {peak:.0f} MiB peak")  # noqa: T201


if __name__ == "__main__":
    main()
