"""What the HTTP interface may change: cards compiled now, verdicts recorded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from collector.errors import UnknownSessionError

if TYPE_CHECKING:
    from clawtrace_otel.cli.compiler import Compiler
    from collector.api import CompileCounts, OutcomeReport, Queries
    from collector.store import TelemetryStore


class StoreActions:
    """Changes a store that this process owns."""

    def __init__(self, store: TelemetryStore, queries: Queries, compiler: Compiler) -> None:
        self._store = store
        self._queries = queries
        self._compiler = compiler

    def compile(self, *, everything: bool) -> CompileCounts:
        """Compile the pending sessions now, or every session."""
        return self._compiler.compile(everything=everything)

    def record_outcome(self, session_id: str, outcome: OutcomeReport) -> None:
        """Store a verdict. Raises `UnknownSessionError` where no such session is stored.

        A verdict often comes right after the run, before the session has gone quiet: it is compiled first then.
        """
        if not self._knows(session_id):
            self._compiler.compile(everything=False)
            if not self._knows(session_id):
                raise UnknownSessionError(f"no session {session_id!r} is stored: 'clawtrace sessions' lists them")
        checks = [check.model_dump(exclude_none=True) for check in outcome.checks]
        row = outcome.model_dump() | {"checks": checks, "session_id": session_id, "recorded_at": time.time_ns()}
        self._store.record_outcome(row)

    def _knows(self, session_id: str) -> bool:
        found = self._queries.run("SELECT 1 FROM sessions WHERE session_id = ?", [session_id])
        return bool(found.table.num_rows)
