"""The contract of `collector.store`, kept by every store."""

from __future__ import annotations

from decimal import Decimal

import pytest

from collector.model import AttributeValue, Event, Link, LogRecord, Resource, Scope, Span
from collector.store import MOST_TRACES_OF_A_VALUE, DerivedRows, Group, Receipt, TelemetryStore, loading
from collector.values import encode_attributes, encode_value
from tests.collector.store.builders import NOW, SECOND, batch, log, point, session, sharing, span, together, trace
from tests.collector.store.conftest import StoreUnderTest

A, B, C, D = (trace(number) for number in (10, 11, 12, 13))
IDLE = 10 * SECOND


def quiet(store: TelemetryStore, now_ns: int = NOW + IDLE, limit: int = 100) -> list[Group]:
    """Return the quiet groups, by their smallest trace."""
    found = store.quiet(idle_ns=IDLE, now_ns=now_ns, limit=limit)
    return sorted(found, key=lambda group: (sorted(group.trace_ids), sorted(group.values)))


def only(store: TelemetryStore) -> Group:
    """Return the one group of the store."""
    (group,) = store.groups()
    return group


class TestAppend:
    def test_counts_what_it_stored(self, store: TelemetryStore) -> None:
        """A receipt counts the new rows of each kind."""
        receipt = store.append(batch([span(A, 1), span(A, 2)], [log(trace_id=A)], [point()]))
        assert receipt == Receipt(spans=2, logs=1, metric_points=1)

    def test_stores_nothing_from_an_empty_batch(self, store: TelemetryStore) -> None:
        """A batch without rows is no error and leaves no group."""
        assert store.append(batch()) == Receipt()
        assert list(store.groups()) == []

    @pytest.mark.parametrize("times", [(NOW,), (0,), (2**64 - 1,), (0, NOW, 2**64 - 1)])
    def test_stores_a_span_once_over_batches(self, opened: StoreUnderTest, times: tuple[int, ...]) -> None:
        """A span sent again is counted as a duplicate, whatever time it carries."""
        rows = [span(A, number, start_time_unix_nano=time) for number, time in enumerate(times)]
        opened.store.append(batch(rows))
        assert opened.store.append(batch(rows)) == Receipt(duplicate_spans=len(rows))
        assert len(opened.rows("spans", "span_id")) == len(rows)

    def test_stores_a_span_once_within_a_batch(self, opened: StoreUnderTest) -> None:
        """Of equal spans in one batch the first is stored."""
        receipt = opened.store.append(batch([span(A, 1, name="first"), span(A, 2), span(A, 1, name="second")]))
        assert receipt == Receipt(spans=2, duplicate_spans=1)
        assert opened.rows("spans", "name") == [("first",), ("span 2",)]

    def test_tells_spans_apart_by_trace_span_and_start(self, store: TelemetryStore) -> None:
        """A span differs from another when any of trace id, span id and start time does."""
        one = span(A, 1)
        others = [one | {"trace_id": B}, one | {"span_id": "f" * 16}, one | {"start_time_unix_nano": NOW + 7}]
        store.append(batch([one]))
        assert store.append(batch([one, *others])) == Receipt(spans=3, duplicate_spans=1)

    def test_stores_identical_logs_and_points_once(self, opened: StoreUnderTest) -> None:
        """Log records and metric points are the same when all they say is, whenever they were received."""
        logs = [log(body='"x"'), log(body='"x"'), log(body='"y"'), log(body=None), log(time_unix_nano=0)]
        points = [point(), point(), point(value_int=None, value_double=float("nan")), point(attributes='{"a":1}')]
        assert opened.store.append(batch(logs=logs, points=points)) == Receipt(
            logs=4, metric_points=3, duplicate_logs=1, duplicate_metric_points=1
        )
        again = batch(
            logs=[row | {"received_at": NOW + 5} for row in logs],
            points=[row | {"received_at": NOW + 5} for row in points],
        )
        assert opened.store.append(again) == Receipt(duplicate_logs=5, duplicate_metric_points=4)
        assert opened.rows("logs", "body") == [('"x"',), ('"y"',), (None,), (None,)]

    @pytest.mark.parametrize("column", ["body", "attributes", "resource_attributes", "scope_name", "trace_id", "flags"])
    def test_a_log_that_says_anything_else_is_another(self, store: TelemetryStore, column: str) -> None:
        """A log record that differs in one column is stored beside the other."""
        change = {"flags": 1, "scope_name": "s", "trace_id": A}.get(column, '{"k":1}')
        store.append(batch(logs=[log()]))
        assert store.append(batch(logs=[log(**{column: change})])) == Receipt(logs=1)

    def test_a_resent_batch_leaves_nothing_to_do(self, store: TelemetryStore) -> None:
        """Rows that were there already do not make a compiled group pending again."""
        store.append(batch([span(A, 1)]))
        store.replace(only(store), session("s"))
        store.append(batch([span(A, 1)]))
        assert quiet(store) == []


