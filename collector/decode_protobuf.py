"""OTLP's protobuf encoding for the loops of `decode_rows` and `decode_metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, MetricsData
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from collector.decode_rows import Raw
from collector.errors import MalformedRequestError
from collector.limits import AttributeLimits
from collector.losses import Losses, MalformedFieldError
from collector.values import Json, json_bytes, json_double, json_map
from collector.wire import MAX_VALUE_DEPTH, lazy, mend
from collector.wire_parts import check_parts

_ROOTS: Final[dict[str, type[Message]]] = {"traces": TracesData, "logs": LogsData, "metrics": MetricsData}
"""Each has the wire format of its signal's export request."""

_CACHED_BYTES: Final = 64
_CACHED_PAIRS: Final = 20_000
_MAX_SHORT: Final = 0x80
"""Below this every length takes one byte."""
_SHORTEST: Final = 6
_MAX_VARINT: Final = 5
"""Bytes: 35 bits, so never a negative number."""
_MORE: Final = 0x80
"""The bit that says a varint goes on."""
_KEY, _VALUE, _STRING, _INT = 0x0A, 0x12, 0x0A, 0x18
"""Tags of `KeyValue.key`, `KeyValue.value`, `AnyValue.string_value` and `AnyValue.int_value`."""
_NESTED: Final = frozenset({"array_value", "kvlist_value"})
_M = TypeVar("_M", bound=Message)


def parse(signal: str, body: bytes, losses: Losses) -> Raw:
    """Return the request's root message.

    Raises MalformedRequestError where the body is not protobuf at all, RequestTooLargeError for too many records.
    """
    check_parts(signal, body)
    root = lazy(_ROOTS[signal])
    try:
        return root.FromString(body)
    except DecodeError:
        mended = mend(_ROOTS[signal], body, losses)
    if mended is None:
        raise MalformedRequestError(f"the body is not an OTLP {signal} request in protobuf")
    return root.FromString(mended)


class _Pairs(dict[bytes, tuple[str, Json]]):
    """Key and value by the bytes of an attribute; reads what it does not know, and remembers the short ones."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes

    def __missing__(self, raw: bytes) -> tuple[str, Json]:
        if len(raw) > self._max_bytes:
            raise MalformedFieldError("too long to be read without a look at it")
        pair = _short_pair(raw) or _pair(KeyValue.FromString(raw))
        if len(raw) <= _CACHED_BYTES:
            self[raw] = pair
        return pair


class ProtobufCodec:
    """Reads the parts that `collector.wire` leaves as bytes; remembers short attributes, which mostly repeat."""

    def __init__(self, limits: AttributeLimits = AttributeLimits()) -> None:  # noqa: B008 - frozen
        self._limits = limits
        self._pairs = _Pairs(limits.value_bytes)

    def identifier(self, raw: bytes, size: int) -> str:
        """Return an id as lower-case hex."""
        if len(raw) == size or not raw:
            return raw.hex()
        raise MalformedFieldError(f"id has {len(raw)} bytes, not {size}")

    def attributes(self, entries: Sequence[bytes], losses: Losses) -> dict[str, Json]:
        """Return attributes by key."""
        if len(self._pairs) > _CACHED_PAIRS:
            self._pairs.clear()
        allowed = self._limits.first(entries, losses)
        try:
            return dict(map(self._pairs.__getitem__, allowed))
        except (DecodeError, MalformedFieldError):
            return dict(_sound_pairs(allowed, self._limits, losses))

    def body(self, raw: bytes, losses: Losses) -> Json:
        """Return a log record's body."""
        if not raw:
            return None
        try:
            value = _value(_strict(AnyValue, raw, losses), 0)
            return value if len(raw) <= self._limits.value_bytes else self._limits.fitting(value, losses)
        except MalformedFieldError as error:
            losses.drop(f"body: {error}")
            return None

    def status(self, raw: bytes, losses: Losses) -> tuple[int, str]:
        """Return a status' code and message."""
        status = _read(Status, raw, losses)
        return status.code, status.message

    def resource(self, raw: bytes, losses: Losses) -> Raw:
        """Return a resource."""
        return _read(Resource, raw, losses)

    def scope(self, raw: bytes, losses: Losses) -> Raw:
        """Return a scope."""
        return _read(InstrumentationScope, raw, losses)

    def event(self, raw: bytes, losses: Losses) -> Raw:
        """Return an event."""
        return _read(Span.Event, raw, losses)

    def link(self, raw: bytes, losses: Losses) -> Raw:
        """Return a link."""
        return _read(Span.Link, raw, losses)

    def exemplar(self, raw: bytes, losses: Losses) -> Raw:
        """Return an exemplar."""
        return _read(Exemplar, raw, losses)

    def metric_data(self, metric: Raw) -> tuple[str, Raw] | None:
        """Return a metric's type and data."""
        kind = metric.WhichOneof("data")
        return None if kind is None else (kind, getattr(metric, kind))

    def number(self, point: Raw) -> int | float | None:
        """Return the number of a point or exemplar."""
        kind = point.WhichOneof("value")
        return None if kind is None else getattr(point, kind)

    def present(self, point: Raw, name: str) -> float | None:
        """Return an optional field."""
        return getattr(point, name) if point.HasField(name) else None


