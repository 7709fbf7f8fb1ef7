"""A process beside ours for work that may take long, run out of memory or never end.

The collector keeps its interpreter lock for taking telemetry in, and a session that breaks its compiler breaks only
that process.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import wait
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_LOWER_PRIORITY = 10
"""Steps of niceness: taking telemetry in goes before compiling it."""
_OBJECTS_BEFORE_A_LOOK = 50_000
"""New objects after which cycles are looked for: what a job makes mostly lives as long as the job."""


class WorkFailedError(Exception):
    """A job raised, took too long or took its process down; the message says which."""


class WorkStoppedError(Exception):
    """The worker was closed while the job ran; the job is neither done nor at fault."""


class Packed(Generic[Job]):
    """A job as it goes to a worker: waiting, it takes less memory than its objects, and how much is known."""

    def __init__(self, job: Job) -> None:
        self._content = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)

    def __len__(self) -> int:
        """Return its bytes."""
        return len(self._content)

    def unpacked(self) -> Job:
        """Return the job anew."""
        job: Job = pickle.loads(self._content)  # noqa: S301 - packed by this program
        return job


class Worker(Generic[Job, Result]):
    """Runs `task` on one job at a time in a process that is replaced when it dies or overruns its time.

    `task` must be importable by name. `run` is for one thread at a time; `close` may be called from any.
    """

    def __init__(self, task: Callable[[Job], Result], *, time_limit_s: float) -> None:
        self._task = task
        self._time_limit_s = time_limit_s
        self._pool: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._closed = False

    def run(self, job: Job | Packed[Job]) -> Result:
        """Return the task's result. Raises `WorkFailedError`, or `WorkStoppedError` after `close`."""
        try:
            outcome = self._started().submit(_attempt, self._task, job).result(self._time_limit_s)
        except TimeoutError as error:
            self._discard(kill=True)
            raise WorkFailedError(f"took longer than {self._time_limit_s:g} s") from error
        except BrokenProcessPool as error:
            self._discard(kill=False)
            if self._closed:
                raise WorkStoppedError from error
            raise WorkFailedError("took its process down (out of memory, or a crash in native code)") from error
        if isinstance(outcome, _Failure):
            raise WorkFailedError(outcome.reason)
        return outcome

    def close(self) -> None:
        """Stop at once, also in the middle of a job."""
        self._closed = True
        self._discard(kill=True)

    def _started(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closed:
                raise WorkStoppedError
            if self._pool is None:
                with _interrupts_blocked():
                    self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_prepare)
                    self._pid = self._pool.submit(os.getpid).result()
            return self._pool

    def _discard(self, *, kill: bool) -> None:
        with self._lock:
            pool, pid = self._pool, self._pid
            self._pool = self._pid = None
        if kill and pid is not None:
            _kill(pid)
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str


def _attempt(task: Callable[[Job], Result], job: Job | Packed[Job]) -> Result | _Failure:
    """Run the task in the worker; an exception goes back as words, since not every exception can be pickled."""
    try:
        return task(job.unpacked() if isinstance(job, Packed) else job)
    except Exception as error:  # noqa: BLE001 - the job is foreign data: whatever it provokes is the job's failure
        traceback.print_exc()
        return _Failure(f"{type(error).__name__}: {error}")


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keep Ctrl-C from processes started in the block until they can ignore it; the signal mask is inherited."""
    resource_tracker.ensure_running()  # otherwise it is started within the block, and unblocks the signal at its end
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _prepare() -> None:
    """Leave Ctrl-C to the parent, give way to it, and die with it, however it dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_LOWER_PRIORITY)
    gc.set_threshold(_OBJECTS_BEFORE_A_LOOK)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
