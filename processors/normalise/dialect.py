"""What a dialect is: a producer's vocabulary, read into sightings.

A newcomer adds one file in `dialects/` and one line in `DIALECTS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeAlias

from collector.model import LogRecord, Span
from processors.normalise.sighting import Reading

Signal: TypeAlias = Span | LogRecord


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
