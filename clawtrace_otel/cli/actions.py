"""What the HTTP interface may change: cards compiled now, verdicts and skills recorded."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from collector.api import Deletion
from collector.errors import StoreError, UnknownSessionError
from processors.normalise.session_keys import CORRELATION_KEYS

if TYPE_CHECKING:
    from clawtrace_otel.cli.compiler import Compiler
    from collector.api import CompileCounts, OutcomeReport, Queries
    from collector.skills import PatchRecord, SkillReport
    from collector.store import TelemetryStore

_LAST_DECISIONS: Final = """
    SELECT skill_name, patch_id, accepted, reason, evidence::VARCHAR FROM patches
    WHERE list_contains(?::VARCHAR[], patch_id) ORDER BY recorded_at
"""


def _patch_row(patch: PatchRecord) -> dict[str, object]:
    evidence = json.dumps(patch.model_dump(mode="json")["evidence"], sort_keys=True)
    return patch.model_dump() | {"evidence": evidence}


def _decision(row: Mapping[str, object]) -> tuple[object, ...]:
    return row["accepted"], row["reason"], row["evidence"]


class StoreActions:
    """Changes a store that this process owns."""

    def __init__(self, store: TelemetryStore, queries: Queries, compiler: Compiler) -> None:
        self._store = store
        self._queries = queries
        self._compiler = compiler
        self._recording = threading.Lock()

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

    def record_skill(self, report: SkillReport) -> int:
        """Store a skill and its patches; what the last run said of them in the same words is not said again."""
        now = time.time_ns()
        with self._recording:
            last = self._last_decisions([patch.patch_id for patch in report.patches])
            rows = [_patch_row(patch) | {"recorded_at": now} for patch in report.patches]
            patches = [row for row in rows if last.get((row["skill_name"], row["patch_id"])) != _decision(row)]
            skills = []
            if report.skill is not None and not self._has_skill(report.skill.skill_id, report.skill.base_skill_id):
                skills = [report.skill.model_dump() | {"recorded_at": now}]
            for table, new in (("patches", patches), ("skills", skills)):
                if new:
                    self._store.append_rows(table, new)
        return len(patches) + len(skills)

    def delete(self, session_id: str) -> Deletion:
        """Delete a session and erase its bytes. Raises `UnknownSessionError` where no such session is stored."""
        if not self._knows(session_id):
            self._compiler.compile(everything=False)
        with self._compiler.paused():
            if not self._knows(session_id):
                raise UnknownSessionError(f"no session {session_id!r} is stored: 'clawtrace sessions' lists them")
            deleted = self._store.delete([session_id], CORRELATION_KEYS)
            try:
                self._store.compact()
            except StoreError as error:
                return Deletion(deleted.spans, deleted.logs, deleted.metric_points, str(error))
        return Deletion(deleted.spans, deleted.logs, deleted.metric_points)

    def compact(self) -> None:
        """Give back what deleted rows held. Raises `StoreError` where that cannot be done now."""
        with self._compiler.paused():
            self._store.compact()

    def _last_decisions(self, patch_ids: list[str]) -> dict[tuple[object, object], tuple[object, ...]]:
        rows = self._queries.run(_LAST_DECISIONS, [patch_ids]).table.to_pylist()
        return {(row["skill_name"], row["patch_id"]): tuple(row.values())[2:] for row in rows}

    def _has_skill(self, skill_id: str, base_skill_id: str) -> bool:
        query = "SELECT 1 FROM skills WHERE skill_id = ? AND base_skill_id = ?"
        return bool(self._queries.run(query, [skill_id, base_skill_id]).table.num_rows)

    def _knows(self, session_id: str) -> bool:
        found = self._queries.run("SELECT 1 FROM sessions WHERE session_id = ?", [session_id])
        return bool(found.table.num_rows)
