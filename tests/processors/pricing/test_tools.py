"""What a user says about tools: their price and what they do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from processors.errors import PriceFileError
from processors.pipeline import Compiled, compile_session
from processors.pricing import price_book
from processors.rows import session_row, step_rows
from tests.processors.findings.stories import call, told
from tests.simulator.provider import PRICES

FILE = """\
tools:
- tool: web_*
  usd_per_call: 0.01
- tool: crm_sync
  effect: read
  targets: [account]
- tool: crm_*
  usd_per_call: 0.000000000007
  effect: write
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file that says nothing but of tools."""
    path = tmp_path / "prices.yaml"
    path.write_text(FILE)
    return path


def compiled(path: Path) -> Compiled:
    """Compile a session that searches twice and reads an account twice."""
    session = told(
        call("a", "web_search", "Nothing found.", query="x"),
        call("b", "web_find", "Nothing found.", query="y"),
        call("c", "crm_sync", "ok", account="7"),
        call("d", "crm_sync", "ok", account="7"),
    )
    return compile_session(session, PRICES, price_book(path).tools)


def test_a_tool_that_costs_is_billed(path: Path) -> None:
    """A tool's price is billed to its step, names its line, and the sums still hold to the last digit."""
    done = compiled(path)
    rows = {row["step_id"]: row for row in step_rows(done)}
    assert rows["a"]["cost_usd"] == rows["b"]["cost_usd"] == Decimal("0.01")
    assert rows["a"]["price_source"] == "override prices.yaml line 2"
    assert rows["c"]["cost_usd"] == Decimal("0.000000000007")
    billed = [cost for row in rows.values() if isinstance(cost := row.get("cost_usd"), Decimal)]
    caused = [cost for row in rows.values() if isinstance(cost := row.get("attributed_usd"), Decimal)]
    assert sum(billed) == sum(caused) == session_row(done)["cost_usd"] == done.card.total_cost_usd


def test_leaving_a_tool_out_saves_its_price(path: Path) -> None:
    """What a call of a tool costs is part of what leaving it out saves."""
    assert compiled(path).savings["a"] > Decimal("0.01")


def test_a_tool_that_is_said_to_read(path: Path) -> None:
    """The first entry that speaks of the effect counts: a tool that is said to read can repeat itself."""
    repeats = [finding.step_ids for finding in compiled(path).findings if finding.detector == "repeated_call"]
    assert repeats == [("d",)]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("tools:\n- tool: x\n  usd_per_call: cheap\n", 3, "Input should be a number"),
        ("tools:\n- tool: x\n", 2, "give usd_per_call, effect or targets"),
        ("tools:\n- tool: x\n  usd_per_call: -1\n", 3, "greater than or equal to 0"),
        ("tools:\n- tool: x\n  effect: destroy\n", 3, "'read' or 'write'"),
        ("tools:\n- tool: x\n  price: 1\n", 3, "Extra inputs are not permitted"),
        ("tools: []\n", 1, "at least 1 item"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    """An entry that cannot be meant is refused with file, line and what is wrong."""
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(PriceFileError) as refused:
        price_book(path)
    assert f"prices.yaml line {line}: " in str(refused.value)
    assert problem in str(refused.value)
