"""The page's table of dialects is what the fixtures say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from processors.normalise import DIALECTS
from tests.processors.normalise.dialect_table import PAGE, table, written


def test_the_readme_shows_the_dialects_as_recorded(golden: Callable[[Path, str], None]) -> None:
    """The table in docs/dialects.md is read off the fixtures; `make golden` writes it anew."""
    golden(PAGE, written(PAGE.read_text(encoding="utf-8")))


def test_no_dialect_is_without_a_fixture() -> None:
    """Every dialect has a recording, an export of the real exporter, or spans built from its catalogue."""
    rows = {row.split("|")[1].strip(" `"): row.split("|")[2:4] for row in table().splitlines()[2:]}
    assert set(rows) == {dialect.name for dialect in DIALECTS}
    assert [name for name, (versions, sources) in rows.items() if not versions.strip() or not sources.strip()] == []
