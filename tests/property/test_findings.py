"""Findings hold their money within the session's bill and do not depend on order, whatever has no price."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.counterfactual import Counterfactual
from processors.findings import Finding, View, flag, wasted_usd
from processors.ledger import attribute
from processors.model import ModelCall, Session
from processors.pricing.model import Price, Unpriced
from tests.simulator.provider import PRICES
from tests.simulator.recording import Capture, record
from tests.simulator.scenario import draw, draw_unusual


def flagged(session: Session, prices: dict[str, Price]) -> tuple[View, tuple[Finding, ...]]:
    """Attribute and flag a session."""
    ledger = attribute(session, prices)
    view = View(session, ledger, Counterfactual(session, ledger, PRICES))
    return view, flag(session, ledger, view=view)


@given(st.integers(0, 400), st.booleans(), st.booleans(), st.floats(0, 1), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_waste_is_part_of_the_bill_in_any_order(
    seed: int,
    unusual: bool,  # noqa: FBT001 - drawn
    content: bool,  # noqa: FBT001 - drawn
    unpriced: float,
    random: Random,
) -> None:
    """A finding's waste is unknown or above zero, the sum is at most the bill, and the order of steps is irrelevant."""
    scenario = (draw_unusual if unusual else draw)(seed)
    session = record(scenario.run(), scenario.provider, Capture(content=content), seed)
    prices = {
        step.step_id: Unpriced("unknown_model x") if random.random() < unpriced else PRICES.price(step)
        for step in session.steps
        if isinstance(step, ModelCall)
    }
    view, found = flagged(session, prices)
    waste = wasted_usd(found, view)
    assert (waste is None) is (view.ledger.total is None)
    for usd in (waste, *(finding.wasted_usd for finding in found)):
        assert usd is None or view.ledger.total is None or 0 <= usd <= view.ledger.total
    assert all(finding.wasted_usd != 0 for finding in found)
    shuffled = replace(session, steps=tuple(random.sample(session.steps, len(session.steps))))
    again, same = flagged(shuffled, prices)
    assert same == found
    assert wasted_usd(same, again) == waste
