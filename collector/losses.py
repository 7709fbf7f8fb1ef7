"""What of a request could not be stored, and why: the content of OTLP's `partial_success`."""

from __future__ import annotations

from collections import Counter
from typing import Final

from collector.errors import RequestTooLargeError

MAX_PARTS: Final = 1_000_000
"""Records, messages around them, events, links and exemplars of one request: whatever is read one by one."""
MAX_REASONS: Final = 10
"""Distinct reasons kept per request, so that a hostile one cannot grow its answer."""
_OTHERS: Final = "other reasons"


class MalformedFieldError(ValueError):
    """One field of a record is not what OTLP allows; the record or attribute that holds it is lost, nothing else."""


class Losses:
    """Records that were rejected, and parts (attributes, links, a status) that stored records lost, of one request.

    It is with whoever reads a part, so it also counts the parts, and refuses a request of too many.
    """

    __slots__ = ("_dropped", "_parts", "_rejected")

    def __init__(self) -> None:
        self._rejected: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._parts = 0

    def admit(self, parts: int) -> None:
        """Count parts that are about to be read. Raises RequestTooLargeError where the request has too many."""
        self._parts += parts
        if self._parts > MAX_PARTS:
            raise RequestTooLargeError(
                f"the request has more than {MAX_PARTS:,} records, events, links and exemplars: send smaller batches"
            )

    def reject(self, reason: str) -> None:
        """Count one record that is not stored."""
        _count(self._rejected, reason)

    def drop(self, reason: str) -> None:
        """Count one part that is missing from, or was altered in, a record that is stored."""
        _count(self._dropped, reason)

    @property
    def rejected(self) -> int:
        """How many records were not stored."""
        return self._rejected.total()

    def message(self) -> str:
        """Return the reasons in words for whoever runs the sender; empty when nothing was lost."""
        parts = []
        if self._rejected:
            parts.append(f"rejected {self.rejected}: {_list(self._rejected)}")
        if self._dropped:
            parts.append(f"stored without {self._dropped.total()} malformed parts: {_list(self._dropped)}")
        return "; ".join(parts)


def _count(reasons: Counter[str], reason: str) -> None:
    known = reason in reasons or len(reasons) < MAX_REASONS
    reasons[reason if known else _OTHERS] += 1


def _list(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in reasons.items())
