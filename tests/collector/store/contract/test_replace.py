"""The contract of `replace` and `replace_all`: what was derived from a group gives way to what is derived now."""

from __future__ import annotations

from decimal import Decimal

import pytest

from collector.store import MOST_TRACES_OF_A_VALUE, DerivedRows, TelemetryStore
from tests.collector.store.builders import NOW, batch, log, session, sharing, span, together, trace
from tests.collector.store.conftest import StoreUnderTest
from tests.collector.store.contract.traces import A, B, C, only, quiet


class TestReplace:
    def test_swaps_all_tables(self, opened: StoreUnderTest) -> None:
        """Nothing of the old rows stays, and those of other groups are untouched."""
        opened.store.append(batch([span(A, 1), span(B, 2)]))
        first, second = quiet(opened.store)
        opened.store.replace_all([(first, session("a", steps=3)), (second, session("b"))])
        opened.store.replace(first, session("a", cost="2.5", steps=1))
        assert opened.rows("steps", "session_id", "step_index") == [("a", 0), ("b", 0), ("b", 1)]
        for table in ("sessions", "findings", "ledger", "tracecards"):
            assert opened.rows(table, "session_id") == [("a",), ("b",)]
        assert opened.rows("sessions", "session_id", "cost_usd") == [("a", Decimal("2.5")), ("b", Decimal("1e-12"))]

    def test_a_session_that_is_gone_is_deleted(self, opened: StoreUnderTest) -> None:
        """A session that the new rows lack leaves with everything of it."""
        opened.store.append(batch([span(A, 1)]))
        group = only(opened.store)
        opened.store.replace(group, together(session("a"), session("b")))
        opened.store.replace(group, session("b"))
        assert opened.rows("sessions", "session_id") == [("b",)]
        assert set(opened.rows("steps", "session_id")) == {("b",)}
        opened.store.replace(group, {})
        assert opened.rows("sessions", "session_id") == opened.rows("ledger", "session_id") == []

    def test_groups_that_grew_together_leave_no_old_sessions(self, opened: StoreUnderTest) -> None:
        """When two groups become one, the sessions of both give way to the new ones."""
        opened.store.append(batch([span(A, 1), span(B, 2)]))
        first, second = quiet(opened.store)
        opened.store.replace_all([(first, session("a")), (second, session("b"))])
        opened.store.append(batch([span(C, 3)], edges=[(A, "s", None), (B, "s", None), (C, "s", None)]))
        (grown,) = quiet(opened.store)
        opened.store.replace(grown, session("s"))
        assert opened.rows("sessions", "session_id") == [("s",)]
        assert quiet(opened.store) == []

    def test_content_joins_groups(self, opened: StoreUnderTest) -> None:
        """Groups in whose content one value was found are one, which is pending at once, also with what comes later."""
        opened.store.append(batch([span(A, 1), span(B, 2)]))
        first, second = quiet(opened.store)
        opened.store.replace(first, {**session("a"), **sharing("call", A)})
        assert quiet(opened.store) == [second]
        opened.store.replace(second, {**session("b"), **sharing("call", B)})
        (whole,) = opened.store.quiet(idle_ns=NOW, now_ns=NOW, limit=100)
        assert (set(whole.trace_ids), set(whole.values)) == ({A, B}, {"call"})
        opened.store.replace(whole, {**session("a"), **sharing("call", A)})
        assert opened.rows("sessions", "session_id") == [("a",)]
        assert quiet(opened.store) == []
        assert len(opened.store.load(whole).spans) == 2
        opened.store.append(batch([span(B, 3)]))
        assert [group.trace_ids for group in quiet(opened.store)] == [{A, B}]

    def test_a_value_that_does_not_last_joins_what_holds_it(self, store: TelemetryStore) -> None:
        """A group that only looks for others finds those that are kept under a value, and is not found itself."""
        store.append(batch([span(A, 1), span(B, 2), span(C, 3)]))
        first, second, third = quiet(store)
        store.replace(first, {**session("a"), **sharing("call", A, lasting=False)})
        store.replace(second, {**session("b"), **sharing("call", B)})
        assert quiet(store) == [third]
        store.replace(third, {**session("c"), **sharing("call", C, lasting=False)})
        assert [group.trace_ids for group in quiet(store)] == [{B, C}]

    def test_what_is_compiled_together_finds_each_other(self, store: TelemetryStore) -> None:
        """The order of groups in one transaction does not decide whether they grow together."""
        store.append(batch([span(A, 1), span(B, 2)]))
        first, second = quiet(store)
        looking = {**session("a"), **sharing("call", A, lasting=False)}
        store.replace_all([(first, looking), (second, {**session("b"), **sharing("call", B)})])
        assert [group.trace_ids for group in quiet(store)] == [{A, B}]

    def test_a_value_that_stands_everywhere_joins_few(self, store: TelemetryStore) -> None:
        """An id that more traces hold than one run has names no run."""
        traces = [trace(100 + number) for number in range(MOST_TRACES_OF_A_VALUE + 2)]
        store.append(batch([span(name, 1) for name in traces]))
        for group in quiet(store):
            (name,) = group.trace_ids
            store.replace(group, {**session(name), **sharing("call_0", name)})
        assert [len(group.trace_ids) for group in quiet(store)] == [MOST_TRACES_OF_A_VALUE]

    def test_groups_of_log_records_are_replaced_too(self, opened: StoreUnderTest) -> None:
        """A group that has values and no traces is found again by its values."""
        opened.store.append(batch(logs=[log(correlation_value="s")]))
        opened.store.replace(only(opened.store), session("one"))
        opened.store.append(batch(logs=[log(correlation_value="s", body='"more"')]))
        (group,) = quiet(opened.store)
        opened.store.replace(group, session("two"))
        assert opened.rows("sessions", "session_id") == [("two",)]

    def test_keeps_what_rows_say(self, opened: StoreUnderTest) -> None:
        """Money is exact, lists are lists, JSON may be a value or text, and what is missing is NULL."""
        opened.store.append(batch([span(A, 1)]))
        opened.store.replace(only(opened.store), session("a", cost="12345678901234567890.123456789012"))
        assert opened.rows("sessions", "cost_usd", "models", "task_id") == [
            (Decimal("12345678901234567890.123456789012"), ["m"], None)
        ]
        assert opened.rows("findings", "evidence") == [('{"usd":"12345678901234567890.123456789012"}',)]
        assert opened.rows("tracecards", "card") == [('{"a": 1}',)]

    @pytest.mark.parametrize(
        ("rows", "complaint"),
        [
            ({"sesions": [{"session_id": "a"}]}, "no table sesions"),
            ({"sessions": [{"session_id": "a", "cost": 1}]}, "no column cost"),
            ({"steps": [{"session_id": "a", "input_tokens": "many"}]}, "steps.input_tokens"),
            ({"ledger": [{"session_id": "a", "usd": Decimal("1e-13")}]}, "ledger.usd"),
        ],
    )
    def test_refuses_rows_that_do_not_fit(self, opened: StoreUnderTest, rows: DerivedRows, complaint: str) -> None:
        """An unknown table or column and a value of the wrong type are named, and nothing is swapped."""
        opened.store.append(batch([span(A, 1)]))
        group = only(opened.store)
        opened.store.replace(group, session("old"))
        with pytest.raises(ValueError, match=complaint):
            opened.store.replace(group, rows)
        assert opened.rows("sessions", "session_id") == [("old",)]

    @pytest.mark.parametrize("time", [0, -5, 2**63 - 1, 2**64 - 1])
    def test_a_time_that_no_timestamp_can_hold_is_null(self, opened: StoreUnderTest, time: int) -> None:
        """Absurd times do not keep a session from being stored."""
        opened.store.append(batch([span(A, 1)]))
        opened.store.replace(only(opened.store), {"sessions": [{"session_id": "a", "started_at": time}]})
        assert opened.rows("sessions", "started_at") == [(None,)]
