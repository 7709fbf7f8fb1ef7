"""Which lake is meant, and what is said where none or two places are."""

from __future__ import annotations

from pathlib import Path

import pytest

from clawtrace_otel.cli.app import main
from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.lake import chosen_lake, lake_address
from collector.errors import StoreError

STORE = {"CLAWTRACE_STORE": "ducklake:postgres:host=h", "CLAWTRACE_DATA": "/d"}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings out."""
    for name in STORE:
        monkeypatch.delenv(name, raising=False)


def test_the_environment_names_a_lake() -> None:
    """Options go before the environment, each for itself; where neither says anything there is no lake."""
    assert lake_address(None, None, {}) is None
    named = lake_address(None, None, STORE)
    assert named is not None
    assert (named.catalog, named.data) == ("postgres:host=h", "/d/")
    typed = lake_address("ducklake:/c", None, STORE)
    assert typed is not None
    assert (typed.catalog, typed.data) == ("/c", "/d/")


def test_what_is_typed_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or an address that was typed is meant, whatever the environment names; two typed places are refused."""
    for name, value in STORE.items():
        monkeypatch.setenv(name, value)
    assert chosen_lake(None, None, elsewhere=True) is None
    assert chosen_lake(None, None, elsewhere=False) is not None
    with pytest.raises(CliError, match="give one"):
        chosen_lake("ducklake:x", "/d", elsewhere=True)


def test_a_lake_without_data_is_refused() -> None:
    """A store without a place for its data is refused with what to add."""
    with pytest.raises(StoreError, match="--data"):
        lake_address("ducklake:x", None, {})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["lake", "compact"], "no lake is named"),
        (["sql", "SELECT 1", "--store", "ducklake:x", "--data", "d"], "'clawtrace lake migrate' creates it"),
        (["sql", "SELECT 1", "--store", "ducklake:x"], "needs --data"),
        (["sql", "SELECT 1", "--store", "sqlite:x", "--data", "d"], "--store is ducklake"),
        (["sql", "SELECT 1", "--store", "ducklake:x", "--data", "d", "--db", "x.duckdb"], "give one"),
        (["serve", "--store", "ducklake:x", "--data", "d", "--db", "x.duckdb"], "give one"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A command that names no lake, half of one or too much says so in one line and exits 1."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
