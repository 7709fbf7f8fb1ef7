"""What belongs together can be told from stored rows alone, as an export holds them."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pytest

from collector.batch import BatchBuilder
from collector.correlations import Edge as Named
from collector.decode import Decoder, Export
from collector.store import Batch
from collector.store.groups import Edge, connected
from collector.store.stored_edges import correlation_values, edges_of_logs, edges_of_spans
from processors.normalise.session_keys import CORRELATION_KEYS
from tests.collector.store.builders import log, span, trace
from tests.support.recordings import names, requests_of

NAMES = frozenset(CORRELATION_KEYS)
Members = frozenset[tuple[frozenset[str], frozenset[str]]]


def groups(edges: Iterable[Named]) -> Members:
    """Return the traces and values of each group that edges form."""
    return frozenset((group.trace_ids, group.values) for group in connected(Edge(0, 0, *edge) for edge in edges))


def of_rows(spans: pa.Table, logs: pa.Table) -> Members:
    """Return the groups that rows form, read a few at a time."""
    found: set[Named] = set()
    for part in spans.to_batches(max_chunksize=3):
        found |= edges_of_spans(part, NAMES)
    for part in logs.to_batches(max_chunksize=3):
        found |= edges_of_logs(part, NAMES)
    return groups(found)


def decoded(name: str) -> Batch:
    """Return a recording as one batch."""
    builder = BatchBuilder()
    for sent in requests_of(name):
        builder.add(Decoder(NAMES).decode(Export(sent.signal, "protobuf", sent.content, 1)))  # type: ignore[arg-type]
    return builder.build()


@pytest.mark.parametrize("name", names())
def test_recordings_fall_into_the_same_groups(name: str) -> None:
    """The rows of every recording form the groups that its requests formed when they came."""
    batch = decoded(name)
    arrived = zip(*(batch.correlations.column(column).to_pylist() for column in range(3)), strict=True)
    assert of_rows(batch.spans, batch.logs) == groups(arrived)
    values = [value for part in batch.logs.to_batches() for value in correlation_values(part, NAMES)]
    assert values == batch.logs.column("correlation_value").to_pylist()


def test_links_and_resources_join() -> None:
    """A link joins two traces, a resource's session id all that came under it, a text that is none joins nothing."""
    linked = f'[{{"trace_id":"{trace(2)}","span_id":"{1:016x}"}},{{"trace_id":"{"0" * 32}","span_id":""}}]'
    spans = [
        span(trace(1), 1, links=linked),
        span(trace(2), 1),
        span(trace(3), 1, resource_attributes='{"session.id":"s"}'),
        span(trace(4), 1, attributes='{"session.id":4}'),
    ]
    logs = [log(resource_attributes='{"session.id":"s"}', attributes='{"conversation.id":"c"}'), log()]
    found = of_rows(_table(spans), _table(logs))
    assert {traces for traces, _ in found} == {
        frozenset({trace(1), trace(2)}),
        frozenset({trace(3)}),
        frozenset({trace(4)}),
    }
    assert (frozenset({trace(3)}), frozenset({"s", "c"})) in found


def _table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows)