class TestGroups:
    def test_each_trace_is_a_group(self, store: TelemetryStore) -> None:
        """Traces that nothing joins are groups of their own."""
        store.append(batch([span(A, 1), span(B, 2)]))
        assert [group.trace_ids for group in quiet(store)] == [{A}, {B}]

    def test_a_shared_value_joins_traces_over_batches(self, store: TelemetryStore) -> None:
        """Traces that carry the same value form one group, over any number of batches and steps."""
        store.append(batch([span(A, 1)], edges=[(A, "s1", None)]))
        store.append(batch([span(B, 2)], edges=[(B, "s1", None), (B, "s2", None)]))
        store.append(batch([span(C, 3)], edges=[(C, "s2", None)]))
        store.append(batch([span(D, 4)], edges=[(D, "s3", None)]))
        first, second = quiet(store)
        assert first.trace_ids == {A, B, C}
        assert first.values == {"s1", "s2"}
        assert second.trace_ids == {D}

    def test_joined_values_join(self, store: TelemetryStore) -> None:
        """A log record outside traces that carries two values joins what carries either."""
        store.append(batch([span(A, 1)], edges=[(A, "a", None)]))
        store.append(batch([span(B, 1)], edges=[(B, "b", None)]))
        store.append(batch(logs=[log(correlation_value="a")], edges=[(None, "b", "a")]))
        (group,) = quiet(store)
        assert group.trace_ids == {A, B}
        assert group.values == {"a", "b"}

    def test_a_trace_and_a_value_that_read_alike_are_two(self, store: TelemetryStore) -> None:
        """A value that happens to be another trace's id joins nothing."""
        store.append(batch([span(A, 1), span(B, 2)], edges=[(A, B, None)]))
        assert [group.trace_ids for group in quiet(store)] == [{A}, {B}]

    def test_a_long_chain_of_traces_is_one_group(self, store: TelemetryStore) -> None:
        """Traces that each link to the one before are one group, however many."""
        count = 60
        for number in range(count):
            link = f"trace:{trace(number - 1)}"
            edges = [(trace(number), link, None), (trace(number - 1), link, None)] if number else []
            store.append(batch([span(trace(number), number)], edges=edges))
        (group,) = quiet(store)
        store.replace(group, session("s"))
        store.append(batch([span(trace(0), count)]))
        (again,) = quiet(store)
        assert len(again.trace_ids) == count
        assert [found.trace_ids for found in store.groups()] == [again.trace_ids]

    def test_groups_lists_the_compiled_ones_too(self, store: TelemetryStore) -> None:
        """Every group of the store is listed, pending or not."""
        store.append(batch([span(A, 1)]))
        store.replace(only(store), session("a"))
        store.append(batch([span(B, 2)]))
        assert sorted(group.trace_ids for group in store.groups()) == [{A}, {B}]


class TestQuiet:
    def test_waits_for_the_idle_time(self, store: TelemetryStore) -> None:
        """A group is quiet when its newest row is at least the idle time old."""
        store.append(batch([span(A, 1, received_at=NOW)]))
        assert quiet(store, NOW + IDLE - 1) == []
        assert len(quiet(store, NOW + IDLE)) == 1

    def test_any_part_of_a_group_keeps_it_awake(self, store: TelemetryStore) -> None:
        """A row for one trace of a group makes the whole group wait."""
        store.append(batch([span(A, 1, received_at=NOW)], edges=[(A, "s", None)]))
        store.append(batch([span(B, 1, received_at=NOW + 5)], edges=[(B, "s", None)]))
        assert quiet(store, NOW + IDLE) == []
        assert len(quiet(store, NOW + IDLE + 5)) == 1

    def test_returns_no_more_than_asked_for(self, store: TelemetryStore) -> None:
        """The limit cuts, and the rest is still pending."""
        store.append(batch([span(trace(number), number) for number in range(5)]))
        some = quiet(store, limit=3)
        assert len(some) == 3
        for number, group in enumerate(some):
            store.replace(group, session(str(number)))
        assert len(quiet(store, limit=3)) == 2

    def test_a_clock_set_back_delays_by_the_idle_time_only(self, store: TelemetryStore) -> None:
        """A row from the future counts as received when it is first looked at."""
        store.append(batch([span(A, 1, received_at=NOW + 3600 * SECOND)]))
        assert quiet(store, NOW) == []
        assert quiet(store, NOW + IDLE - 1) == []
        assert len(quiet(store, NOW + IDLE)) == 1

    def test_a_replaced_group_is_done(self, store: TelemetryStore) -> None:
        """A compiled group is pending no more, and its neighbour still is."""
        store.append(batch([span(A, 1), span(B, 2)]))
        first, second = quiet(store)
        store.replace(first, session("a"))
        assert quiet(store) == [second]

    def test_late_rows_keep_a_group_pending(self, store: TelemetryStore) -> None:
        """Rows that came between the snapshot and `replace` are not forgotten."""
        store.append(batch([span(A, 1)]))
        (snapshot,) = quiet(store)
        store.append(batch([span(A, 2)]))
        store.replace(snapshot, session("a"))
        (again,) = quiet(store)
        assert again.last_batch > snapshot.last_batch
        assert len(store.load(again).spans) == 2

    def test_a_group_without_sessions_is_done_too(self, store: TelemetryStore) -> None:
        """A group from which nothing could be derived does not come back until it receives something."""
        store.append(batch([span(A, 1)]))
        store.replace(only(store), {})
        assert quiet(store) == []


