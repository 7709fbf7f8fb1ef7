"""Recorded telemetry with wrong content in a right form: what an exporter with a mistake sends.

The fuzzer's bytes say which recording and what is done to it, four bytes for each change, so that a small change of
the bytes is a small change of the telemetry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from tests.support.recordings import Request, names, requests_of

_LARGEST: Final = 60_000
_TEXTS: Final = (
    "",
    "0",
    "-1",
    "NaN",
    "null",
    "[]",
    "{}",
    '[{"role":5}]',
    '{"a":',
    "é\U0001f600",
    "x" * 3_000,
    "[" * 99,
)
_NUMBERS: Final = (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
_FLOATS: Final = (0.0, -0.5, 1e308, float("inf"), float("nan"))
_NESTED: Final = KeyValueList(values=[KeyValue(key="input_tokens", value=AnyValue(string_value="many"))])
VALUES: Final = (
    *(AnyValue(string_value=text) for text in _TEXTS),
    *(AnyValue(int_value=number) for number in _NUMBERS),
    *(AnyValue(double_value=number) for number in _FLOATS),
    AnyValue(bool_value=True),
    AnyValue(bytes_value=b"\xff\x00"),
    AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue(string_value="{"), AnyValue()])),
    AnyValue(kvlist_value=_NESTED),
    AnyValue(),
)
TIMES: Final = (0, 1, 1_790_000_000_000_000_000, 2**63 - 1, 2**63, 2**64 - 1)
_CHANGE_BYTES: Final = 4


class _Telemetry:
    """A request's records, and every attribute in it."""

    def __init__(self, message: Any, signal: str) -> None:
        blocks = message.resource_spans if signal == "traces" else message.resource_logs
        scopes = [
            scope for block in blocks for scope in (block.scope_spans if signal == "traces" else block.scope_logs)
        ]
        self.lists = [scope.spans if signal == "traces" else scope.log_records for scope in scopes]
        self.records = [record for records in self.lists for record in records]
        self.holders = [*self.records, *(block.resource for block in blocks)]
        if signal == "traces":
            self.holders += [event for record in self.records for event in record.events]

    def attribute(self, number: int) -> tuple[Any, int] | None:
        """Return an attribute's list and place in it."""
        places = [(holder.attributes, at) for holder in self.holders for at in range(len(holder.attributes))]
        return places[number % len(places)] if places else None


def _set_value(found: _Telemetry, place: int, how: int) -> None:
    if (at := found.attribute(place)) is not None:
        at[0][at[1]].value.CopyFrom(VALUES[how % len(VALUES)])


def _drop_attribute(found: _Telemetry, place: int, _how: int) -> None:
    if (at := found.attribute(place)) is not None:
        del at[0][at[1]]


def _rename(found: _Telemetry, place: int, how: int) -> None:
    at, other = found.attribute(place), found.attribute(place * 31 + how)
    if at is not None and other is not None:
        at[0][at[1]].key = other[0][other[1]].key


def _swap_values(found: _Telemetry, place: int, how: int) -> None:
    at, other = found.attribute(place), found.attribute(place * 17 + how)
    if at is not None and other is not None:
        kept = AnyValue.FromString(at[0][at[1]].value.SerializeToString())
        at[0][at[1]].value.CopyFrom(other[0][other[1]].value)
        other[0][other[1]].value.CopyFrom(kept)


def _cut_text(found: _Telemetry, place: int, how: int) -> None:
    if (at := found.attribute(place)) is not None and (text := at[0][at[1]].value.string_value):
        at[0][at[1]].value.string_value = text[: how * len(text) // 256]


def _set_time(found: _Telemetry, place: int, how: int) -> None:
    record = found.records[place % len(found.records)]
    fields = [field.name for field in record.DESCRIPTOR.fields if field.name.endswith("unix_nano")]
    setattr(record, fields[place % len(fields)], TIMES[how % len(TIMES)])


def _set_id(found: _Telemetry, place: int, how: int) -> None:
    """Take an id of another record, or of the record itself: cycles, orphans, two spans of one id."""
    record, other = found.records[place % len(found.records)], found.records[(place + how) % len(found.records)]
    name = ("parent_span_id", "span_id", "trace_id")[how % 3]
    if hasattr(record, name):
        setattr(record, name, other.trace_id if name == "trace_id" else other.span_id)


def _drop_record(found: _Telemetry, place: int, _how: int) -> None:
    records = found.lists[place % len(found.lists)]
    if len(found.records) > 1 and records:
        del records[place % len(records)]


def _copy_record(found: _Telemetry, place: int, how: int) -> None:
    records = found.lists[place % len(found.lists)]
    if records:
        copy = records.add()
        copy.CopyFrom(records[place % (len(records) - 1 or 1)])
        if how % 2 and hasattr(copy, "parent_span_id"):
            copy.span_id = bytes([how]) * 8


CHANGES: Final[Sequence[Callable[[_Telemetry, int, int], None]]] = (
    *(_set_value, _drop_attribute, _rename, _swap_values, _cut_text),
    *(_set_time, _set_id, _drop_record, _copy_record),
)


def damaged(data: bytes) -> Request:
    """Return the recording that the first byte picks, after the changes that the others say."""
    original = _recordings()[(data[0] if data else 0) % len(_recordings())]
    message = original.message
    for start in range(1, len(data) - _CHANGE_BYTES + 1, _CHANGE_BYTES):
        kind, high, low, how = data[start : start + _CHANGE_BYTES]
        found = _Telemetry(message, original.signal)
        if found.records:
            CHANGES[kind % len(CHANGES)](found, high * 256 + low, how)
    return Request(original.signal, message.SerializeToString())


@cache
def _recordings() -> tuple[Request, ...]:
    every = (sent for name in names() for sent in requests_of(name))
    return tuple(sent for sent in every if sent.signal != "metrics" and len(sent.content) <= _LARGEST)


def first_inputs() -> list[bytes]:
    """Return for every recording one input that changes little."""
    return [bytes([number]) + bytes(range(number % 7, 16 + number % 7)) for number in range(len(_recordings()))]
