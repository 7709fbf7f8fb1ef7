"""How far the process may grow while queries run: all together, since nobody can tell whose memory it is."""

from __future__ import annotations

import mmap
import threading
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")


class QueryMemory:
    """Compares what the process holds with what it held when the first of the running queries began.

    Where that is too much the newest query is to be stopped, then the one before it, until it is enough.
    """

    def __init__(self, allowed_bytes: int) -> None:
        self._allowed = allowed_bytes
        self._before = 0
        self._running: list[object] = []
        self._lock = threading.Lock()

    def begin(self, query: object) -> None:
        """Note that a query runs."""
        with self._lock:
            if not self._running:
                self._before = resident_bytes()
            self._running.append(query)

    def end(self, query: object) -> None:
        """Note that a query has let go of what it held."""
        with self._lock:
            self._running.remove(query)

    def is_to_stop(self, query: object) -> bool:
        """Whether the queries take too much and this is the newest of them."""
        with self._lock:
            return self._running[-1:] == [query] and resident_bytes() > self._before + self._allowed


def resident_bytes() -> int:
    """Return the memory that the process holds, 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError):
        return 0