class TestLoad:
    def test_returns_what_was_sent(self, store: TelemetryStore) -> None:
        """Every kind of value comes back as it was."""
        values: dict[str, AttributeValue] = {
            "s": "ä\0",
            "i": 2**63 - 1,
            "f": 1.0,
            "b": b"\0\xff",
            "n": None,
            "l": [1, [True]],
            "m": {"$bytes": "x"},
        }
        attributes = encode_attributes(values)
        row = span(
            A,
            1,
            parent_span_id="0" * 15 + "7",
            kind=3,
            status_code=2,
            status_message="no",
            attributes=attributes,
            events=f'[{{"name":"e","time_unix_nano":{2**64 - 1},"attributes":{attributes}}}]',
            links=f'[{{"trace_id":"{B}","span_id":"{"1" * 16}","flags":1}}]',
            resource_attributes='{"service.name":"svc"}',
            scope_name="lib",
            scope_version="1",
            end_time_unix_nano=2**64 - 1,
        )
        store.append(batch([row], [log(trace_id=A, body=encode_value(values), attributes=attributes)]))
        signals = store.load(only(store))
        assert signals.spans == (
            Span(
                trace_id=A,
                span_id=f"{1:016x}",
                parent_span_id="0" * 15 + "7",
                name="span 1",
                kind=3,
                start_time_unix_nano=NOW + SECOND,
                end_time_unix_nano=2**64 - 1,
                attributes=values,
                events=(Event("e", 2**64 - 1, values),),
                links=(Link(B, "1" * 16, flags=1),),
                status_code=2,
                status_message="no",
                resource=Resource({"service.name": "svc"}),
                scope=Scope("lib", "1"),
            ),
        )
        assert signals.logs == (
            LogRecord(time_unix_nano=NOW, event_name="said", body=values, attributes=values, trace_id=A),
        )

    def test_returns_the_whole_group_and_nothing_else(self, store: TelemetryStore) -> None:
        """Spans and logs of all traces of the group, and logs outside traces that carry one of its values."""
        store.append(
            batch(
                [span(A, 1), span(B, 2), span(C, 3)],
                [log(trace_id=B, body='"in"'), log(correlation_value="s", body='"out"'), log(correlation_value="x")],
                edges=[(A, "s", None), (B, "s", None)],
            )
        )
        group = next(group for group in store.groups() if A in group.trace_ids)
        signals = store.load(group)
        assert sorted(one.trace_id for one in signals.spans) == [A, B]
        assert sorted(str(one.body) for one in signals.logs) == ["in", "out"]

    @pytest.mark.parametrize("rows_at_once", [1, 4, 1_000])
    def test_loads_many_groups_as_it_loads_each(
        self, store: TelemetryStore, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
    ) -> None:
        """However few rows may be in memory, each group has its own rows and keeps to its own snapshot."""
        monkeypatch.setattr(loading, "ROWS_AT_ONCE", rows_at_once)
        for number in (1, 2, 3):
            store.append(batch([span(trace(number), 1), span(trace(number), 2)], [log(trace_id=trace(number))]))
        snapshots = list(store.groups())
        store.append(batch([span(trace(1), 3)]))
        assert list(store.load_all(snapshots)) == [store.load(group) for group in snapshots]
        assert [len(signals.spans) for signals in store.load_all(snapshots)] == [2, 2, 2]
        assert list(store.load_all([])) == []

    @pytest.mark.parametrize("kinds", [("spans",), ("inside",), ("outside",), ("spans", "outside")])
    def test_loads_many_groups_of_few_kinds(self, store: TelemetryStore, kinds: tuple[str, ...]) -> None:
        """Groups with only spans, only log records in traces or only ones outside are loaded together as alone."""
        for number, kind in enumerate((*kinds, *kinds)):
            rows = {
                "spans": ([span(trace(number), 1)], []),
                "inside": ([], [log(trace_id=trace(number))]),
                "outside": ([], [log(correlation_value=f"s{number}")]),
            }
            edges = [(None, f"s{number}", None)] if kind == "outside" else []
            store.append(batch(*rows[kind], edges=edges))
        snapshots = list(store.groups())
        together = list(store.load_all(snapshots))
        assert together == [store.load(group) for group in snapshots]
        assert sum(len(each.spans) + len(each.logs) for each in together) == len(snapshots) == 2 * len(kinds)

    def test_stops_at_the_snapshot(self, store: TelemetryStore) -> None:
        """What came after the snapshot is left to the next one."""
        store.append(batch([span(A, 1)]))
        snapshot = only(store)
        store.append(batch([span(A, 2)]))
        assert len(store.load(snapshot).spans) == 1
        assert len(store.load(only(store)).spans) == 2


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


