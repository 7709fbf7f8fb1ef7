"""Whether a text stands anywhere in a database's files, also inside what DuckDB compressed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

_ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
"""Source: RFC 8878, section 3.1.1."""
_LONGEST_FRAME = 8 * 1024 * 1024


def places(database: Path, text: str) -> list[str]:
    """Return in which of the database's files, and how packed, the text stands."""
    wanted = text.encode()
    found = []
    for file in sorted(database.parent.glob(f"{database.name}*")):
        content = file.read_bytes()
        if wanted in content:
            found.append(f"{file.name} as it is")
        if any(wanted in frame for frame in frames(content)):
            found.append(f"{file.name} in zstd")
    return found


def frames(content: bytes) -> Iterator[bytes]:
    """Yield what unpacks of every zstd frame that begins anywhere."""
    start = content.find(_ZSTD_FRAME)
    while start >= 0:
        yield _unpacked(content[start : start + _LONGEST_FRAME])
        start = content.find(_ZSTD_FRAME, start + 1)


def _unpacked(packed: bytes) -> bytes:
    """Return as much as can be unpacked of what may be a frame and is followed by other bytes."""
    parts: list[bytes] = []
    try:
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            while (part := stream.read(4096)) and len(parts) < _LONGEST_FRAME // 4096:
                parts.append(part)
    except (OSError, pa.ArrowException):
        pass  # what follows a frame is no frame
    return b"".join(parts)
