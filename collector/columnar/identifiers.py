"""Trace and span ids as lower-case hex, a column at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from collector.columnar.messages import DeclinedError

_CHARACTERS_PER_BYTE: Final = pa.scalar(2, pa.int32())


def required(raw: pa.BinaryArray, size: int) -> pa.StringArray:
    """Return ids. Raises DeclinedError where one has not `size` bytes or is zero."""
    identifiers = _hexadecimal(raw, [size])
    if pc.any(pc.equal(identifiers, "00" * size)).as_py():
        raise DeclinedError("an id is zero")
    return identifiers


def optional(raw: pa.BinaryArray, size: int) -> pa.StringArray:
    """Return ids, null where absent or zero. Raises DeclinedError where one has another size."""
    identifiers = _hexadecimal(raw, [0, size])
    absent = pc.is_in(identifiers, pa.array(["", "00" * size]))
    return pc.if_else(absent, pa.scalar(None, pa.string()), identifiers)


def _hexadecimal(raw: pa.BinaryArray, sizes: Sequence[int]) -> pa.StringArray:
    """Return bytes as text of twice the length: the same offsets, doubled."""
    if not pc.all(pc.is_in(pc.binary_length(raw), pa.array(sizes, pa.int32()))).as_py():
        raise DeclinedError(f"an id has none of these sizes: {sizes}")
    _, offset_buffer, data = raw.buffers()
    offsets = pa.Array.from_buffers(pa.int32(), len(raw) + 1, [None, offset_buffer], offset=raw.offset)
    text = b"" if data is None else data.to_pybytes().hex().encode()
    return pa.StringArray.from_buffers(
        len(raw), pc.multiply(offsets, _CHARACTERS_PER_BYTE).buffers()[1], pa.py_buffer(text)
    )
