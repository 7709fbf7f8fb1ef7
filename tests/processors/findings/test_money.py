"""What findings say of money where calls have no price, and where one finding lies inside another."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from processors.counterfactual import Counterfactual
from processors.findings import Finding, flag, wasted_usd
from processors.ledger import attribute
from processors.model import ModelCall, Session
from processors.pricing.model import Unpriced
from tests.processors.findings.stories import OTHER, REPORT, call, delegate, told, view_of
from tests.processors.findings.test_detectors import cached_plan, doubled, recorded, thinking
from tests.simulator.provider import PRICES

READ = call("a", "read_file", REPORT, path="report.csv")
READ_AGAIN = call("b", "read_file", REPORT, path="report.csv")


def unpriced(session: Session, step_ids: Collection[str], detector: str) -> Finding:
    """Flag a session in which some calls have no price."""
    prices = {
        step.step_id: Unpriced("unknown_model x") if step.step_id in step_ids else PRICES.price(step)
        for step in session.steps
        if isinstance(step, ModelCall)
    }
    ledger = attribute(session, prices)
    assert ledger.total is not None
    found = flag(session, ledger, Counterfactual(session, ledger, PRICES))
    return next(finding for finding in found if finding.detector == detector)


@pytest.mark.parametrize(
    ("detector", "session", "step_id"),
    [
        ("duplicate_llm_call", doubled(told(READ, "Northern 1200."), "main-turn0", 60_000_000_000), "again"),
        ("cache_break", recorded(cached_plan(missed=True)), "c2"),
        ("thinking_only", thinking(told("Let me see.", READ, "Northern 1200."), "main-turn0"), "main-turn0"),
    ],
)
def test_the_waste_of_an_unpriced_call_is_unknown(detector: str, session: Session, step_id: str) -> None:
    """What a call without a price wasted is unknown, not zero, although other calls have one."""
    assert unpriced(session, {step_id}, detector).wasted_usd is None


def test_a_repeat_that_only_unpriced_calls_paid_for() -> None:
    """Waste and saving of a step are unknown where no priced call asked for it or carried it."""
    session = told(READ, READ_AGAIN)
    found = unpriced(session, {"main-turn1", "main-turn2"}, "repeated_call")
    assert (found.wasted_usd, found.saving_usd) == (None, None)


@pytest.mark.parametrize("step_id", ["main-turn1", "main-turn2"], ids=["asked for", "carried"])
def test_a_repeat_that_a_priced_call_paid_for(step_id: str) -> None:
    """One priced call that asked for a step or carried it is enough for a figure."""
    found = unpriced(told(READ, READ_AGAIN), {"main-turn0", "main-turn1", "main-turn2"} - {step_id}, "repeated_call")
    assert found.wasted_usd is not None
    assert found.saving_usd is not None
    assert found.wasted_usd > 0


def test_a_finding_inside_an_unused_sub_agent_is_counted_once() -> None:
    """A repeat made by a sub-agent that was for nothing adds nothing to the session's waste."""
    helper = delegate("helper", READ, READ_AGAIN, "Northern sold least of the three regions.")
    session = told(helper, call("c", "read_file", OTHER, path="c.csv"), "The forecast begins with 7100.")
    view = view_of(session)
    found = {finding.detector: finding for finding in flag(session, view.ledger, view=view)}
    assert found.keys() == {"unused_sub_agent", "repeated_call"}
    assert wasted_usd(found.values(), view) == found["unused_sub_agent"].wasted_usd
    assert wasted_usd([found["repeated_call"]], view) == found["repeated_call"].wasted_usd
