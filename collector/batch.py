"""Decoded requests to the Arrow tables of one commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Final

import pyarrow as pa

from collector.columns import CORRELATIONS, LOGS, METRIC_POINTS, SPANS
from collector.correlations import Edge
from collector.decode import Decoded, Signal
from collector.decode_origin import Block
from collector.redaction import BatchRedaction, Counts
from collector.store import Batch

_ROWS_AT_ONCE: Final = 512
_SCHEMAS: Final[dict[Signal, pa.Schema]] = {"traces": SPANS, "logs": LOGS, "metrics": METRIC_POINTS}
_ORIGIN_COLUMNS: Final = 9
"""The columns that a block shares; `received_at` comes after them."""


class BatchBuilder:
    """Gathers decoded requests until they are committed together, redacted as they come.

    Rows become Arrow arrays a few hundred at a time: large enough that the cost per array vanishes, small enough that
    the Python objects are freed while the processor's caches still hold them.
    """

    def __init__(self, redaction: BatchRedaction | None = None) -> None:
        self._redaction = redaction
        self._tables = {signal: _TableBuilder(schema, redaction) for signal, schema in _SCHEMAS.items()}
        self._edges: set[Edge] = set()

    def add(self, request: Decoded) -> None:
        """Add the rows of one request after those of the requests before it."""
        self._tables[request.signal].add(request)
        self._edges |= request.edges

    def build(self) -> Batch:
        """Return one batch with everything added."""
        batch = Batch(
            spans=self._tables["traces"].build(),
            logs=self._tables["logs"].build(),
            metric_points=self._tables["metrics"].build(),
            correlations=_from_columns(CORRELATIONS, zip(*self._edges, strict=True)),
        )
        return batch if self._redaction is None else self._redaction.finish(batch)

    @property
    def redacted(self) -> Counts:
        """How many values of each kind were redacted."""
        return Counts() if self._redaction is None else self._redaction.counts


class _TableBuilder:
    def __init__(self, schema: pa.Schema, redaction: BatchRedaction | None) -> None:
        self._schema = schema
        self._redaction = redaction
        self._tables: list[pa.Table] = []
        self._requests: list[Decoded] = []
        self._rows = 0

    def add(self, request: Decoded) -> None:
        if request.columns:
            self._flush()
        self._requests.append(request)
        self._rows += request.row_count
        if request.columns or self._rows >= _ROWS_AT_ONCE:
            self._flush()

    def build(self) -> pa.Table:
        self._flush()
        return pa.concat_tables(self._tables) if self._tables else self._schema.empty_table()

    def _flush(self) -> None:
        if self._rows:
            table = _table(self._schema, self._requests)
            self._tables.append(table if self._redaction is None else self._redaction.rows(table))
        self._requests = []
        self._rows = 0


def _table(schema: pa.Schema, requests: Sequence[Decoded]) -> pa.Table:
    """Return the records of several requests decoded row by row, or of one decoded by column."""
    columns = list(requests[0].columns)
    if not columns:
        own = zip(*chain.from_iterable(request.rows for request in requests), strict=True)
        columns = [pa.array(column, field.type) for column, field in zip(own, schema, strict=False)]
    columns += _shared(schema, [block for request in requests for block in request.blocks])
    received = _spread([request.received_at for request in requests], [request.row_count for request in requests])
    return pa.Table.from_arrays([*columns, pa.array(received, pa.int64())], schema=schema)


def _shared(schema: pa.Schema, blocks: Sequence[Block]) -> list[pa.Array]:
    """Return the columns that blocks share: each distinct value once, and per row which one it is."""
    distinct = {origin: index for index, origin in enumerate(dict.fromkeys(block.origin for block in blocks))}
    rows = pa.array(_spread([distinct[block.origin] for block in blocks], [block.size for block in blocks]), pa.int32())
    fields = list(schema)[-_ORIGIN_COLUMNS - 1 : -1]
    columns = []
    for field, values in zip(fields, zip(*distinct, strict=True), strict=True):
        if pa.types.is_dictionary(field.type):
            columns.append(pa.array(values, field.type.value_type).dictionary_encode().take(rows))
        else:
            columns.append(pa.array(values, field.type).take(rows))
    return columns


def _spread(values: Sequence[int], sizes: Sequence[int]) -> list[int]:
    return list(chain.from_iterable(map(repeat, values, sizes)))


def _from_columns(schema: pa.Schema, columns: Iterable[Sequence[object]]) -> pa.Table:
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=False)]
    return pa.Table.from_arrays(arrays, schema=schema) if arrays else schema.empty_table()
