"""Rows on a terminal: nothing of them is cut, however narrow it is."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pytest

from clawtrace_otel.cli.options import RowsFormat
from clawtrace_otel.cli.output import write_rows
from collector.api import QueryResult

SESSION = "b7d4243e-1123-4f1f-b1da-e93fc273a298"
COST = Decimal("0.004415350000")


class Terminal(io.StringIO):
    """What a terminal shows."""

    def isatty(self) -> bool:
        """Tell that somebody looks at it."""
        return True


def shown_at(
    width: int, monkeypatch: pytest.MonkeyPatch, *, dispensable: Sequence[str] = (), **columns: list[object]
) -> str:
    """Return what a terminal of a width shows of rows, without colours."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    for name, value in (("COLUMNS", str(width)), ("TERM", "xterm"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    write_rows(QueryResult(pa.table(columns)), RowsFormat.TABLE, dispensable=dispensable)
    return terminal.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_ids_and_money_are_whole_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a table would have to cut an id or a figure, each row's values stand below one another."""
    shown = shown_at(width, monkeypatch, session_id=[SESSION], calls=[8], cost_usd=[COST], unpriced=[0])
    assert SESSION in shown.split()
    assert "0.00441535" in shown.split()


def test_columns_that_one_can_do_without_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is too wide loses dispensable columns, one after another, and tells where they are."""
    columns: dict[str, list[object]] = {"session_id": [SESSION], "calls": [8], "agent": ["analyst"], "usd": [COST]}
    dispensable = ["agent", "calls"]
    assert "analyst" in shown_at(80, monkeypatch, dispensable=dispensable, **columns)
    narrower = shown_at(60, monkeypatch, dispensable=dispensable, **columns)
    assert narrower.splitlines()[1].split() == ["session_id", "calls", "usd"]
    assert narrower.splitlines()[-1] == "for agent: a wider terminal, or --format csv"
    narrowest = shown_at(52, monkeypatch, dispensable=dispensable, **columns)
    assert narrowest.splitlines()[1].split() == ["session_id", "usd"]
    assert shown_at(30, monkeypatch, dispensable=dispensable, **columns).split() == [
        "session_id",
        SESSION,
        "usd",
        "0.00441535",
    ]


def test_money_loses_the_zeros_that_all_of_it_ends_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amounts of a column keep as many digits as the finest of them has, at least cents, and unknown is a dash."""
    amounts: list[object] = [Decimal("1.500000000000"), None, Decimal("0.004400000000")]
    cents: list[object] = [Decimal("2.000000000000"), None, Decimal("0.100000000000")]
    lines = shown_at(80, monkeypatch, usd=amounts, cents=cents).splitlines()
    assert [line.split() for line in lines[3:6]] == [["1.5000", "2.00"], ["-", "-"], ["0.0044", "0.10"]]


def test_rows_below_one_another_name_their_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of many columns is a list of names and values, an empty line before each row."""
    shown = shown_at(30, monkeypatch, session_id=[SESSION, None], calls=[8, 9])
    assert shown == f"\nsession_id  {SESSION}\ncalls       8\n\nsession_id  -\ncalls       9\n"


def test_prose_is_wrapped_in_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column of words is made as narrow as the terminal asks before rows are taken apart."""
    shown = shown_at(40, monkeypatch, aspect=["prompts"], missing=["messages were not captured by the source at all"])
    assert shown.splitlines()[1].split() == ["aspect", "missing"]
    assert max(map(len, shown.splitlines())) <= 40


def test_no_rows_are_a_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow terminal shows which columns an empty answer has."""
    assert "session" in shown_at(20, monkeypatch, session_id=[], calls=[], cost_usd=[])
