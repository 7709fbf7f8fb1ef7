"""The environment that a test's own processes run in."""

from __future__ import annotations

import os


def clean_environment() -> dict[str, str]:
    """Return the environment without the developer's own settings, which must not reach the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CLAWTRACE_", "OTEL_"))}
