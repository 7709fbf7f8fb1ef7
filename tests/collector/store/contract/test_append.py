"""The contract of `append`: every row is stored once, and counted."""

from __future__ import annotations

import pytest

from collector.store import Receipt, TelemetryStore
from tests.collector.store.builders import NOW, batch, log, point, session, span
from tests.collector.store.conftest import StoreUnderTest
from tests.collector.store.contract.traces import A, B, only, quiet


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
