"""Telemetry of groups to the rows that are stored for them, in worker processes of this machine.

What makes rows is a `Maker`, so that the compiler does not ask where the work is done.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Final, Protocol

from clawtrace_otel.cli.worker import Packed, Worker, WorkFailedError, WorkStoppedError
from collector.errors import StoreError

if TYPE_CHECKING:
    from collector.store import DerivedRows, Group, Signals, TelemetryStore
    from collector.store.lake_address import LakeAddress
    from processors.pricing.overrides import PriceText

log = logging.getLogger("clawtrace.compile")

TOGETHER: Final = 128
"""Groups that are loaded with few queries and stored in one transaction, whose costs they share."""
TOGETHER_IN_LAKE: Final = 256
"""The same where every query and transaction asks a catalog on another machine."""
_BYTES_UNDER_WAY: Final = 32 * 1024 * 1024
"""What is loaded ahead of the workers, packed, unless one group takes more."""


@dataclass(frozen=True, slots=True)
class CompileJob:
    """Everything that one group is compiled from."""

    signals: Signals
    outcomes: Mapping[str, Mapping[str, object]]
    """The latest verdict by session id."""
    prices: Path | PriceText | None
    """A file of the user's own prices."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a group: its rows, or None and the reason."""

    group: Group
    rows: DerivedRows | None
    reason: str = ""


def together_in(place: Path | LakeAddress) -> int:
    """Return how many groups share a load and a transaction where telemetry is kept."""
    return TOGETHER if isinstance(place, Path) else TOGETHER_IN_LAKE


class Maker(Protocol):
    """Compiles groups."""

    def made(self, groups: Iterable[Group]) -> Generator[Made, None, None]:
        """Yield what became of each group once, leaving out what must wait. Raises StoreError."""
        ...

    def close(self) -> None:
        """Stop, also in the middle of a group; what was not yielded is as if it had not been begun."""
        ...


class LocalMaker:
    """Compiles in processes of this machine; while they work, the next groups are loaded."""

    def __init__(
        self,
        store: TelemetryStore,
        workers: Sequence[Worker[CompileJob, DerivedRows]],
        prices: Path | PriceText | None = None,
        together: int = TOGETHER,
    ) -> None:
        self._store = store
        self._together = together
        self._prices = prices
        self._workers = workers
        self._free: SimpleQueue[Worker[CompileJob, DerivedRows]] = SimpleQueue()
        for worker in workers:
            self._free.put(worker)
        self._stopping = Event()

    def made(self, groups: Iterable[Group]) -> Generator[Made, None, None]:
        """Yield what became of each group, in order."""
        threads = ThreadPoolExecutor(len(self._workers))
        try:
            yield from (made for made in self._made(threads, groups) if made is not None)
        finally:
            # Whoever stops asking, or is interrupted, does not wait for the groups under way: `close` ends those.
            threads.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Stop at once."""
        self._stopping.set()
        for worker in self._workers:
            worker.close()

    def _made(self, threads: ThreadPoolExecutor, groups: Iterable[Group]) -> Iterator[Made | None]:
        under_way: deque[tuple[int, Future[Made | None]]] = deque()
        for group, job in self._jobs(groups):
            if isinstance(job, str):
                under_way.append((0, threads.submit(Made, group, None, job)))
                continue
            while under_way and sum(size for size, _ in under_way) + len(job) > _BYTES_UNDER_WAY:
                yield under_way.popleft()[1].result()
            under_way.append((len(job), threads.submit(self._rows, group, job)))
        for _, made in under_way:
            yield made.result()

    def _jobs(self, groups: Iterable[Group]) -> Iterator[tuple[Group, Packed[CompileJob] | str]]:
        """Yield what each group is compiled from, or why it cannot be read; leave out what must wait."""
        waiting = iter(groups)
        while (some := list(islice(waiting, self._together))) and not self._stopping.is_set():
            given = 0
            try:
                for pair in zip(some, self._loaded(some), strict=True):
                    given += 1
                    yield pair
            except StoreError:
                yield from self._jobs_one_by_one(some[given:])

    def _jobs_one_by_one(self, groups: Iterable[Group]) -> Iterator[tuple[Group, Packed[CompileJob] | str]]:
        """Find out which of some groups it is that the store cannot load."""
        for group in groups:
            try:
                (job,) = self._loaded([group])
            except StoreError as error:
                if error.retryable:
                    log.error("%s could not be loaded: %s", named(group), error)  # noqa: TRY400 - the message says what to do
                else:
                    yield group, f"it could not be loaded: {error}"
            else:
                yield group, job

    def _loaded(self, groups: Sequence[Group]) -> Iterator[Packed[CompileJob]]:
        ids = [group.values | group.trace_ids for group in groups]
        outcomes = self._store.outcomes(frozenset().union(*ids))
        for names, signals in zip(ids, self._store.load_all(groups), strict=True):
            verdicts = {name: outcomes[name] for name in names & outcomes.keys()}
            yield Packed(CompileJob(signals, verdicts, self._prices))

    def _rows(self, group: Group, job: Packed[CompileJob]) -> Made | None:
        """Return what became of a group, and nothing at all where it must wait."""
        worker = self._free.get()
        try:
            return Made(group, worker.run(job))
        except WorkStoppedError:
            return None
        except WorkFailedError as error:
            return Made(group, None, str(error))
        finally:
            self._free.put(worker)


def named(group: Group) -> str:
    """Return how a group is called in messages."""
    names = sorted(group.values) or sorted(group.trace_ids)
    return f"session {names[0]}" if names else "a session without ids"
