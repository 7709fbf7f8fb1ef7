"""A worker survives whatever a job does to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clawtrace_otel.cli.worker import Worker, WorkFailedError, WorkStoppedError


class AwkwardError(Exception):
    """Cannot be unpickled: pickle would call it without its argument."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


def job(kind: str) -> str:
    """Do what the word says."""
    if kind == "raise":
        raise AwkwardError(reason="cannot be unpickled")
    if kind == "die":
        os._exit(7)
    if kind == "hang":
        threading.Event().wait()
    return f"{kind} by {os.getpid()}"


@contextmanager
def worker(time_limit_s: float = 60.0) -> Iterator[Worker[str, str]]:
    """Yield a worker, closed at the end."""
    made = Worker(job, time_limit_s=time_limit_s)
    try:
        yield made
    finally:
        made.close()


def test_jobs_run_in_one_other_process() -> None:
    """Jobs run in a process that is not ours and is kept."""
    with worker() as made:
        first, second = made.run("done"), made.run("done")
    assert first == second
    assert str(os.getpid()) not in first.split()


@pytest.mark.parametrize(
    ("kind", "said"), [("raise", "AwkwardError: cannot be unpickled"), ("die", "took its process")]
)
def test_a_failed_job_is_reported_and_the_next_one_runs(kind: str, said: str) -> None:
    """An exception or a dead process is that job's failure; the worker goes on."""
    with worker() as made:
        with pytest.raises(WorkFailedError, match=said):
            made.run(kind)
        assert made.run("done").startswith("done")


def test_a_job_that_never_ends_is_cut() -> None:
    """A job over its time is killed with its process; the worker goes on."""
    with worker(time_limit_s=2.0) as made:
        made.run("done")
        with pytest.raises(WorkFailedError, match="longer than 2 s"):
            made.run("hang")
        assert made.run("done").startswith("done")


def test_closing_interrupts_a_job() -> None:
    """A job under way when the worker is closed is neither done nor at fault."""
    with worker() as made:
        made.run("done")
        threading.Timer(0.2, made.close).start()
        with pytest.raises(WorkStoppedError):
            made.run("hang")
        with pytest.raises(WorkStoppedError):
            made.run("done")


def test_ctrl_c_does_not_reach_a_worker_that_is_starting() -> None:
    """A terminal interrupts every process it started; a worker is our own to stop, from its first moment on."""
    with worker() as made, _interrupting_children():
        assert made.run("done").startswith("done")


@contextmanager
def _interrupting_children() -> Iterator[None]:
    """Send SIGINT to each child of ours again and again for as long as the block lasts."""
    ended = threading.Event()

    def interrupt() -> None:
        while not ended.wait(0.005):
            for child in multiprocessing.active_children():
                if child.pid is not None:
                    os.kill(child.pid, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_the_process_dies_with_its_parent() -> None:
    """A worker whose parent was killed ends by itself."""
    script = (
        "import os, signal\n"
        "from clawtrace_otel.cli.worker import Worker\n"
        "print(Worker(os.getpgid, time_limit_s=60.0)._started().submit(os.getpid).result(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False)
    worker_pid, deadline = int(told.stdout), time.monotonic() + 30
    while _runs(worker_pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Whether the process exists and is no zombie that waits for its new parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
