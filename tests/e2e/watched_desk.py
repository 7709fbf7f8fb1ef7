"""The order desk as a replay environment that writes down every replay, and stops at one where a test says so."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event

from examples.order_desk.desk import OrderDesk

DONE = "WATCHED_DESK_DONE"
"""Environment variable: a file that gets one line for each replay."""
STOP_AT = "WATCHED_DESK_STOP_AT"
"""Environment variable: the number of the replay that never ends."""


class WatchedDesk(OrderDesk):
    """Counts its checks over all processes."""

    def check(self) -> bool:
        """Return the oracle's word, once it is written down that it was asked."""
        with Path(os.environ[DONE]).open("a+", encoding="utf-8") as done:
            done.write(f"{self.order_id}\n")
            done.flush()
            done.seek(0)
            number = len(done.readlines())
        if str(number) == os.environ.get(STOP_AT):
            Event().wait()
        return super().check()
