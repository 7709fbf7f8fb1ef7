"""Which traces and values of a request belong together."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from collector.correlations import Correlations, Edge
from collector.values import Json


def read_edges(
    names: frozenset[str],
    resources: Iterable[tuple[dict[str, Json], int]],
    trace_ids: pa.StringArray,
    strings: pa.Table,
) -> set[Edge]:
    """Return the edges of spans.

    `resources` are the attributes of each and how many spans are under it, in the order of `trace_ids`; `strings` are
    the spans' own attributes of these names: `row`, `key` and `value`.
    """
    edges: set[Edge] = set()
    if strings.num_rows:
        own = Correlations(names, {}, edges)
        for trace_id, key, value in _distinct(strings.append_column("trace_id", trace_ids.take(strings["row"]))):
            own.trace(trace_id, {key: value})
        own.finish()
    start = 0
    for attributes, size in resources:
        correlations = Correlations(names, attributes, edges)
        for trace_id in trace_ids.slice(start, size).unique().to_pylist():
            correlations.trace(trace_id, {})
        correlations.finish()
        start += size
    return edges


def _distinct(carried: pa.Table) -> Iterable[tuple[str, str, str]]:
    """Return the distinct traces, keys and values, whichever resources they came under."""
    distinct = carried.group_by(["trace_id", "key", "value"]).aggregate([])
    return zip(*(distinct[name].to_pylist() for name in ("trace_id", "key", "value")), strict=True)
