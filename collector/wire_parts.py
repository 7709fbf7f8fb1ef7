"""How many records a protobuf request has, told from its bytes before a message is made of each.

An empty record takes two bytes of a body and a hundred times as many once it is parsed.
Source: protobuf encoding guide, "Message Structure".
"""

from __future__ import annotations

from typing import Final

from collector.losses import MAX_PARTS, Losses

_RECORDS: Final = (b"\x0a", b"\x12", b"\x12")
"""Tags from the request down: `resource_spans`, `scope_spans`, `spans`; in logs and metrics alike."""
_POINTS: Final = (b"\x2a\x3a\x4a\x52\x5a", b"\x0a")
"""In a metric: its data, of whichever type; `data_points`."""
_PATHS: Final = {"traces": _RECORDS, "logs": _RECORDS, "metrics": (*_RECORDS, *_POINTS)}
_SMALLEST_PART: Final = 2
_VARINT, _LENGTH = 0, 2
_WIDTHS: Final = {1: 8, 5: 4}
"""Bytes of a field by its wire type, where that alone says it."""
_MORE: Final = 0x80
"""The bit that says a varint goes on."""


def check_parts(signal: str, body: bytes) -> None:
    """Raise RequestTooLargeError for more records, and messages around them, than one request may have.

    What is not protobuf is left to whoever parses the body.
    """
    if len(body) <= MAX_PARTS * _SMALLEST_PART:
        return
    path, losses = _PATHS[signal], Losses()
    pending = [(0, len(body), 0)]
    while pending:
        start, end, depth = pending.pop()
        parts = _messages(body, start, end, path[depth])
        losses.admit(len(parts))
        if depth + 1 < len(path):
            pending += [(*part, depth + 1) for part in parts]


def _messages(body: bytes, at: int, end: int, tags: bytes) -> list[tuple[int, int]]:
    """Return where the fields of these tags begin and end, as far as the bytes can be read, and not many too many."""
    found: list[tuple[int, int]] = []
    try:
        while at < end and len(found) <= MAX_PARTS:
            tag, size = body[at], body[at + 1]
            if tag >= _MORE or tag & 7 != _LENGTH:
                at = _past_field(body, at)
                continue
            size, at = (size, at + 2) if size < _MORE else _varint(body, at + 1)
            if tag in tags:
                found.append((at, min(at + size, end)))
            at += size
    except (IndexError, KeyError):
        # The bytes end in the middle of a field, or it is of a type that protobuf does not have.
        pass
    return found


def _past_field(body: bytes, at: int) -> int:
    """Return where the field ends that begins here."""
    tag, at = _varint(body, at)
    kind = tag & 7
    if kind == _VARINT:
        return _varint(body, at)[1]
    if kind == _LENGTH:
        size, at = _varint(body, at)
        return at + size
    return at + _WIDTHS[kind]


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins here, and where the next thing does."""
    low = body[at]
    if low < _MORE:
        return low, at + 1
    number, shift = low - _MORE, 7
    while (byte := body[at + 1]) >= _MORE:
        number |= (byte - _MORE) << shift
        shift += 7
        at += 1
    return number | byte << shift, at + 2
