"""How many files and connections the process may have open at once."""

from __future__ import annotations

import logging
from typing import Final

log = logging.getLogger("clawtrace.serve")

_OWN: Final = 256
"""The database, its log, workers, what listens, and what libraries keep open."""


def allow_open_files(connections: int) -> None:
    """Raise the soft limit to what so many connections need; say so where the hard limit is below that.

    Shells start programs with 1,024. The one that is too many is not refused but never answered.
    """
    try:
        import resource
    except ModuleNotFoundError:
        return  # a system without such limits
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OWN
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.warning("only %d files may be open (ulimit -n): %d connections need %d", allowed, connections, needed)
