"""OTLP's JSON encoding for the loops of `decode_rows` and `decode_metrics`."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Sequence
from typing import Final

import msgspec

from collector import otlp_json as otlp
from collector.decode_metrics import METRIC_TYPES
from collector.decode_rows import Raw
from collector.errors import MalformedRequestError, RequestTooLargeError
from collector.json_mend import mend
from collector.limits import AttributeLimits
from collector.losses import MAX_PARTS, Losses, MalformedFieldError
from collector.values import Json, json_bytes, json_double, json_map
from collector.wire import MAX_VALUE_DEPTH

_ROOTS: Final[dict[str, type[otlp.Part]]] = {
    "traces": otlp.TracesData,
    "logs": otlp.LogsData,
    "metrics": otlp.MetricsData,
}
_DECODE: Final = {signal: msgspec.json.Decoder(root, strict=False).decode for signal, root in _ROOTS.items()}
_OBJECTS_PER_PART: Final = 4
"""An attribute takes two."""
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_URL_SAFE: Final = str.maketrans("-_", "+/")


def parse(signal: str, body: bytes, losses: Losses) -> Raw:
    """Return the request's root struct.

    Raises MalformedRequestError where the body is no JSON object, RequestTooLargeError for too many records.
    """
    _check_objects(body)
    try:
        return _DECODE[signal](body)
    except RecursionError as error:
        raise MalformedRequestError("the body is nested too deep") from error
    except (msgspec.MsgspecError, ValueError):
        return _parse_mended(signal, body, losses)


def _check_objects(body: bytes) -> None:
    """Refuse what would take a hundred times the body's memory: an empty object has two bytes."""
    most = _OBJECTS_PER_PART * MAX_PARTS
    # What agents say has braces too, so a second look leaves strings out.
    if body.count(b"{") > most and _STRING.sub(b"", body).count(b"{") > most:
        raise RequestTooLargeError(f"the request has more than {most:,} JSON objects: send smaller batches")


def _parse_mended(signal: str, body: bytes, losses: Losses) -> Raw:
    text = body.decode("utf-8-sig", errors="replace")
    if "\ufffd" in text and not _is_utf8(body):
        losses.drop("the body was not UTF-8, U+FFFD stands where it was not")
    try:
        mended = mend(_ROOTS[signal], json.loads(text), losses)
    except RecursionError as error:
        raise MalformedRequestError("the body is nested too deep") from error
    except ValueError as error:
        raise MalformedRequestError(f"the body is not JSON: {error}") from error
    if mended is None:
        raise MalformedRequestError(f"the body is not an OTLP {signal} request in JSON: it must be an object")
    return mended


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class JsonCodec:
    """Reads the structs of `otlp_json`."""

    def __init__(self, limits: AttributeLimits = AttributeLimits()) -> None:  # noqa: B008 - frozen
        self._limits = limits

    def identifier(self, raw: str, size: int) -> str:
        """Return an id as lower-case hex."""
        if not raw:
            return ""
        if len(raw) != 2 * size:
            raise MalformedFieldError(f"id has {len(raw)} characters, not {2 * size} hex digits")
        try:
            identifier = bytes.fromhex(raw).hex()
        except ValueError as error:
            raise MalformedFieldError("id is not hex") from error
        if len(identifier) != len(raw):
            raise MalformedFieldError("id is not hex")
        return identifier

    def attributes(self, entries: Sequence[otlp.KeyValue], losses: Losses) -> dict[str, Json]:
        """Return attributes by key."""
        found: dict[str, Json] = {}
        longest = self._limits.value_bytes
        for entry in self._limits.first(entries, losses):
            value, key = entry.value, entry.key
            if value is not None and value.string_value is not None and len(key) + len(value.string_value) <= longest:
                found[key] = value.string_value
                continue
            try:
                self._limits.check_key(key)
                found[key] = self._limits.fitting(_value(value, 0), losses)
            except MalformedFieldError as error:
                losses.drop(f"attribute: {error}")
        return found

    def body(self, raw: otlp.AnyValue | None, losses: Losses) -> Json:
        """Return a log record's body."""
        try:
            return self._limits.fitting(_value(raw, 0), losses)
        except MalformedFieldError as error:
            losses.drop(f"body: {error}")
            return None

    def status(self, raw: otlp.Status, _losses: Losses) -> tuple[int, str]:
        """Return a status' code and message."""
        return raw.code, raw.message

    def resource(self, raw: otlp.Resource, _losses: Losses) -> Raw:
        """Return the resource as it is."""
        return raw

    scope = event = link = exemplar = resource

    def metric_data(self, metric: otlp.Metric) -> tuple[str, Raw] | None:
        """Return a metric's type and data."""
        for kind in METRIC_TYPES:
            data = getattr(metric, kind)
            if data is not None:
                return kind, data
        return None

    def number(self, point: otlp.NumberDataPoint | otlp.Exemplar) -> int | float | None:
        """Return the number of a point or exemplar."""
        return point.as_double if point.as_int is None else point.as_int

    def present(self, point: Raw, name: str) -> float | None:
        """Return an optional field."""
        value: float | None = getattr(point, name)
        return value


def _value(value: otlp.AnyValue | None, depth: int) -> Json:
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return value.int_value
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return json_double(value.double_value)
    if value.bytes_value is not None:
        return json_bytes(_base64(value.bytes_value))
    if value.array_value is None and value.kvlist_value is None:
        return None
    if depth == MAX_VALUE_DEPTH:
        raise MalformedFieldError(f"nested deeper than {MAX_VALUE_DEPTH} levels")
    if value.array_value is not None:
        return [_value(item, depth + 1) for item in value.array_value.values]
    entries = value.kvlist_value.values if value.kvlist_value is not None else ()
    return json_map({entry.key: _value(entry.value, depth + 1) for entry in entries})


def _base64(text: str) -> bytes:
    """Return the bytes of standard or URL-safe base64, padded or not, as ProtoJSON allows."""
    unpadded = text.translate(_URL_SAFE).rstrip("=")
    try:
        return b64decode(unpadded + "=" * (-len(unpadded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedFieldError("bytesValue is not base64") from error
