"""Turns sessions that have gone quiet into cards, beside the collector that takes telemetry in."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TypeAlias

from clawtrace_otel.cli.worker import Worker, WorkFailedError, WorkStoppedError
from collector.api import CompileCounts
from collector.errors import StoreError, StoreUnwritableError

if TYPE_CHECKING:
    from collector.store import DerivedRows, Group, Signals, TelemetryStore

    _Made: TypeAlias = tuple[Group, DerivedRows | None]

log = logging.getLogger("clawtrace.compile")

_END_OF_TIME: Final = 2**63 - 1
_ALL: Final = 2**31 - 1
_ROUND: Final = 1_000
"""Groups that one look for quiet ones takes up, so that a stop or a request to compile waits for few."""
_TOGETHER: Final = 128
"""Groups that are loaded with few queries and stored in one transaction, whose costs they share."""
_ROWS_TOGETHER: Final = 50_000
"""Derived rows that are stored in one transaction, unless one group has more."""
_ROWS_UNDER_WAY: Final = 10_000
"""Spans and log records that are loaded ahead of the workers, unless one session has more."""
_MOST_WORKERS: Final = 8
ALL_CORES: Final = min(_MOST_WORKERS, os.cpu_count() or 1)
"""Workers of a process that takes nothing in meanwhile; one that does leaves a core for that."""
_LONGEST_PAUSE_S: Final = 30.0
"""Between two attempts while the store takes nothing; what is made in between would be thrown away."""


@dataclass(frozen=True, slots=True)
class CompileJob:
    """Everything that one group is compiled from."""

    signals: Signals
    outcomes: Mapping[str, Mapping[str, object]]
    """The latest verdict by session id."""
    prices: Path | None
    """A file of the user's own prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileSettings:
    """When sessions are compiled, by which prices and budgets, and how much of the machine that may take."""

    prices: Path | None = None
    budgets: Path | None = None
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
        task: Callable[[CompileJob], DerivedRows],
        settings: CompileSettings,
        count: Callable[[CompileCounts], None] | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self.count = count
        """Told the counts of every round."""
        self.replace_all: Callable[[Sequence[tuple[Group, DerivedRows]]], None] = store.replace_all
        """What stores the rows of several groups in one transaction; from one thread at a time."""
        self._workers = [Worker(task, time_limit_s=settings.time_limit_s) for _ in range(settings.workers)]
        self._free: SimpleQueue[Worker[CompileJob, DerivedRows]] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
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
    def paused(self) -> Iterator[None]:
        """Compile nothing for as long as the block runs, so that nothing comes back that is being deleted."""
        with self._one_round:
            yield

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
        """Compile what has gone quiet; fold the log into the file when a quiet round follows a busy one."""
        busy, pause_s = False, self._settings.poll_s
        while not self._stopping.wait(pause_s):
            try:
                counts = self.compile_quiet()
                pause_s = self._settings.poll_s
                if busy and counts == CompileCounts(0, 0):
                    self._store.checkpoint()
                busy = counts != CompileCounts(0, 0)
            except StoreError as error:
                log.warning("quiet sessions stay pending: %s", error)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _compile(self, groups: Iterable[Group]) -> CompileCounts:
        """Compile groups side by side and store them many at a time."""
        total = CompileCounts(0, 0)
        with ThreadPoolExecutor(len(self._workers)) as threads:
            made = (result for result in self._made(threads, groups) if result is not None)
            for batch in _batches(made):
                failed = self._store_together(batch)
                total = CompileCounts(total.compiled + len(batch) - failed, total.failed + failed)
        if self.count is not None:
            self.count(total)
        return total

    def _made(self, threads: ThreadPoolExecutor, groups: Iterable[Group]) -> Iterator[_Made | None]:
        """Yield what the workers make of groups, in order; while they work, the next groups are loaded."""
        under_way: deque[tuple[int, Future[_Made | None]]] = deque()
        for group, job in self._jobs(groups):
            rows = len(job.signals.spans) + len(job.signals.logs) if job else 0
            while under_way and sum(weight for weight, _ in under_way) + rows > _ROWS_UNDER_WAY:
                yield under_way.popleft()[1].result()
            under_way.append((rows, threads.submit(self._rows, group, job)))
        for _, made in under_way:
            yield made.result()

    def _jobs(self, groups: Iterable[Group]) -> Iterator[tuple[Group, CompileJob | None]]:
        """Yield what each group is compiled from, None where it cannot be read; leave out what must wait."""
        waiting = iter(groups)
        while (some := list(islice(waiting, _TOGETHER))) and not self._stopping.is_set():
            given = 0
            try:
                for pair in zip(some, self._loaded(some), strict=True):
                    given += 1
                    yield pair
            except StoreError:
                yield from self._jobs_one_by_one(some[given:])

    def _jobs_one_by_one(self, groups: Iterable[Group]) -> Iterator[tuple[Group, CompileJob | None]]:
        """Find out which of some groups it is that the store cannot load."""
        for group in groups:
            try:
                (job,) = self._loaded([group])
            except StoreError as error:
                log.error("%s could not be loaded: %s", _named(group), error)  # noqa: TRY400 - the message says what to do
                if not error.retryable:
                    yield group, None
            else:
                yield group, job

    def _loaded(self, groups: Sequence[Group]) -> Iterator[CompileJob]:
        ids = [group.values | group.trace_ids for group in groups]
        outcomes = self._store.outcomes(frozenset().union(*ids))
        for named, signals in zip(ids, self._store.load_all(groups), strict=True):
            yield CompileJob(signals, {name: outcomes[name] for name in named & outcomes.keys()}, self._settings.prices)

    def _store_together(self, batch: Sequence[tuple[Group, DerivedRows | None]]) -> int:
        """Store in one transaction, or one by one where that is refused; return how many have no rows.

        Raises StoreUnwritableError where the disk takes none: all of them stay pending.
        """
        try:
            self.replace_all([(group, rows or {}) for group, rows in batch])
        except StoreUnwritableError:
            raise
        except (StoreError, ValueError):
            return sum(not self._store_alone(group, rows) for group, rows in batch)
        return sum(rows is None for _, rows in batch)

    def _store_alone(self, group: Group, rows: DerivedRows | None) -> bool:
        """Return whether the rows are stored; what the store refuses for good is taken off the pending list."""
        try:
            self.replace_all([(group, rows or {})])
        except (StoreError, ValueError) as error:
            log.error("%s could not be stored: %s", _named(group), error)  # noqa: TRY400 - the message says what to do
            if rows and not getattr(error, "retryable", False):
                self._store_alone(group, None)
            return False
        return rows is not None

    def _rows(self, group: Group, job: CompileJob | None) -> _Made | None:
        """Return a group's rows, None for rows that could not be made, and nothing at all where it must wait."""
        if job is None:
            return group, None
        worker = self._free.get()
        try:
            return group, worker.run(job)
        except WorkStoppedError:
            return None
        except WorkFailedError as error:
            log.error("%s could not be compiled and is skipped: %s", _named(group), error)  # noqa: TRY400 - the worker printed the traceback
            return group, None
        finally:
            self._free.put(worker)


def _batches(made: Iterable[_Made]) -> Iterator[Sequence[_Made]]:
    """Cut what was made into runs that are stored in one transaction each."""
    batch: list[_Made] = []
    row_count = 0
    for one in made:
        more = sum(map(len, (one[1] or {}).values()))
        if batch and (len(batch) == _TOGETHER or row_count + more > _ROWS_TOGETHER):
            yield batch
            batch, row_count = [], 0
        batch.append(one)
        row_count += more
    if batch:
        yield batch


def _named(group: Group) -> str:
    names = sorted(group.values) or sorted(group.trace_ids)
    return f"session {names[0]}" if names else "a session without ids"
