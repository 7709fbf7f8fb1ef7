"""What budgets say of sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store import DerivedRows
from collector.store.charges import COST, WASTE, Charge, SessionCharges, charges_of
from processors.budgets import Budgets, Verdict, judge

DAY = date(2026, 11, 23)
NOON = 1_795_435_200 * 10**9
FILE = """\
budgets:
- {rule: one, per: session, limit_usd: 1}
- {rule: day, per: day, limit_usd: 2}
- {rule: agent, per: agent, limit_usd: 1.5}
- {rule: only-b, per: day, agent: b*, limit_usd: 0.5}
- {rule: repeats, per: session, finding: repeated_call, limit_count: 1}
- {rule: waste, per: session, finding: any, limit_usd: 0}
"""
RULES = Budgets.parse(FILE, "budgets.yaml").rules


def cost(usd: str | None, *, agent: str | None = "a", unknown: int = 0, day: date | None = DAY) -> Charge:
    """Return the charge for what a session cost."""
    return Charge(day, agent, COST, None if usd is None else Decimal(usd), 1, unknown)


def session(name: str, *charges: Charge) -> SessionCharges:
    """Return a session with some charges."""
    return SessionCharges(name, charges)


def states(verdicts: tuple[Verdict, ...]) -> Mapping[tuple[str, str | None, str | None], str]:
    """Return the state by rule, session and agent."""
    return {(v.rule, v.session_id, v.agent_name): v.state for v in verdicts}


def test_more_than_the_limit_breaks_it_and_just_that_does_not() -> None:
    """A limit of 1 USD allows 1 USD."""
    verdicts = judge(RULES[:1], [session("x", cost("1")), session("y", cost("1.000000000001"))], ())
    assert states(verdicts) == {("one", "x", None): "within", ("one", "y", None): "over"}


def test_a_day_adds_up_and_names_the_session_that_went_over() -> None:
    """What other sessions cost counts; the breach names the first of the judged ones that broke the limit."""
    judged = [session("x", cost("0.4")), session("y", cost("0.2", agent="b")), session("z", cost("5"))]
    (day,) = judge(RULES[1:2], judged, [cost("1.5", agent=None)])
    assert (day.state, day.session_id, day.amount_usd, day.day) == ("over", "y", Decimal("7.1"), DAY)


def test_each_agent_has_a_budget_of_its_own() -> None:
    """Agents are told apart, those without a name being one; a glob takes only those that it names."""
    judged = [session("x", cost("1.4")), session("y", cost("1.6", agent=None)), session("z", cost("0.6", agent="Bob"))]
    verdicts = judge(RULES[2:4], judged, ())
    assert states(verdicts) == {
        ("agent", None, "a"): "within",
        ("agent", "y", None): "over",
        ("agent", None, "Bob"): "within",
        ("only-b", "z", None): "over",
    }


def test_an_unknown_cost_is_said_and_is_no_zero() -> None:
    """What is not known whole is not 'within'; what is known may break the limit all the same, and says 'at least'."""
    judged = [
        session("x", cost(None, unknown=2)),
        session("y", cost("0.5", unknown=1)),
        session("z", cost("3", unknown=1)),
    ]
    found = {v.session_id: (v.state, v.amount_usd, v.unknown_count) for v in judge(RULES[:1], judged, ())}
    assert found == {
        "x": ("unknown", None, 2),
        "y": ("unknown", Decimal("0.5"), 1),
        "z": ("over", Decimal(3), 1),
    }


def test_a_session_without_calls_costs_nothing_unknown() -> None:
    """No model call: nothing is known of a cost, and nothing is missing."""
    assert [v.state for v in judge(RULES[:1], [session("x", cost(None))], ())] == ["within"]


def test_charges_are_read_from_the_derived_rows() -> None:
    """Cost, waste and each kind of finding, on the day the session began; soft findings are no waste."""
    rows: DerivedRows = {
        "sessions": [
            {
                "session_id": "x",
                "agent_name": "a",
                "started_at": NOON,
                "cost_usd": Decimal(1),
                "unpriced_call_count": 3,
                "wasted_usd": Decimal("0.2"),
            }
        ],
        "findings": [
            {"session_id": "x", "detector": "repeated_call", "wasted_usd": Decimal("0.2"), "soft": False},
            {"session_id": "x", "detector": "repeated_call", "wasted_usd": None, "soft": False},
            {"session_id": "x", "detector": "poll_loop", "wasted_usd": Decimal("0.1"), "soft": True},
        ],
    }
    (charges,) = charges_of(rows)
    assert charges.session_id == "x"
    assert set(charges.charges) == {
        Charge(DAY, "a", COST, Decimal(1), 1, 3),
        Charge(DAY, "a", WASTE, Decimal("0.2"), 2, 1),
        Charge(DAY, "a", "repeated_call", Decimal("0.2"), 2, 1),
        Charge(DAY, "a", "poll_loop", Decimal("0.1"), 1, 0),
    }
    said = {v.rule: v.state for v in judge(RULES, [charges], ())}
    assert (said["repeats"], said["waste"], said["one"]) == ("over", "over", "unknown")


def test_a_session_without_a_time_is_judged_by_itself_only() -> None:
    """It belongs to no day."""
    verdicts = judge(RULES[:3], [session("x", cost("9", day=None))], ())
    assert states(verdicts) == {("one", "x", None): "over"}


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from(["a", "b", None]), st.integers(0, 2), st.booleans()), max_size=8
    ),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_order_and_grouping_of_sessions_change_no_verdict(
    drawn: list[tuple[int, str | None, int, bool]], random: Random
) -> None:
    """Sessions judged together, or the last of them against the charges of all others, are judged alike."""
    judged = [
        session(f"s{n}", cost(None if cents == 0 else str(Decimal(cents) / 100), agent=agent, unknown=unknown))
        for n, (cents, agent, unknown, _) in enumerate(drawn)
    ]
    together = {v.breach_id: (v.state, v.amount_usd, v.unknown_count) for v in judge(RULES, judged, ())}
    random.shuffle(judged)
    if judged:
        last, others = judged[-1], [charge for one in judged[:-1] for charge in one.charges]
        alone = {v.breach_id: (v.state, v.amount_usd, v.unknown_count) for v in judge(RULES, [last], others)}
        assert alone.items() <= together.items()
