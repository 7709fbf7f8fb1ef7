"""The contract of `load` and `load_all`: a group comes back as it was sent, up to its snapshot."""

from __future__ import annotations

import pytest

from collector.model import AttributeValue, Event, Link, LogRecord, Resource, Scope, Span
from collector.store import TelemetryStore, loading
from collector.values import encode_attributes, encode_value
from tests.collector.store.builders import NOW, SECOND, batch, log, span, trace
from tests.collector.store.contract.traces import A, B, C, only


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

    @pytest.mark.parametrize("bytes_at_once", [1, 30_000, 10_000_000])
    def test_loads_many_groups_as_it_loads_each(
        self, store: TelemetryStore, monkeypatch: pytest.MonkeyPatch, bytes_at_once: int
    ) -> None:
        """However little may be in memory, each group has its own rows and keeps to its own snapshot."""
        monkeypatch.setattr(loading, "BYTES_AT_ONCE", bytes_at_once)
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
