"""Who of several processes compiles: whoever holds the lease, a row in the lake that runs out when it is not renewed.

Who was told by a person to compile now asks for it by a row of its own, and the holder leaves it to them after the
round that it is in. All this only keeps the others from doing the same work: that no session is stored twice rests on
the commits themselves.
"""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from collector.store.engine import Cursor, transaction

LEASE_NS: Final = 60 * 10**9
_ASKING: Final = "asks:"
_THE_LEASE: Final = f"(owner IS NULL OR NOT starts_with(owner, '{_ASKING}'))"
_OTHERS_ASK: Final = f"""
    SELECT count(*) FROM layout.lease WHERE starts_with(owner, '{_ASKING}') AND owner <> ? AND until_ns >= ?
"""  # noqa: S608 - ours
_TAKE: Final = f"""
    UPDATE layout.lease SET owner = ?, until_ns = ?
    WHERE {_THE_LEASE} AND (owner IS NULL OR owner = ? OR until_ns < ?)
"""  # noqa: S608 - ours
_HELD_BY_ME: Final = "SELECT count(*) FROM layout.lease WHERE owner = ?"
_RENEW: Final = "UPDATE layout.lease SET until_ns = ? WHERE owner = ?"
_GIVE_UP: Final = f"UPDATE layout.lease SET owner = NULL, until_ns = 0 WHERE owner = ? AND {_THE_LEASE}"  # noqa: S608 - ours
_ASK: Final = "INSERT INTO layout.lease VALUES (?, ?)"
_ASK_NO_MORE: Final = f"DELETE FROM layout.lease WHERE owner = ? OR (starts_with(owner, '{_ASKING}') AND until_ns < ?)"  # noqa: S608 - ours


class Lease:
    """One process's claim. Whoever calls sees to it that a conflicting commit is done again."""

    def __init__(self) -> None:
        self._owner = uuid4().hex
        self._until_ns = 0

    @property
    def _request(self) -> str:
        return f"{_ASKING}{self._owner}"

    def held(self, cursor: Cursor, now_ns: int, *, asked: bool = False) -> bool:
        """Take or renew the lease where it is free; return whether this process holds it.

        Who has not `asked` leaves a free one to those who have.
        """
        if now_ns + LEASE_NS // 2 <= self._until_ns:
            return True
        until_ns = now_ns + LEASE_NS
        with transaction(cursor):
            if not asked and self._until_ns < now_ns and self._others_ask(cursor, now_ns):
                return False
            cursor.execute(_TAKE, [self._owner, until_ns, self._owner, now_ns])
            ((mine,),) = cursor.execute(_HELD_BY_ME, [self._owner]).fetchall()
            if mine and asked:
                cursor.execute(_ASK_NO_MORE, [self._request, now_ns])
        self._until_ns = until_ns if mine else 0
        return bool(mine)

    def ask(self, cursor: Cursor, now_ns: int) -> None:
        """Ask the holder to leave it to this process; renewed by asking again."""
        with transaction(cursor):
            cursor.execute(_ASK_NO_MORE, [self._request, now_ns])
            cursor.execute(_ASK, [self._request, now_ns + LEASE_NS])

    def gave_way(self, cursor: Cursor, now_ns: int) -> bool:
        """Give the lease up where it is held and another process asks for it; return whether that was so."""
        if self._until_ns < now_ns or not self._others_ask(cursor, now_ns):
            return False
        self.give_up(cursor)
        return True

    def renew(self, cursor: Cursor, now_ns: int) -> None:
        """Let it last longer, where it is held and half over."""
        if self._until_ns and now_ns + LEASE_NS // 2 > self._until_ns:
            cursor.execute(_RENEW, [now_ns + LEASE_NS, self._owner])
            self._until_ns = now_ns + LEASE_NS

    def give_up(self, cursor: Cursor) -> None:
        """Let others have it at once."""
        if self._until_ns:
            cursor.execute(_GIVE_UP, [self._owner])
            self._until_ns = 0

    def _others_ask(self, cursor: Cursor, now_ns: int) -> bool:
        ((others,),) = cursor.execute(_OTHERS_ASK, [self._request, now_ns]).fetchall()
        return bool(others)
