"""`python -m tests.reliability.fuzz.atheris_run TARGET CORPUS [libFuzzer options]`: drive a target by coverage."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

atheris: Any = import_module("atheris")
"""There is no such package for every platform."""

with atheris.instrument_imports(include=["collector", "processors"], enable_loader_override=False):
    from tests.reliability.fuzz.targets import target


def main() -> None:
    """Run until libFuzzer ends the process."""
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], target(name).feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
