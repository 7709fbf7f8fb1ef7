"""Unpacking request bodies, never past a limit."""

from __future__ import annotations

import zlib
from typing import Final, Literal, TypeAlias

from isal import isal_zlib

from collector.errors import MalformedRequestError, RequestTooLargeError

Compression: TypeAlias = Literal["identity", "gzip", "deflate"]
_WINDOW: Final[dict[str, int]] = {"gzip": 31, "deflate": 15}


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
        except zlib.error as error:
            raise MalformedRequestError(f"the body is not {compression}: {error}") from error
        left -= len(part)
        if left < 0:
            raise RequestTooLargeError(f"the body unpacks to more than {max_bytes} bytes: send smaller batches")
        if not unpacker.eof:
            raise MalformedRequestError(f"the {compression} body is cut off")
        parts.append(part)
        body = unpacker.unused_data
    return b"".join(parts)
