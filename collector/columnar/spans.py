"""A request's spans to the columns of `collector.columns.SPANS`."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from collector.columnar import identifiers
from collector.columnar.attributes import AttributeColumn, read_attributes
from collector.columnar.blocks import read_blocks
from collector.columnar.edges import read_edges
from collector.columnar.messages import TRACES, DeclinedError
from collector.correlations import Edge
from collector.decode_origin import Block
from collector.decode_protobuf import ProtobufCodec
from collector.decode_rows import NO_ITEMS, SPAN_ID_BYTES, TRACE_ID_BYTES, Raw, event_texts, read_status
from collector.limits import AttributeLimits
from collector.losses import MAX_PARTS, Losses


@dataclass(frozen=True, slots=True)
class Worthwhile:
    """What a request needs to be worth decoding by column: a column costs the same whatever its length."""

    spans: int = 128
    spans_per_block: int = 16
    at_most_bytes: int = 256 * 1024 * 1024
    """Of a body: its text may be six times as long in JSON, and Arrow's offsets have 31 bits."""


@dataclass(frozen=True, slots=True)
class DecodedColumns:
    """The spans of a request."""

    own: list[pa.Array]
    """The columns of `SPANS` that blocks of spans do not share, in its order."""
    blocks: list[Block]
    edges: set[Edge]


class SpanColumns:
    """Decodes requests by column; not safe to share between threads, since its codec is not."""

    def __init__(
        self,
        correlation_attributes: frozenset[str],
        codec: ProtobufCodec,
        limits: AttributeLimits,
        worthwhile: Worthwhile = Worthwhile(),
    ) -> None:
        self._names = correlation_attributes
        self._codec = codec
        self._limits = limits
        self._worthwhile = worthwhile

    def are_worthwhile(self, body: bytes, request: Raw) -> bool:
        """Whether a request, of which `request` is the parsed body, has spans enough and is not too large."""
        sizes = [len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans]
        blocks = max(len(sizes), len(request.resource_spans))
        enough = max(self._worthwhile.spans, self._worthwhile.spans_per_block * blocks)
        return sum(sizes) >= enough and len(body) <= self._worthwhile.at_most_bytes

    def decode(self, body: bytes) -> DecodedColumns:
        """Return the spans of a request that protobuf can parse, which is stricter than what reads it here.

        Raises DeclinedError where it is to be decoded row by row.
        """
        resources = TRACES.read(pa.array([body], pa.binary())).column("resource_spans").flatten()
        scopes = resources.field("scope_spans").flatten()
        spans = scopes.field("spans").flatten()
        losses = Losses()
        attributes = read_attributes(spans.field("attributes"), self._limits)
        own = self._own_columns(spans, attributes, losses)
        blocks = read_blocks(resources, scopes, self._codec, losses)
        if losses.message():
            raise DeclinedError(losses.message())
        edges = read_edges(self._names, blocks.resources, own[0], attributes.strings_at(self._names))
        return DecodedColumns(own, blocks.scopes, edges)

    def _own_columns(self, spans: pa.StructArray, attributes: AttributeColumn, losses: Losses) -> list[pa.Array]:
        codes, messages = self._statuses(spans.field("status"), losses)
        return [
            identifiers.required(spans.field("trace_id"), TRACE_ID_BYTES),
            identifiers.required(spans.field("span_id"), SPAN_ID_BYTES),
            identifiers.optional(spans.field("parent_span_id"), SPAN_ID_BYTES),
            spans.field("name"),
            spans.field("kind"),
            spans.field("start_time_unix_nano"),
            spans.field("end_time_unix_nano"),
            codes,
            messages,
            spans.field("trace_state"),
            spans.field("flags"),
            spans.field("dropped_attributes_count"),
            spans.field("dropped_events_count"),
            spans.field("dropped_links_count"),
            attributes.texts(self._codec),
            self._events(spans.field("events"), losses),
            _no_links(spans.field("links")),
        ]

    def _statuses(self, raw: pa.BinaryArray, losses: Losses) -> tuple[pa.Array, pa.Array]:
        by_status = raw.dictionary_encode()
        read = [read_status(status, self._codec, losses) for status in by_status.dictionary.to_pylist()]
        codes, messages = pa.array([code for code, _ in read], pa.int32()), pa.array([text for _, text in read])
        return codes.take(by_status.indices), messages.take(by_status.indices)

    def _events(self, lists: pa.ListArray, losses: Losses) -> pa.Array:
        count = len(lists.flatten())
        if not count:
            return pa.repeat(NO_ITEMS, len(lists))
        if count > MAX_PARTS:
            raise DeclinedError("spans have very many events")
        return pa.array([event_texts(raws, self._codec, losses) for raws in lists.to_pylist()], pa.string())


def _no_links(lists: pa.ListArray) -> pa.Array:
    if len(lists.flatten()):
        raise DeclinedError("spans have links")
    return pa.repeat(NO_ITEMS, len(lists))
