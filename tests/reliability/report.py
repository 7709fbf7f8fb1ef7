"""The results as docs/reliability.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from tests.reliability.check import SECTIONS, Result

DOCS = Path(__file__).parent.parent.parent / "docs"
_HEAD = """# What it was put through

Written by `make reliability` (`python -m tests.reliability`), which runs real collectors, real exporters, real files
and real `kill -9`; nothing in it is simulated but the clock. A line that fails makes the command fail. The most
important faults also run, smaller, with every `make test` (`tests/e2e`). "Lost" means: acknowledged and not there
afterwards, or there twice.
"""


def written(results: Sequence[Result]) -> str:
    """Return the document."""
    parts = [_HEAD, _about(results)]
    for section in SECTIONS:
        lines = [result for result in results if result.section == section]
        if lines:
            parts.append(f"## {section}\n\n| | measured | lost |\n|---|---|---|\n" + "\n".join(map(_row, lines)) + "\n")
    parts.append(_PLOT if (DOCS / "soak.svg").exists() else "")
    return "\n".join(part for part in parts if part)


_PLOT = """## The soak over time

![Memory, file size and throughput during the soak](soak.svg)
"""


def _about(results: Sequence[Result]) -> str:
    first, last = min(result.at for result in results), max(result.at for result in results)
    revisions = ", ".join(sorted({result.revision for result in results}))
    seconds = sum(result.seconds for result in results)
    loads = [result.load_before for result in results]
    machine = f"{os.cpu_count()} cores ({platform.system()}, Python {platform.python_version()}"
    return (
        f"Measured {first[:16]} to {last[11:16]} UTC at {revisions}: {len(results)} checks in {seconds / 60:.0f}"
        f" minutes on {machine}; load average before each check"
        f" {min(loads):.1f} to {max(loads):.1f}).\n"
    )


def _row(result: Result) -> str:
    lost = result.lost if result.passed else f"**failed**: {result.lost}"
    cells = (f"**{result.title}**", f"{result.measured} ({result.seconds:.0f} s)", lost)
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
