"""The one JSON encoding of OTLP's AnyValue: lossless, and what a person would write wherever JSON can say it.

==================  ==========================================================================================
AnyValue            JSON
==================  ==========================================================================================
string, bool        string, true or false
int                 number without a fraction, all 64 bits
double              number with a fraction or an exponent; NaN and infinities `{"$double": "NaN"}`, `"Infinity"`,
                    `"-Infinity"`
bytes               `{"$bytes": "<base64>"}`
no value set        null
array, kvlist       array, object
a kvlist that looks `{"$map": {...}}`: one whose only key is `$bytes`, `$double` or `$map`
like the above
==================  ==========================================================================================

A set of attributes is one object of such values and is never wrapped itself. Events and links are arrays of objects
with OTLP's field names, zero and empty fields left out, ids as hex.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from math import inf, isfinite, nan
from typing import Final, TypeAlias, cast

import msgspec

from collector.model import Attributes, AttributeValue, Event, Link

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value already in the encoding above, ready to be written as JSON."""

BYTES: Final = "$bytes"
DOUBLE: Final = "$double"
MAP: Final = "$map"
_ESCAPES: Final = frozenset({BYTES, DOUBLE, MAP})
_MAY_ESCAPE: Final = '"$'
_NON_FINITE: Final = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}

write_json: Final = msgspec.json.Encoder().encode
"""Bytes of a `Json` value."""
_read_json: Final = msgspec.json.Decoder().decode


def json_bytes(value: bytes) -> Json:
    """Return the encoding of a bytes value."""
    return {BYTES: b64encode(value).decode()}


def json_double(value: float) -> Json:
    """Return the encoding of a double."""
    if isfinite(value):
        return value
    if value != value:  # noqa: PLR0124 - the definition of NaN
        return {DOUBLE: "NaN"}
    return {DOUBLE: "Infinity" if value > 0 else "-Infinity"}


def json_map(encoded: dict[str, Json]) -> Json:
    """Return the encoding of a kvlist whose values are encoded already."""
    if len(encoded) == 1 and next(iter(encoded)) in _ESCAPES:
        return {MAP: encoded}
    return encoded


def to_json(value: AttributeValue) -> Json:
    """Return the encoding of any attribute value. Raises TypeError for what OTLP cannot hold."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return json_double(value)
    if isinstance(value, bytes):
        return json_bytes(value)
    if isinstance(value, Mapping):
        return json_map({key: to_json(item) for key, item in value.items()})
    if isinstance(value, Sequence):
        return [to_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not an OTLP attribute value")


def _from_json(value: Json) -> AttributeValue:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key == BYTES:
            return b64decode(cast("str", item))
        if key == DOUBLE:
            return _NON_FINITE[cast("str", item)]
        if key == MAP:
            value = cast("dict[str, Json]", item)
    return {key: _from_json(item) for key, item in value.items()}


def encode_value(value: AttributeValue) -> str:
    """Return a value as JSON text."""
    return write_json(to_json(value)).decode()


def decode_value(text: str) -> AttributeValue:
    """Return the value that `encode_value` was given; arrays come back as lists."""
    value = _read_json(text)
    return _from_json(value) if _MAY_ESCAPE in text else cast("AttributeValue", value)


def encode_attributes(attributes: Attributes) -> str:
    """Return attributes as the text of one JSON object."""
    return write_json({key: to_json(value) for key, value in attributes.items()}).decode()


def decode_attributes(text: str) -> dict[str, AttributeValue]:
    """Return the attributes that `encode_attributes` was given."""
    attributes = cast("dict[str, Json]", _read_json(text))
    if _MAY_ESCAPE in text:
        return _decoded(attributes)
    return cast("dict[str, AttributeValue]", attributes)


def _decoded(attributes: dict[str, Json]) -> dict[str, AttributeValue]:
    return {key: _from_json(value) for key, value in attributes.items()}


class _EventText(msgspec.Struct):
    name: str = ""
    time_unix_nano: int = 0
    attributes: dict[str, object] = {}
    dropped_attributes_count: int = 0


class _LinkText(msgspec.Struct):
    trace_id: str
    span_id: str
    trace_state: str = ""
    attributes: dict[str, object] = {}
    dropped_attributes_count: int = 0
    flags: int = 0


_read_events: Final = msgspec.json.Decoder(list[_EventText]).decode
_read_links: Final = msgspec.json.Decoder(list[_LinkText]).decode


def decode_events(text: str) -> tuple[Event, ...]:
    """Return a span's events from the text of the `events` column."""
    return tuple(
        Event(
            name=event.name,
            time_unix_nano=event.time_unix_nano,
            attributes=_decoded(cast("dict[str, Json]", event.attributes)),
            dropped_attributes_count=event.dropped_attributes_count,
        )
        for event in _read_events(text)
    )


def decode_links(text: str) -> tuple[Link, ...]:
    """Return a span's links from the text of the `links` column."""
    return tuple(
        Link(
            trace_id=link.trace_id,
            span_id=link.span_id,
            trace_state=link.trace_state,
            attributes=_decoded(cast("dict[str, Json]", link.attributes)),
            dropped_attributes_count=link.dropped_attributes_count,
            flags=link.flags,
        )
        for link in _read_links(text)
    )
