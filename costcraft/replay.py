"""Counterfactuals by execution: a session's tool calls run again, with and without some of them.

A user's `Environment` runs in a child process with a time limit, so that its faults become an error message instead of
a crash. Verdicts are cached by the content of what was run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from costcraft.case import Case, Cases
from costcraft.patch import SkillPatch
from costcraft.replay_process import Environment, EnvironmentFactory, ReplayProcess, load_environment

__all__ = ["TIME_LIMIT_S", "Environment", "EnvironmentFactory", "ReplayVerdict", "Replayer", "load_environment"]

TIME_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class ReplayVerdict:
    """Whether the oracle passes when everything is run again, and when the named steps are left out."""

    passes_with: bool
    passes_without: bool

    @property
    def removable(self) -> bool:
        """True where the replay reproduces the pass and the pass does not need the steps."""
        return self.passes_with and self.passes_without


@dataclass(slots=True)
class Replayer:
    """Runs leave-out replays in one environment and keeps their verdicts."""

    environment: str
    """`package.module:name` of an `EnvironmentFactory`."""
    time_limit_s: float = TIME_LIMIT_S
    cache: Path | None = None
    """A folder with one small file per replay done, so that an interrupted run goes on where it was."""
    _known: dict[str, bool] = field(default_factory=dict)
    _process: ReplayProcess = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._process = ReplayProcess(self.environment, self.time_limit_s)

    def close(self) -> None:
        """End the child process."""
        self._process.close()

    def verdict(self, case: Case, without: Collection[str]) -> ReplayVerdict | None:
        """Replay a case with and without steps; None where arguments were not captured.

        Raises `EnvironmentFaultError` where the environment cannot be loaded, breaks, or overruns its time.
        """
        runs = self._runs(case, without)
        if not runs:
            return None
        whole, rest = runs
        return ReplayVerdict(self._passes(case.task_id, whole), self._passes(case.task_id, rest))

    def outstanding(self, proposals: Iterable[object], cases: Cases) -> int:
        """Return how many replays the prunes among `proposals` would take that are not done yet."""
        keys: set[str] = set()
        for patch in proposals:
            for counterfactual in patch.counterfactuals if isinstance(patch, SkillPatch) else ():
                case = cases.by_id[counterfactual.session_id]
                keys |= {self._key(case.task_id, calls) for calls in self._runs(case, counterfactual.step_ids)}
        return sum(not self._is_known(key) for key in keys)

    def _is_known(self, key: str) -> bool:
        return key in self._known or (self.cache is not None and (self.cache / key).exists())

    @staticmethod
    def _runs(case: Case, without: Collection[str]) -> tuple[list[tuple[str, str]], ...]:
        """Return the calls of the whole session and of what is left of it; nothing where arguments are missing."""
        if not case.tools or any(step.arguments is None for step in case.tools):
            return ()
        whole = [(step.name, step.arguments or "{}") for step in case.tools]
        rest = [(step.name, step.arguments or "{}") for step in case.tools if step.step_id not in without]
        return whole, rest

    def _key(self, task_id: str | None, calls: Sequence[tuple[str, str]]) -> str:
        return hashlib.sha256(json.dumps([self.environment, task_id, calls]).encode()).hexdigest()

    def _passes(self, task_id: str | None, run: list[tuple[str, str]]) -> bool:
        key = self._key(task_id, run)
        if key not in self._known:
            self._known[key] = self._kept(key, lambda: self._process.replay(task_id, run))
        return self._known[key]

    def _kept(self, key: str, replay: Callable[[], bool]) -> bool:
        if self.cache is None:
            return replay()
        verdict = self.cache / key
        if not verdict.exists():
            passed = replay()
            self.cache.mkdir(parents=True, exist_ok=True)
            unfinished = verdict.with_suffix(".part")
            unfinished.write_text("passed" if passed else "failed", encoding="utf-8")
            unfinished.replace(verdict)
        return verdict.read_text(encoding="utf-8") == "passed"
