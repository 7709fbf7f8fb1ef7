"""Who of several collectors compiles: whoever holds the lease, a row in the lake that runs out when it is not renewed.

It only keeps the others from doing the same work. That no session is stored twice rests on the commits themselves.
"""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from collector.store.engine import Cursor, transaction

LEASE_NS: Final = 60 * 10**9
_TAKE: Final = "UPDATE layout.lease SET owner = ?, until_ns = ? WHERE owner IS NULL OR owner = ? OR until_ns < ?"
_HELD_BY_ME: Final = "SELECT count(*) FROM layout.lease WHERE owner = ?"
_GIVE_UP: Final = "UPDATE layout.lease SET owner = NULL, until_ns = 0 WHERE owner = ?"


class Lease:
    """One process's claim."""

    def __init__(self) -> None:
        self._owner = uuid4().hex
        self._until_ns = 0

    def held(self, cursor: Cursor, now_ns: int) -> bool:
        """Take or renew the lease where it is free; return whether this process holds it."""
        if now_ns + LEASE_NS // 2 <= self._until_ns:
            return True
        until_ns = now_ns + LEASE_NS
        with transaction(cursor):
            cursor.execute(_TAKE, [self._owner, until_ns, self._owner, now_ns])
            ((mine,),) = cursor.execute(_HELD_BY_ME, [self._owner]).fetchall()
        self._until_ns = until_ns if mine else 0
        return bool(mine)

    def give_up(self, cursor: Cursor) -> None:
        """Let others have it at once."""
        if self._until_ns:
            cursor.execute(_GIVE_UP, [self._owner])
            self._until_ns = 0
