"""Turns sessions that have gone quiet into cards, beside the collector that takes telemetry in."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TypeAlias

from clawtrace_otel.cli.worker import Worker, WorkFailedError, WorkStoppedError
from collector.api import CompileCounts
from collector.errors import StoreError

if TYPE_CHECKING:
    from collector.store import DerivedRows, Group, Signals, TelemetryStore

    CompileSession: TypeAlias = Callable[[Signals], DerivedRows]

log = logging.getLogger("clawtrace.compile")

_END_OF_TIME: Final = 2**63 - 1
_ALL: Final = 2**31 - 1
_ROUND: Final = 1_000
"""Groups that one look for quiet ones takes up, so that a stop or a request to compile waits for few."""
_MOST_WORKERS: Final = 8


class _Verdict(Enum):
    COMPILED = auto()
    FAILED = auto()
    POSTPONED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileSettings:
    """When sessions are compiled, and how much of the machine that may take."""

    idle_s: float = 10.0
    """A session is compiled once nothing was received for it for this long."""
    poll_s: float = 1.0
    time_limit_s: float = 300.0
    """Per session; a session of 10,000 steps takes a few seconds."""
    workers: int = max(1, min(_MOST_WORKERS, (os.cpu_count() or 1) - 1))


class Compiler:
    """Compiles what the store says is pending, in worker processes.

    A session whose compilation fails is logged, counted and taken off the pending list with no rows, so that it
    neither stops others nor is tried again before new telemetry arrives for it or someone asks for `--all`.
    """

    def __init__(
        self,
        store: TelemetryStore,
        compile_session: CompileSession,
        settings: CompileSettings,
        count: Callable[[CompileCounts], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._count = count
        self._workers = [Worker(compile_session, time_limit_s=settings.time_limit_s) for _ in range(settings.workers)]
        self._idle: SimpleQueue[Worker[Signals, DerivedRows]] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._one_round = threading.Lock()
        self._stopping = threading.Event()

    def compile(self, *, everything: bool) -> CompileCounts:
        """Compile the groups that are pending now, or every group, however recently they received something."""
        with self._one_round:
            if everything:
                return self._compile(self._store.groups())
            return self._compile(self._store.quiet(idle_ns=0, now_ns=_END_OF_TIME, limit=_ALL))

    def compile_quiet(self) -> CompileCounts:
        """Compile the pending groups that have gone quiet."""
        with self._one_round:
            idle_ns = int(self._settings.idle_s * 1e9)
            return self._compile(self._store.quiet(idle_ns=idle_ns, now_ns=time.time_ns(), limit=_ROUND))

    @contextmanager
    def in_background(self) -> Iterator[None]:
        """Compile quiet groups for as long as the block runs; a compilation under way at its end is given up."""
        thread = threading.Thread(target=self._poll, name="compile-when-quiet")
        thread.start()
        try:
            yield
        finally:
            self.close()
            thread.join()

    def close(self) -> None:
        """Stop; what was not finished stays pending."""
        self._stopping.set()
        for worker in self._workers:
            worker.close()

    def _poll(self) -> None:
        while not self._stopping.wait(self._settings.poll_s):
            try:
                self.compile_quiet()
            except StoreError as error:
                log.warning("looking for quiet sessions: %s", error)

    def _compile(self, groups: Iterable[Group]) -> CompileCounts:
        with ThreadPoolExecutor(len(self._workers)) as threads:
            verdicts: Sequence[_Verdict] = list(threads.map(self._compile_one, groups))
        counts = CompileCounts(verdicts.count(_Verdict.COMPILED), verdicts.count(_Verdict.FAILED))
        self._count(counts)
        return counts

    def _compile_one(self, group: Group) -> _Verdict:
        if self._stopping.is_set():
            return _Verdict.POSTPONED
        worker = self._idle.get()
        try:
            self._store.replace(group, worker.run(self._store.load(group)))
        except WorkStoppedError:
            return _Verdict.POSTPONED
        except WorkFailedError as error:
            log.error("%s could not be compiled and is skipped: %s", _named(group), error)  # noqa: TRY400 - the worker printed the traceback
            return self._give_up(group)
        except StoreError as error:
            log.error("%s could not be compiled: %s", _named(group), error)  # noqa: TRY400 - the message says what to do
            return _Verdict.POSTPONED if error.retryable else self._give_up(group)
        finally:
            self._idle.put(worker)
        return _Verdict.COMPILED

    def _give_up(self, group: Group) -> _Verdict:
        try:
            self._store.replace(group, {})
        except StoreError as error:
            log.error("%s stays pending: %s", _named(group), error)  # noqa: TRY400 - the message says what to do
        return _Verdict.FAILED


def _named(group: Group) -> str:
    names = sorted(group.values) or sorted(group.trace_ids)
    return f"session {names[0]}" if names else "a session without ids"