class TestOutcomes:
    def test_the_latest_counts(self, store: TelemetryStore) -> None:
        """Of several verdicts the last recorded is returned, with the last task and condition that any named."""
        first = {"session_id": "a", "task_id": "t", "score": 0.5, "recorded_at": NOW, "checks": [{"name": "c"}]}
        store.record_outcome(first)
        store.record_outcome({"session_id": "a", "condition": "new", "passed": False, "recorded_at": NOW - 5})
        store.record_outcome({"session_id": "b", "passed": True, "recorded_at": NOW})
        found = store.outcomes(["a", "c"])
        assert found.keys() == {"a"}
        assert (found["a"]["task_id"], found["a"]["condition"]) == ("t", "new")
        assert (found["a"]["score"], found["a"]["passed"], found["a"]["recorded_at"]) == (None, False, NOW - 5)

    def test_an_outcome_makes_its_session_pending(self, store: TelemetryStore) -> None:
        """A verdict on a compiled session brings its whole group back, once."""
        store.append(batch([span(A, 1), span(B, 2), span(C, 3)], edges=[(A, "v", None), (B, "v", None)]))
        for number, group in enumerate(quiet(store)):
            store.replace(group, session(f"s{number}"))
        store.record_outcome({"session_id": "s0", "passed": True, "recorded_at": NOW})
        (group,) = quiet(store)
        assert group.trace_ids == {A, B}
        store.replace(group, session("s0"))
        assert quiet(store) == []

    @pytest.mark.parametrize("named", [A, "conversation"])
    def test_an_outcome_may_come_before_the_session(self, store: TelemetryStore, named: str) -> None:
        """A verdict that came while its session was being compiled brings it back afterwards."""
        store.append(batch([span(A, 1)], edges=[(A, "conversation", None)]))
        (snapshot,) = quiet(store)
        store.record_outcome({"session_id": named, "passed": True, "recorded_at": NOW})
        store.replace(snapshot, session(named))
        (again,) = quiet(store)
        assert snapshot.trace_ids <= again.trace_ids
        store.replace(again, session(named))
        assert quiet(store) == []
        assert store.outcomes([named])[named]["passed"] is True

    def test_an_outcome_survives_recompilation(self, opened: StoreUnderTest) -> None:
        """`replace` never touches outcomes."""
        opened.store.append(batch([span(A, 1)]))
        opened.store.replace(only(opened.store), session("a"))
        opened.store.record_outcome({"session_id": "a", "score": 1.0, "recorded_at": NOW})
        opened.store.replace(only(opened.store), session("a"))
        assert opened.rows("outcomes", "session_id", "score") == [("a", 1.0)]

    @pytest.mark.parametrize("row", [{"recorded_at": NOW}, {"session_id": "a"}, {"session_id": "a", "verdict": 1}])
    def test_refuses_an_outcome_that_does_not_say_enough(self, store: TelemetryStore, row: dict[str, object]) -> None:
        """An outcome without a session or time, or with an unknown column, is refused."""
        with pytest.raises(ValueError, match=r"needs|no column"):
            store.record_outcome(row)


def test_append_rows_adds(opened: StoreUnderTest) -> None:
    """Patches and skills are added, never replaced, and only to tables that take them."""
    opened.store.append_rows("patches", [{"patch_id": "p", "session_ids": ("a", "b"), "evidence": [{"span": "1"}]}])
    opened.store.append_rows("patches", [{"patch_id": "p", "accepted": True}])
    assert opened.rows("patches", "patch_id", "session_ids", "accepted") == [("p", None, True), ("p", ["a", "b"], None)]
    with pytest.raises(ValueError, match="no table sessions"):
        opened.store.append_rows("sessions", [{"session_id": "a"}])


def test_a_group_is_a_snapshot(store: TelemetryStore) -> None:
    """A group names the first and the last batch that hold rows of it."""
    for number in range(3):
        store.append(batch([span(A, number)]))
        store.append(batch([span(B, number)]))
    first, second = quiet(store)
    assert (first.last_batch - first.first_batch, second.first_batch - first.first_batch) == (4, 1)
