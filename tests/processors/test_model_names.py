"""One model under its alias and its dates."""

from __future__ import annotations

import pytest

from processors.model_names import family


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("models/gemini-2.5-flash-001", "gemini-2.5-flash"),
        ("gpt-4o", "gpt-4o"),
        ("20250929", "20250929"),
        (None, None),
        ("", None),
    ],
)
def test_family(name: str | None, expected: str | None) -> None:
    """Vendor, path, date and version are left out, so that a prompt goes on when only the spelling changed."""
    assert family(name) == expected
