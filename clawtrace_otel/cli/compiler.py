"""Turns sessions that have gone quiet into cards, beside the collector that takes telemetry in."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.making import TOGETHER, CompileJob, LocalMaker, Made, Maker, named
from clawtrace_otel.cli.worker import Worker
from collector.api import CompileCounts
from collector.errors import StoreError, StoreUnwritableError

if TYPE_CHECKING:
    from collector.store import DerivedRows, Group, TelemetryStore

log = logging.getLogger("clawtrace.compile")

_END_OF_TIME: Final = 2**63 - 1
_ALL: Final = 2**31 - 1
_ROUND: Final = 1_000
"""Groups that one look for quiet ones takes up, so that a stop or a request to compile waits for few."""
_ROWS_TOGETHER: Final = 50_000
"""Derived rows that are stored in one transaction, unless one group has more."""
_MOST_WORKERS: Final = 8
ALL_CORES: Final = min(_MOST_WORKERS, os.cpu_count() or 1)
"""Workers of a process that takes nothing in meanwhile; one that does leaves a core for that."""
_LONGEST_PAUSE_S: Final = 30.0
"""Between two attempts while the store takes nothing; what is made in between would be thrown away."""


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
    together: int = TOGETHER
    """Groups that are loaded with one query and stored in one transaction."""
    workers: int = max(1, min(_MOST_WORKERS, (os.cpu_count() or 1) - 1))


class Compiler:
    """Compiles what the store says is pending, by a maker: in worker processes, where nothing else is said.

    A session whose compilation fails is logged, counted and taken off the pending list with no rows, so that it
    neither stops others nor is tried again before new telemetry arrives for it or someone asks for `--all`.
    """

    def __init__(
        self,
        store: TelemetryStore,
        task: Callable[[CompileJob], DerivedRows],
        settings: CompileSettings,
        count: Callable[[CompileCounts], None] | None = None,
        maker: Maker | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self.count = count
        """Told the counts of every round."""
        self.replace_all: Callable[[Sequence[tuple[Group, DerivedRows]]], None] = store.replace_all
        """What stores the rows of several groups in one transaction; from one thread at a time."""
        workers = [Worker(task, time_limit_s=settings.time_limit_s) for _ in range(settings.workers)]
        self._maker: Maker = maker or LocalMaker(store, workers, settings.prices, settings.together)
        self._one_round = threading.Lock()
        self._stopping = threading.Event()

    def compile(self, *, everything: bool) -> CompileCounts:
        """Compile the groups that are pending now, or every group, however recently they received something."""
        store, now_ns = self._store, time.time_ns()

        def joined() -> Sequence[Group]:
            # What content joined counts as received at the beginning of time.
            return store.quiet(idle_ns=now_ns, now_ns=now_ns, limit=_ALL)

        with self._one_round, store.claimed():
            groups = store.groups() if everything else store.quiet(idle_ns=0, now_ns=_END_OF_TIME, limit=_ALL)
            return self._compile_to_the_end(list(groups), joined)

    def compile_these(self, groups: Sequence[Group], joined: Callable[[], Sequence[Group]]) -> CompileCounts:
        """Compile groups whose telemetry the maker finds, whether or not the store holds it.

        `joined` is asked afterwards for those that grew together by what their content showed.
        """
        with self._one_round:
            return self._compile_to_the_end(groups, joined)

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
        self._maker.close()

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

    def _compile_to_the_end(self, groups: Sequence[Group], joined: Callable[[], Sequence[Group]]) -> CompileCounts:
        """Compile groups, then those that turned out to belong together, which count as one."""
        first = self._compile(groups)
        wholes = joined()
        second = self._compile(wholes)
        compiled = first.compiled - _taken_up(groups, wholes) + second.compiled
        return CompileCounts(compiled, first.failed + second.failed)

    def _compile(self, groups: Iterable[Group]) -> CompileCounts:
        """Compile groups and store them many at a time."""
        total = CompileCounts(0, 0)
        with closing(self._maker.made(groups)) as made:
            for batch in _batches(made, self._settings.together):
                for each in batch:
                    if each.rows is None:
                        log.error("%s could not be compiled and is skipped: %s", named(each.group), each.reason)
                failed = self._store_together([(each.group, each.rows) for each in batch])
                total = CompileCounts(total.compiled + len(batch) - failed, total.failed + failed)
        if self.count is not None:
            self.count(total)
        return total

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
            log.error("%s could not be stored: %s", named(group), error)  # noqa: TRY400 - the message says what to do
            if rows and not getattr(error, "retryable", False):
                self._store_alone(group, None)
            return False
        return rows is not None


def _batches(made: Iterable[Made], together: int) -> Iterator[Sequence[Made]]:
    """Cut what was made into runs that are stored in one transaction each."""
    batch: list[Made] = []
    row_count = 0
    for one in made:
        more = sum(map(len, (one.rows or {}).values()))
        if batch and (len(batch) == together or row_count + more > _ROWS_TOGETHER):
            yield batch
            batch, row_count = [], 0
        batch.append(one)
        row_count += more
    if batch:
        yield batch


def _taken_up(parts: Iterable[Group], wholes: Iterable[Group]) -> int:
    """Return how many groups have become parts of others."""
    traces = frozenset().union(*(whole.trace_ids for whole in wholes))
    return sum(not part.trace_ids.isdisjoint(traces) for part in parts)
