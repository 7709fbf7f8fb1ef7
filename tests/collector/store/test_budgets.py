"""What every store keeps of budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from collector.store import DerivedRows, Group, TelemetryStore
from collector.store.charges import COST, WASTE, Charge
from collector.store.memory import MemoryStore
from tests.collector.store.builders import NOW, SECOND, batch, span, trace
from tests.collector.store.conftest import StoreUnderTest

DAY = datetime.fromtimestamp(NOW // SECOND, UTC).date()
NEXT = date.fromordinal(DAY.toordinal() + 1)
DAY_NS = 86_400 * SECOND


def rows(session_id: str, usd: str | None, *, day: int = 0, agent: str | None = "a", unpriced: int = 0) -> DerivedRows:
    """Return a session with its cost and one finding."""
    money = None if usd is None else Decimal(usd)
    return {
        "sessions": [
            {
                "session_id": session_id,
                "agent_name": agent,
                "started_at": NOW + day * DAY_NS,
                "cost_usd": money,
                "wasted_usd": money,
                "unpriced_call_count": unpriced,
            }
        ],
        "findings": [{"session_id": session_id, "detector": "cycle", "wasted_usd": money, "soft": False}],
    }


def verdict(breach_id: str, **changes: object) -> Mapping[str, object]:
    """Return what a budget said, over its limit unless changed."""
    said = {
        "breach_id": breach_id,
        "rule": "r",
        "per": "session",
        "session_id": "x",
        "amount_usd": Decimal(2),
        "state": "over",
        "unknown_count": 0,
        "judged_at": NOW,
        "breached_at": NOW,
    }
    return said | changes


def grouped(store: TelemetryStore, count: int) -> list[Group]:
    """Store so many traces and return their groups in order."""
    for number in range(1, count + 1):
        store.append(batch([span(trace(number), number)]))
    return sorted(store.groups(), key=lambda group: min(group.trace_ids))


def sums(charges: Iterable[Charge]) -> dict[tuple[date | None, str | None, str], tuple[Decimal | None, int, int]]:
    """Return charges summed up by day, agent and kind, as a store may or may not have done."""
    found: dict[tuple[date | None, str | None, str], tuple[Decimal | None, int, int]] = {}
    for charge in charges:
        usd, count, unknown = found.get((charge.day, charge.agent_name, charge.kind), (None, 0, 0))
        known = charge.usd if usd is None else usd + (charge.usd or 0)
        key = (charge.day, charge.agent_name, charge.kind)
        found[key] = (known, count + charge.count, unknown + charge.unknown)
    return found


def test_charges_are_those_of_all_other_sessions(store: TelemetryStore) -> None:
    """What is replaced does not count, nor do other days; what is not known is counted as such."""
    one, two, three, four = grouped(store, 4)
    store.replace(one, rows("x", "1"))
    store.replace(two, rows("y", "0.5", agent=None))
    store.replace(three, rows("z", None, unpriced=2))
    store.replace(four, rows("w", "7", day=1))
    beside = sums(store.charges_beside([(one, rows("x", "9"))], {DAY}))
    assert beside == {
        (DAY, None, COST): (Decimal("0.5"), 1, 0),
        (DAY, None, WASTE): (Decimal("0.5"), 1, 0),
        (DAY, None, "cycle"): (Decimal("0.5"), 1, 0),
        (DAY, "a", COST): (None, 1, 2),
        (DAY, "a", WASTE): (None, 1, 1),
        (DAY, "a", "cycle"): (None, 1, 1),
    }


def test_the_day_that_a_session_leaves_is_looked_at(store: TelemetryStore) -> None:
    """A session that begins on another day once more of it is known takes its cost off the first."""
    one, two = grouped(store, 2)
    store.replace(one, rows("x", "1"))
    store.replace(two, rows("y", "0.5"))
    beside = sums(store.charges_beside([(one, rows("x", "1", day=1))], {NEXT}))
    assert beside[DAY, "a", COST] == (Decimal("0.5"), 1, 0)


def test_a_breach_said_again_is_one_breach(opened: StoreUnderTest) -> None:
    """It keeps when it was first one and that it was posted; its figures are the latest."""
    store = opened.store
    (one,) = grouped(store, 1)
    store.replace(one, {**rows("x", "2"), "budgets": [verdict("b")]})
    store.mark_posted(["b"], NOW + 5)
    later = verdict("b", amount_usd=Decimal(3), judged_at=NOW + 9, breached_at=NOW + 9)
    store.replace(one, {**rows("x", "3"), "budgets": [later]})
    table = "budgets" if isinstance(store, MemoryStore) else "derived.budgets"
    assert opened.rows(table, "breach_id", "amount_usd") == [("b", Decimal(3))]
    assert store.breached(["b", "c"]) == {"b"}
    assert store.unposted(9) == []


def test_a_breach_that_is_none_any_more_is_not_posted_and_not_forgotten(store: TelemetryStore) -> None:
    """A cost that was corrected takes the breach back; coming again it is the same one."""
    (one,) = grouped(store, 1)
    store.replace(one, {**rows("x", "2"), "budgets": [verdict("b")]})
    assert [row["breach_id"] for row in store.unposted(9)] == ["b"]
    store.replace(one, {**rows("x", "1"), "budgets": [verdict("b", state="within", breached_at=None)]})
    assert store.unposted(9) == []
    assert store.breached(["b"]) == {"b"}
    store.replace(one, {**rows("x", "2"), "budgets": [verdict("b", breached_at=NOW + 7)]})
    assert [row["breached_at"] for row in store.unposted(9)] == [NOW]


def test_what_was_always_within_a_budget_takes_no_room(store: TelemetryStore) -> None:
    """Only what went over, or cannot be told, is stored."""
    (one,) = grouped(store, 1)
    said = [verdict("w", state="within", breached_at=None), verdict("u", state="unknown", breached_at=None)]
    store.replace(one, {**rows("x", "1"), "budgets": said})
    store.replace(one, {**rows("x", "9"), "budgets": [verdict("w"), verdict("u")]})
    assert [row["breach_id"] for row in store.unposted(9)] == ["u", "w"]


def test_a_session_that_is_no_more_takes_its_breaches_along(store: TelemetryStore) -> None:
    """Growing into another session leaves no breach of the old one; a day's breach stays, without its name."""
    (one,) = grouped(store, 1)
    day = verdict("d", per="day", day=DAY)
    store.replace(one, {**rows("x", "2"), "budgets": [verdict("b"), day]})
    store.replace(one, rows("y", "2"))
    (left,) = store.unposted(9)
    assert (left["breach_id"], left["session_id"], left["day"]) == ("d", None, DAY)


@pytest.mark.parametrize("limit", [1, 2])
def test_the_oldest_breaches_are_told_first(store: TelemetryStore, limit: int) -> None:
    """No more than asked for."""
    (one,) = grouped(store, 1)
    said = [verdict("a", breached_at=NOW + 2), verdict("b", breached_at=NOW + 1), verdict("c", breached_at=NOW + 3)]
    store.replace(one, {**rows("x", "2"), "budgets": said})
    assert [row["breach_id"] for row in store.unposted(limit)] == ["b", "a"][:limit]
