"""Foreign JSON lines, read with typed look-ups that never raise on what a file may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

Record: TypeAlias = Mapping[str, object]


def records(lines: Iterable[bytes]) -> Iterator[Record | None]:
    """Yield each non-empty line's JSON object; None for a line that is none."""
    for line in lines:
        if not line.strip():
            continue
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        yield value if isinstance(value, dict) else None


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
    """Return nanoseconds since the Unix epoch from ISO text or from milliseconds."""
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
    nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    return nanoseconds if nanoseconds > 0 else None


def plain(content: object) -> str | None:
    """Return the text of a message's content: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    said = [text(item.get("text")) for item in items(content)]
    return "\n".join(part for part in said if part) or None
