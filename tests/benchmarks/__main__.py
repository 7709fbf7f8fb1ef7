"""`make bench`: measured figures, printed; nothing here passes or fails."""

from __future__ import annotations

from tests.benchmarks import compile as compiling
from tests.benchmarks import ingest


def main() -> None:
    """Run every benchmark."""
    ingest.main()
    compiling.main()


if __name__ == "__main__":
    main()
