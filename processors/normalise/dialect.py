"""What a dialect is: a producer's vocabulary, read into sightings.

A newcomer adds one file in `dialects/` and one line in `DIALECTS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

from collector.model import LogRecord, Span
from processors.normalise.sighting import Reading

Signal: TypeAlias = Span | LogRecord


_RELEASE: Final = re.compile(r"\d{1,9}(\.\d{1,9})*")
_NAMES_KNOWN: Final = 512
"""Lists of attribute names whose beginnings are remembered: spans of one kind mostly carry the same names."""


def has_key(signal: Signal, beginnings: str | tuple[str, ...]) -> bool:
    """Tell whether an attribute's name begins so, or in one of several ways."""
    return _any_begins(tuple(signal.attributes), beginnings)


@lru_cache(maxsize=_NAMES_KNOWN)
def _any_begins(names: tuple[str, ...], beginnings: str | tuple[str, ...]) -> bool:
    return any(name.startswith(beginnings) for name in names)


def release(signal: Signal) -> tuple[int, ...]:
    """Return the numbers of the instrumentation's version; empty where it names none."""
    named = _RELEASE.match(signal.scope.version)
    return tuple(map(int, named[0].split("."))) if named is not None else ()


class Dialect(Protocol):
    """Reads the spans and log records of one producer."""

    @property
    def name(self) -> str:
        """What `steps.dialect` shows."""
        ...

    def owns(self, signal: Signal) -> bool:
        """Tell whether this producer sent the signal: by its scope first, then by its keys."""
        ...

    def read(self, span: Span) -> Iterable[Reading]:
        """Return what a span says about model calls, tools and agents; nothing for spans that say nothing."""
        ...

    def read_log(self, record: LogRecord) -> Iterable[Reading]:
        """Return what a log record says; nothing for records that say nothing."""
        ...
