"""Unpacking request bodies, never past a limit."""

from __future__ import annotations

import zlib
from typing import Final, Literal, TypeAlias, cast

from isal import igzip_lib, isal_zlib

from collector.errors import MalformedRequestError, RequestTooLargeError

Compression: TypeAlias = Literal["identity", "gzip", "deflate"]
_MAX_MEMBERS: Final = 100
"""Gzip files in one body; a sender writes one, and very many cost much time for few bytes."""
_BROKEN: Final = (zlib.error, cast("type[Exception]", igzip_lib.IsalError))
_GZIP: Final = b"\x1f\x8b"
_ZLIB: Final = b"\x78"
_WINDOW: Final[dict[str, int]] = {"gzip": 31, "deflate": 15}


def packing(message: bytes) -> Compression:
    """Return how a gRPC message was packed, by its first bytes: no OTLP request begins with them unpacked.

    Each of an OTLP request's fields has number 1, so that it begins with 0x0A; gzip begins with 0x1F 0x8B (RFC 1952),
    zlib with 0x78 and a check that the first two bytes are a multiple of 31 (RFC 1950).
    """
    if message.startswith(_GZIP):
        return "gzip"
    if message.startswith(_ZLIB) and int.from_bytes(message[:2], "big") % 31 == 0:
        return "deflate"
    return "identity"


def unpack(body: bytes, compression: Compression, max_bytes: int) -> bytes:
    """Return the body unpacked. Raises MalformedRequestError, or RequestTooLargeError past `max_bytes`."""
    if compression == "identity":
        return body
    parts: list[bytes] = []
    left = max_bytes
    while body:
        unpacker = isal_zlib.decompressobj(_WINDOW[compression])
        try:
            part = unpacker.decompress(body, left + 1)
        except _BROKEN as error:
            raise MalformedRequestError(f"the body is not {compression}: {error}") from error
        left -= len(part)
        if left < 0:
            raise RequestTooLargeError(f"the body unpacks to more than {max_bytes} bytes: send smaller batches")
        if not unpacker.eof:
            raise MalformedRequestError(f"the {compression} body is truncated")
        parts.append(part)
        if len(parts) > _MAX_MEMBERS:
            raise MalformedRequestError(f"the {compression} body has more than {_MAX_MEMBERS} members")
        body = unpacker.unused_data
    return b"".join(parts)
