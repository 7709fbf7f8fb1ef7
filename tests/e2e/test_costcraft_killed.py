"""`clawtrace distill` killed in the middle of its replays goes on where it was, to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.test_costcraft import BASE, ROOT, run_desk
from tests.e2e.watched_desk import DONE, STOP_AT
from tests.support.collector import RunningCollector

RESULTS = ("SKILL.md", "patches.json", "rejected.json", "report.md")


def distilling(collector: RunningCollector, out: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start a run that replays at the watched desk."""
    given = ["--skill", str(BASE), "--out", str(out), "--environment", "tests.e2e.watched_desk:WatchedDesk"]
    environment = os.environ | {"CLAWTRACE_ENDPOINT": collector.http} | variables
    command = [sys.executable, "-m", "clawtrace_otel", "distill", *given]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def replays(log: Path) -> int:
    """Return how many replays were begun."""
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


def finished(run: subprocess.Popen[bytes]) -> None:
    """Wait for a run that must succeed."""
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors.decode()


def test_a_killed_run_repeats_no_replay(collector: RunningCollector, tmp_path: Path) -> None:
    """Only the replay that was under way when `kill -9` came is done again, and every file is as of an unbroken run."""
    run_desk(collector, BASE, "base")
    unbroken, log = tmp_path / "unbroken", tmp_path / "unbroken.log"
    finished(distilling(collector, unbroken, **{DONE: str(log)}))
    needed = replays(log)
    assert needed > 10

    broken, log = tmp_path / "broken", tmp_path / "broken.log"
    stop_at = needed // 2
    with distilling(collector, broken, **{DONE: str(log), STOP_AT: str(stop_at)}) as run:
        deadline = time.monotonic() + 60
        while replays(log) < stop_at and time.monotonic() < deadline:
            assert run.poll() is None
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
    assert not any((broken / name).exists() for name in RESULTS)
    finished(distilling(collector, broken, **{DONE: str(log)}))
    assert replays(log) == needed + 1
    for name in RESULTS:
        assert (broken / name).read_bytes() == (unbroken / name).read_bytes(), name
    finished(distilling(collector, broken, **{DONE: str(log)}))
    assert replays(log) == needed + 1
