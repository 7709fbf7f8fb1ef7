"""Which steps' savings are worked out, and that the rest is not passed over in silence."""

from __future__ import annotations

import pytest

from processors import savings
from processors.savings import gap
from processors.summary import summarise
from processors.tracecard import gaps
from tests.processors.findings.stories import REPORT, call, told, view_of

SESSION = told(*(call(f"x{n}", "read_file", REPORT * (n + 1), path=f"{n}.csv") for n in range(4)))


def test_the_costliest_steps_come_first() -> None:
    """Where not all steps are looked at, the costliest are."""
    view = view_of(SESSION)
    assert view.what_if is not None
    every = savings.savings(SESSION, view.ledger, view.what_if)
    some = savings.savings(SESSION, view.ledger, view.what_if, most=2)
    assert set(every) == {"x0", "x1", "x2", "x3"}
    costliest = sorted(every, key=lambda step_id: view.ledger.money(step_id).attributed)[-2:]
    assert some == {step_id: every[step_id] for step_id in costliest}


def test_what_was_not_looked_at_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps whose saving was not worked out are a gap of the session; where there are none, nothing is said."""
    view = view_of(SESSION)
    summary = summarise(SESSION, {}, view.ledger, view.structure)
    assert gap(SESSION) is None
    assert not any("savings" in said for said in gaps(view, summary))
    monkeypatch.setattr(gap, "__defaults__", (2,))
    assert "savings only of the 2 costliest of 4 steps" in gaps(view, summary)
