"""Foreign JSON lines, read with typed look-ups that never raise on what a file may hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import BinaryIO, Final, TypeAlias, TypeVar

import msgspec

Record: TypeAlias = Mapping[str, object]
Shape = TypeVar("Shape")

LONGEST_LINE: Final = 32 * 1024 * 1024
"""Bytes; what one line becomes must fit into one export request."""
TOO_LONG: Final = b"\x00"
"""Stands for a line that was longer; it is no JSON."""
NOT_JSON: Final = "not a JSON object"
NOT_READ: Final = f"longer than {LONGEST_LINE // 1024 // 1024} MiB"
NO_CONTENT: Final = "without a time or a message"
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LARGEST_TIME: Final = 2**63 - 10**9


def split(stream: BinaryIO) -> Iterator[bytes]:
    """Yield a file's lines, `TOO_LONG` for one past `LONGEST_LINE`, which is passed over without being held."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            line = TOO_LONG
        yield line


def decoded(lines: Iterable[bytes], shape: type[Shape], skipped: Counter[str]) -> Iterator[Shape]:
    """Yield each non-empty line that holds a JSON object; the others are counted by what is wrong with them."""
    decode = msgspec.json.Decoder(shape).decode
    for line in lines:
        try:
            yield decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            mended = None if line == TOO_LONG or not line.strip() else _mended(line)
            if mended is not None:
                yield decode(mended)
            elif line.strip():
                skipped[NOT_READ if line == TOO_LONG else NOT_JSON] += 1


def _mended(line: bytes) -> bytes | None:
    """Return a line without bad UTF-8 and halves of surrogate pairs, as cut-off tool results have them."""
    try:
        value = json.loads(line.decode("utf-8", "replace"))
        text_ = _LONE_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (ValueError, RecursionError):
        return None
    return text_.encode() if isinstance(value, dict) else None


def part(raw: msgspec.Raw) -> Record:
    """Return a JSON object that was left undecoded, or an empty one for anything else."""
    try:
        return record(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def record(value: object) -> Record:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[Record]:
    """Return the objects in a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str | None:
    """Return a non-empty string."""
    return value if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """Return a token count: a whole number from 0 on that fits OTLP's 64 bits."""
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return int(value) if whole and isinstance(value, int) else None


def moment(value: object) -> int | None:
    """Return nanoseconds since the Unix epoch, to the millisecond, from ISO text or from milliseconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**13:
        return int(value) * 1_000_000
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds // 1_000 * 1_000_000
    return nanoseconds if 0 < nanoseconds < _LARGEST_TIME else None


def plain(content: object) -> str | None:
    """Return the text of a message's content: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    said = [text(item.get("text")) for item in items(content)]
    return "\n".join(part for part in said if part) or None
