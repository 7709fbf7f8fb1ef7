"""Spans and log records, in whichever encoding, to rows of `collector.columns`.

The loops are written once. What differs between protobuf and JSON (how an id, an attribute or a status is held) is
behind `Codec`; what is equal (OTLP's field names) is read directly. A row is a plain tuple in the schema's order:
columns are cut from many rows at once, which is several times faster than appending to each column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

from collector.losses import Losses, MalformedFieldError
from collector.values import Json, write_json

Raw: TypeAlias = Any
"""A field as its encoding holds it: bytes in protobuf, a struct in JSON. They share names, not types."""
Row: TypeAlias = tuple[object, ...]

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
NO_ITEMS: Final = b"[]"
"""The text of events and links where there are none."""


class Codec(Protocol):
    """How one encoding holds what is not a plain number or text. Malformed attributes are dropped and counted."""

    def identifier(self, raw: Raw, size: int) -> str:
        """Return an id as lower-case hex, empty where absent. Raises MalformedFieldError where it is not `size`."""
        ...

    def attributes(self, entries: Sequence[Raw], losses: Losses) -> dict[str, Json]:
        """Return attributes by key; of equal keys the last counts."""
        ...

    def body(self, raw: Raw, losses: Losses) -> Json:
        """Return a log record's body; None where absent."""
        ...

    def status(self, raw: Raw, losses: Losses) -> tuple[int, str]:
        """Return a status' code and message. Raises MalformedFieldError."""
        ...

    def resource(self, raw: Raw, losses: Losses) -> Raw:
        """Return a resource by whose field names it can be read. Raises MalformedFieldError."""
        ...

    def scope(self, raw: Raw, losses: Losses) -> Raw:
        """Return a scope by whose field names it can be read. Raises MalformedFieldError."""
        ...

    def event(self, raw: Raw, losses: Losses) -> Raw:
        """Return an event by whose field names it can be read. Raises MalformedFieldError."""
        ...

    def link(self, raw: Raw, losses: Losses) -> Raw:
        """Return a link by whose field names it can be read. Raises MalformedFieldError."""
        ...


class Correlator(Protocol):
    """Learns which traces and values belong together."""

    def trace(self, trace_id: str, attributes: dict[str, Json]) -> None:
        """Note a trace and the values that its record carries."""
        ...

    def link(self, trace_id: str, linked_trace_id: str) -> None:
        """Note that a span of one trace points into another."""
        ...

    def outside(self, attributes: dict[str, Json]) -> str | None:
        """Note the values of a record outside any trace; return the one it can be found by."""
        ...


def span_rows(spans: Sequence[Raw], codec: Codec, correlator: Correlator, losses: Losses) -> list[Row]:
    """Return the rows of the spans that are well formed; the others are counted in `losses`."""
    losses.admit(len(spans))
    rows: list[Row] = []
    append, identifier, read_attributes = rows.append, codec.identifier, codec.attributes
    for span in spans:
        try:
            trace_id = _required(identifier(span.trace_id, TRACE_ID_BYTES), "trace_id", NO_TRACE)
            span_id = _required(identifier(span.span_id, SPAN_ID_BYTES), "span_id", _NO_SPAN)
        except MalformedFieldError as error:
            losses.reject(f"span: {error}")
            continue
        attributes = read_attributes(span.attributes, losses)
        code, message = read_status(span.status, codec, losses)
        correlator.trace(trace_id, attributes)
        append(
            (
                trace_id,
                span_id,
                optional_identifier(span.parent_span_id, "parent_span_id", codec, losses),
                span.name,
                span.kind,
                span.start_time_unix_nano,
                span.end_time_unix_nano,
                code,
                message,
                span.trace_state,
                span.flags,
                span.dropped_attributes_count,
                span.dropped_events_count,
                span.dropped_links_count,
                write_json(attributes),
                event_texts(span.events, codec, losses),
                _links(span.links, trace_id, codec, correlator, losses) if span.links else NO_ITEMS,
            )
        )
    return rows


