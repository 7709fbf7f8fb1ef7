"""`python -m tests.support.shifted_clock ...`: the `clawtrace` command with a clock that a test sets while it runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

OFFSET_FILE: Final = "SHIFTED_CLOCK_FILE"
"""The environment variable that names the file with the seconds by which the clock is wrong."""


def set_clock(file: Path, seconds: int) -> None:
    """Set every clock that reads that file, at once."""
    partial = file.with_suffix(".partial")
    partial.write_text(str(seconds), encoding="utf-8")
    partial.replace(file)


def main() -> int:
    """Shift the clock before anything of ours is imported, and become `clawtrace`."""
    file, now, now_ns = Path(os.environ[OFFSET_FILE]), time.time, time.time_ns
    time.time = lambda: now() + int(file.read_text(encoding="utf-8"))
    time.time_ns = lambda: now_ns() + int(file.read_text(encoding="utf-8")) * 10**9
    from clawtrace_otel.__main__ import main as clawtrace  # noqa: PLC0415 - after the clock is shifted

    return clawtrace()


if __name__ == "__main__":
    sys.exit(main())
