"""Measured figures, for whoever runs the tests with `-s` or `-rP`."""

from __future__ import annotations

import sys


def figure(text: str) -> None:
    """Print one line of measured figures."""
    sys.stdout.write(f"{text}\n")