def log_rows(records: Sequence[Raw], codec: Codec, correlator: Correlator, losses: Losses) -> list[Row]:
    """Return the rows of log records; a malformed id leaves the record outside any trace, and is counted."""
    losses.admit(len(records))
    rows: list[Row] = []
    for record in records:
        attributes = codec.attributes(record.attributes, losses)
        body = codec.body(record.body, losses)
        trace_id = optional_identifier(record.trace_id, "trace_id", codec, losses)
        if trace_id is None:
            correlation_value = correlator.outside(attributes)
        else:
            correlation_value = None
            correlator.trace(trace_id, attributes)
        rows.append(
            (
                record.time_unix_nano,
                record.observed_time_unix_nano,
                record.severity_number,
                record.severity_text,
                record.event_name,
                None if body is None else write_json(body),
                write_json(attributes),
                trace_id,
                optional_identifier(record.span_id, "span_id", codec, losses),
                record.flags,
                record.dropped_attributes_count,
                correlation_value,
            )
        )
    return rows


def _required(identifier: str, name: str, zero: str) -> str:
    if not identifier or identifier == zero:
        raise MalformedFieldError(f"{name} is missing or zero")
    return identifier


def optional_identifier(raw: Raw, name: str, codec: Codec, losses: Losses) -> str | None:
    """Return an id that a record can do without: None where it is absent, zero or (counted) malformed."""
    if not raw:
        return None
    is_trace = name == "trace_id"
    try:
        identifier = codec.identifier(raw, TRACE_ID_BYTES if is_trace else SPAN_ID_BYTES)
    except MalformedFieldError as error:
        losses.drop(f"{name}: {error}")
        return None
    return None if identifier == (NO_TRACE if is_trace else _NO_SPAN) else identifier


def read_status(raw: Raw, codec: Codec, losses: Losses) -> tuple[int, str]:
    """Return a span's status code and message, unset where absent or (counted) malformed."""
    if not raw:
        return 0, ""
    try:
        return codec.status(raw, losses)
    except MalformedFieldError as error:
        losses.drop(f"status: {error}")
        return 0, ""


def event_texts(raws: Sequence[Raw], codec: Codec, losses: Losses) -> bytes:
    """Return the text of a span's events, without those that are malformed, which are counted."""
    if not raws:
        return NO_ITEMS
    losses.admit(len(raws))
    events: list[Json] = []
    for raw in raws:
        try:
            event = codec.event(raw, losses)
        except MalformedFieldError as error:
            losses.drop(f"event: {error}")
            continue
        text: dict[str, Json] = {"name": event.name, "time_unix_nano": event.time_unix_nano}
        if event.attributes:
            text["attributes"] = codec.attributes(event.attributes, losses)
        if event.dropped_attributes_count:
            text["dropped_attributes_count"] = event.dropped_attributes_count
        events.append(text)
    return write_json(events)


def _links(raws: Sequence[Raw], trace_id: str, codec: Codec, correlator: Correlator, losses: Losses) -> bytes:
    losses.admit(len(raws))
    links: list[Json] = []
    for raw in raws:
        try:
            link = codec.link(raw, losses)
            linked = codec.identifier(link.trace_id, TRACE_ID_BYTES)
            span_id = codec.identifier(link.span_id, SPAN_ID_BYTES)
        except MalformedFieldError as error:
            losses.drop(f"link: {error}")
            continue
        if linked and linked not in {trace_id, NO_TRACE}:
            correlator.link(trace_id, linked)
        text: dict[str, Json] = {"trace_id": linked, "span_id": span_id}
        if link.trace_state:
            text["trace_state"] = link.trace_state
        if link.attributes:
            text["attributes"] = codec.attributes(link.attributes, losses)
        if link.dropped_attributes_count:
            text["dropped_attributes_count"] = link.dropped_attributes_count
        if link.flags:
            text["flags"] = link.flags
        links.append(text)
    return write_json(links)
