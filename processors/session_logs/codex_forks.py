"""Where the history ends that a forked Codex session, or a sub-agent's, repeats at the start of its file.

The copy stands after the file's own `session_meta`: first the parent's, then the parent's lines under the time of the
fork. Only the ids of its turns are old: they are version 7 UUIDs, which begin with the time at which they were made.
The first turn that is not older than the session is its own. Some sub-agents' files name the parent and copy nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from processors.session_logs.lines import Record, moment, record, text

_VERSION_7: Final = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_MILLISECOND: Final = 1_000_000
_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a session comes from, by its own `session_meta`."""

    thread_id: str
    created: int | None
    """Nanoseconds."""
    parent_id: str | None = None
    """The session that started this one as a sub-agent."""
    root_id: str | None = None
    """The session at the top of all sub-agents, where the file names it."""
    spawn_call_id: str | None = None
    nickname: str | None = None
    forked_from: str | None = None
    """The session with whose history the file begins."""

    @classmethod
    def of(cls, meta: Record, fallback_id: str, at: int | None) -> Origin:
        """Return what a `session_meta` tells."""
        thread_id = text(meta.get("id")) or text(meta.get("session_id")) or fallback_id
        spawn = record(record(record(meta.get("source")).get("subagent")).get("thread_spawn"))
        parent_id = text(spawn.get("parent_thread_id")) or text(meta.get("parent_thread_id"))
        forked_from = text(meta.get("forked_from_id")) or text(spawn.get("forked_from_id"))
        root_id = text(meta.get("session_id"))
        return cls(
            thread_id=thread_id,
            created=_made(thread_id) or moment(meta.get("timestamp")) or at,
            parent_id=parent_id if parent_id != thread_id else None,
            root_id=root_id if root_id != thread_id else None,
            spawn_call_id=text(spawn.get("spawn_call_id")),
            nickname=text(spawn.get("agent_role")) or text(meta.get("agent_role")),
            forked_from=forked_from,
        )

    def owns_turn(self, payload: Record) -> bool | None:
        """Tell whether a turn is the session's own by when it was made; None where its line does not tell."""
        turn_id, started = text(payload.get("turn_id")), payload.get("started_at")
        made = _made(turn_id) if turn_id is not None else None
        if made is not None and self.created is not None:
            return made >= self.created // _MILLISECOND * _MILLISECOND
        if isinstance(started, int | float) and not isinstance(started, bool) and self.created is not None:
            return started >= self.created // _SECOND
        return None


def _made(identifier: str) -> int | None:
    """Return the nanoseconds at which a version 7 UUID was made."""
    found = _VERSION_7.fullmatch(identifier)
    return int(found[1] + found[2], 16) * _MILLISECOND if found is not None else None
