"""One OTLP export request, in either encoding, to rows; malformed parts are counted, never fatal to the rest."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import pyarrow as pa

from collector import decode_json, decode_protobuf
from collector.columnar import DeclinedError, SpanColumns, Worthwhile
from collector.correlations import Correlations, Edge
from collector.decode_metrics import MetricCodec, point_rows
from collector.decode_origin import Block, resource_columns, scope_columns
from collector.decode_rows import Raw, Row, log_rows, span_rows
from collector.limits import AttributeLimits
from collector.losses import Losses

Signal: TypeAlias = Literal["traces", "logs", "metrics"]
Encoding: TypeAlias = Literal["protobuf", "json"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics")


@dataclass(frozen=True, slots=True)
class Export:
    """The body of one export request, unpacked, and when it was received (nanoseconds since the Unix epoch)."""

    signal: Signal
    encoding: Encoding
    body: bytes
    received_at: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one request came to."""

    signal: Signal
    blocks: list[Block]
    edges: set[Edge]
    losses: Losses
    received_at: int
    rows: list[Row] = field(default_factory=list)
    """The records, but for the columns that blocks share."""
    columns: list[pa.Array] = field(default_factory=list)
    """The same in place of `rows` where they were decoded by column."""

    @property
    def row_count(self) -> int:
        """How many records are to be stored."""
        return sum(block.size for block in self.blocks)


class Decoder:
    """Decodes requests one after another; not safe to share between threads, since it remembers repeated parts."""

    def __init__(
        self,
        correlation_attributes: frozenset[str],
        limits: AttributeLimits = AttributeLimits(),  # noqa: B008 - frozen
        worth_columns: Worthwhile = Worthwhile(),  # noqa: B008 - frozen
    ) -> None:
        self._names = correlation_attributes
        self._protobuf = decode_protobuf.ProtobufCodec(limits)
        self._json = decode_json.JsonCodec(limits)
        self._columns = SpanColumns(correlation_attributes, self._protobuf, limits, worth_columns)

    def decode(self, export: Export) -> Decoded:
        """Return the records of a request.

        Raises MalformedRequestError where the body cannot be read at all, RequestTooLargeError for too many parts.
        """
        losses = Losses()
        codec: MetricCodec
        if export.encoding == "json":
            codec, root = self._json, decode_json.parse(export.signal, export.body, losses)
        else:
            codec, root = self._protobuf, decode_protobuf.parse(export.signal, export.body, losses)
            if export.signal == "traces" and self._columns.are_worthwhile(export.body, root) and not losses.message():
                with suppress(DeclinedError):
                    spans = self._columns.decode(export.body)
                    return Decoded("traces", spans.blocks, spans.edges, losses, export.received_at, columns=spans.own)
        return self._decode_rows(export, codec, root, losses)

    def _decode_rows(self, export: Export, codec: MetricCodec, root: Raw, losses: Losses) -> Decoded:
        edges: set[Edge] = set()
        blocks: list[Block] = []
        rows: list[Row] = []
        for resource_block, scope_blocks in _resource_blocks(export.signal, root):
            losses.admit(1)
            attributes, columns = resource_columns(resource_block.resource, resource_block.schema_url, codec, losses)
            correlations = Correlations(self._names, attributes, edges)
            for scope_block in scope_blocks:
                losses.admit(1)
                origin = (*columns, *scope_columns(scope_block.scope, scope_block.schema_url, codec, losses))
                made = _rows(export.signal, scope_block, codec, correlations, losses)
                blocks.append(Block(origin, len(made)))
                rows += made
            correlations.finish()
        return Decoded(export.signal, blocks, edges, losses, export.received_at, rows)


def _resource_blocks(signal: Signal, root: Raw) -> Iterable[tuple[Raw, Iterable[Raw]]]:
    match signal:
        case "traces":
            return ((block, block.scope_spans) for block in root.resource_spans)
        case "logs":
            return ((block, block.scope_logs) for block in root.resource_logs)
        case "metrics":
            return ((block, block.scope_metrics) for block in root.resource_metrics)


def _rows(signal: Signal, block: Raw, codec: MetricCodec, correlations: Correlations, losses: Losses) -> list[Row]:
    match signal:
        case "traces":
            return span_rows(block.spans, codec, correlations, losses)
        case "logs":
            return log_rows(block.log_records, codec, correlations, losses)
        case "metrics":
            return point_rows(block.metrics, codec, losses)
