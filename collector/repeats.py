"""Repeated events are logged once per interval, so that the log does not grow with every retry of every sender."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 30.0


class Repeats:
    """Decides which of the messages that keep coming are worth a line. For one thread."""

    def __init__(self, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._last: str | None = None
        self._said_at = 0.0
        self._held_back = 0

    def worth_saying(self, text: str) -> str | None:
        """Return a new text as it is, one that keeps coming now and then with how often it came, else None."""
        now = self._clock()
        if text == self._last and now - self._said_at < self._every_s:
            self._held_back += 1
            return None
        again = f" ({self._held_back} more times since)" if text == self._last and self._held_back else ""
        self._last, self._said_at, self._held_back = text, now, 0
        return text + again