def _read(official: type[Message], raw: bytes, losses: Losses) -> Raw:
    """Return a small message, its attributes still bytes; mended where it does not parse."""
    kind = lazy(official)
    try:
        return kind.FromString(raw)
    except DecodeError:
        mended = mend(official, raw, losses)
    if mended is None:
        raise MalformedFieldError("not valid protobuf")
    return kind.FromString(mended)


def _short_pair(raw: bytes) -> tuple[str, Json] | None:
    """Return key and value of the commonest shapes, a short key with a short string or an int; None for any other.

    Reading the few bytes here takes a third of the time of a message object. The lengths must nest exactly.
    """
    size = len(raw)
    if size > _MAX_SHORT or size < _SHORTEST or raw[0] != _KEY:
        return None
    value = 2 + raw[1]
    text = value + 4
    if text > size or raw[value] != _VALUE or raw[value + 1] != size - value - 2:
        return None
    kind = raw[value + 2]
    try:
        if kind == _STRING and raw[value + 3] == size - text:
            return raw[2:value].decode(), raw[text:].decode()
        if kind == _INT and size < text + _MAX_VARINT:
            number = _varint(raw[value + 3 :])
            return None if number is None else (raw[2:value].decode(), number)
    except UnicodeDecodeError:
        pass
    return None


def _varint(raw: bytes) -> int | None:
    """Return the number whose bytes these are; None where it ends before they do, or after."""
    number = shift = 0
    for byte in raw[:-1]:
        if byte < _MORE:
            return None
        number |= (byte - _MORE) << shift
        shift += 7
    last = raw[-1]
    return number | last << shift if last < _MORE else None


def _pair(entry: KeyValue) -> tuple[str, Json]:
    return entry.key, _value(entry.value, 0)


def _sound_pairs(entries: Iterable[bytes], limits: AttributeLimits, losses: Losses) -> Iterator[tuple[str, Json]]:
    for raw in entries:
        try:
            key, value = _pair(_strict(KeyValue, raw, losses))
            if len(raw) > limits.value_bytes:
                limits.check_key(key)
                value = limits.fitting(value, losses)
            yield key, value
        except MalformedFieldError as error:
            losses.drop(f"attribute: {error}")


def _strict(official: type[_M], raw: bytes, losses: Losses) -> _M:
    """Return an official message with everything in it parsed."""
    try:
        return official.FromString(raw)
    except DecodeError:
        mended = mend(official, raw, losses)
    if mended is None:
        raise MalformedFieldError("not valid protobuf, or nested too deep")
    try:
        return official.FromString(mended)
    except DecodeError as error:
        raise MalformedFieldError("nested too deep") from error


def _value(value: AnyValue, depth: int) -> Json:
    text = value.string_value
    if text:
        return text
    kind = value.WhichOneof("value")
    if kind in _NESTED and depth == MAX_VALUE_DEPTH:
        raise MalformedFieldError(f"nested deeper than {MAX_VALUE_DEPTH} levels")
    match kind:
        case "array_value":
            return [_value(item, depth + 1) for item in value.array_value.values]
        case "kvlist_value":
            return json_map({item.key: _value(item.value, depth + 1) for item in value.kvlist_value.values})
        case "bytes_value":
            return json_bytes(value.bytes_value)
        case "double_value":
            return json_double(value.double_value)
        case "string_value_strindex":
            raise MalformedFieldError("refers to the string table of a profile")
        case None:
            return None
        case _:
            plain: Json = getattr(value, kind)
            return plain
