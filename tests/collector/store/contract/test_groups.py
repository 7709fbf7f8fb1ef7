"""The contract of `groups` and `quiet`: what belongs together, and when it is ready to be compiled."""

from __future__ import annotations

from collector.store import TelemetryStore
from tests.collector.store.builders import NOW, SECOND, batch, log, session, span, trace
from tests.collector.store.contract.traces import IDLE, A, B, C, D, only, quiet


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


def test_a_group_is_a_snapshot(store: TelemetryStore) -> None:
    """A group names the first and the last batch that hold rows of it."""
    for number in range(3):
        store.append(batch([span(A, number)]))
        store.append(batch([span(B, number)]))
    first, second = quiet(store)
    assert (first.last_batch - first.first_batch, second.first_batch - first.first_batch) == (4, 1)
