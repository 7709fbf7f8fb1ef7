"""One OTLP export request, in either encoding, to rows; malformed parts are counted, never fatal to the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from collector import decode_json, decode_protobuf
from collector.correlations import Correlations, Edge
from collector.decode_metrics import MetricCodec, point_rows
from collector.decode_rows import Raw, Row, log_rows, span_rows
from collector.limits import AttributeLimits
from collector.losses import Losses, MalformedFieldError
from collector.values import Json, write_json

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
class Block:
    """Rows under one resource and scope; `origin` in the order of the shared columns but for `received_at`."""

    origin: Row
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one request came to."""

    signal: Signal
    blocks: list[Block]
    edges: set[Edge]
    losses: Losses
    received_at: int

    @property
    def row_count(self) -> int:
        """How many records are to be stored."""
        return sum(len(block.rows) for block in self.blocks)


class Decoder:
    """Decodes requests one after another; not safe to share between threads, since it remembers repeated parts."""

    def __init__(
        self,
        correlation_attributes: frozenset[str],
        limits: AttributeLimits = AttributeLimits(),  # noqa: B008 - frozen
    ) -> None:
        self._names = correlation_attributes
        self._protobuf = decode_protobuf.ProtobufCodec(limits)
        self._json = decode_json.JsonCodec(limits)

    def decode(self, export: Export) -> Decoded:
        """Return the rows of a request. Raises MalformedRequestError where the body cannot be read at all."""
        losses = Losses()
        codec: MetricCodec
        if export.encoding == "json":
            codec, root = self._json, decode_json.parse(export.signal, export.body, losses)
        else:
            codec, root = self._protobuf, decode_protobuf.parse(export.signal, export.body, losses)
        edges: set[Edge] = set()
        blocks: list[Block] = []
        for resource_block, scope_blocks in _resource_blocks(export.signal, root):
            resource = _read(resource_block.resource, codec.resource, losses)
            attributes = {} if resource is None else codec.attributes(resource.attributes, losses)
            correlations = Correlations(self._names, attributes, edges)
            resource_columns = (
                _text(attributes.get("service.name")),
                write_json(attributes),
                0 if resource is None else resource.dropped_attributes_count,
                resource_block.schema_url,
            )
            for scope_block in scope_blocks:
                origin = (*resource_columns, *_scope_columns(scope_block, codec, losses))
                rows = _rows(export.signal, scope_block, codec, correlations, losses)
                blocks.append(Block(origin, rows))
            correlations.finish()
        return Decoded(export.signal, blocks, edges, losses, export.received_at)


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


def _scope_columns(block: Raw, codec: MetricCodec, losses: Losses) -> Row:
    scope = _read(block.scope, codec.scope, losses)
    if scope is None:
        return ("", "", "{}", 0, block.schema_url)
    attributes = write_json(codec.attributes(scope.attributes, losses)) if scope.attributes else "{}"
    return (scope.name, scope.version, attributes, scope.dropped_attributes_count, block.schema_url)


def _read(raw: Raw, read: Callable[[Raw, Losses], Raw], losses: Losses) -> Raw:
    """Return a resource or scope; None where it is absent or (counted) malformed."""
    if not raw:
        return None
    try:
        return read(raw, losses)
    except MalformedFieldError as error:
        losses.drop(f"{read.__name__}: {error}")
        return None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
