"""`make bench`: measured figures, printed; nothing here passes or fails."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("ingest", "redaction", "compile", "stages", "distill", "session_logs")


def main() -> None:
    """Run every benchmark in a process of its own, so that none counts another's memory."""
    for name in BENCHMARKS:
        print(f"\n{name}", flush=True)  # noqa: T201 - what a command prints
        subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main()
