"""A real standalone Spark cluster on free ports of this machine: one master, and workers that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from tests.deploy.otelcol import free_port

_START_SECONDS = 120
_UNDER_WAY_SECONDS = 400
_END_SECONDS = 900
_JOB = "runJob"
"""How Spark calls the stage whose results come back to the command; what comes before is reading and sorting."""
LIGHT = ["--conf", "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"]
"""Java that starts quickly, for jobs of seconds."""
_MASTER, _WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"


@dataclass(frozen=True)
class Cluster:
    url: str
    workers: Sequence[subprocess.Popen[bytes]]

    def kill_worker(self) -> None:
        """Take a worker away with everything that it started, as when a machine loses its power."""
        worker = self.workers[0]
        for child in (*_descendants(worker.pid), worker.pid):
            os.kill(child, signal.SIGKILL)
        worker.wait()


@contextmanager
def running_cluster(workers: int = 2) -> Iterator[Cluster]:
    """Run a cluster whose workers have one core each; everything it writes goes into a folder that vanishes."""
    with TemporaryDirectory(prefix="clawtrace-spark-cluster-") as folder, ExitStack() as stack:
        port, web = free_port(), free_port()
        address = f"spark://127.0.0.1:{port}"
        stack.enter_context(_running(folder, _MASTER, "--port", str(port), "--webui-port", str(web)))
        options = ("--cores", "1", "--memory", "1g", "--work-dir", folder, "--webui-port", "0", address)
        started = [stack.enter_context(_running(folder, _WORKER, *options)) for _ in range(workers)]
        deadline = time.monotonic() + _START_SECONDS
        while (asked(f"http://127.0.0.1:{web}/json/") or {}).get("aliveworkers") != workers:
            assert time.monotonic() < deadline, "the workers do not come"
            time.sleep(0.2)
        yield Cluster(address, started)


@contextmanager
def _running(folder: str, program: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    package = find_spec("pyspark")
    assert package is not None
    assert package.origin is not None
    command = [str(Path(package.origin).parent / "bin" / "spark-class"), program, "--host", "127.0.0.1", *options]
    environment = {
        **os.environ,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": folder,
        "SPARK_DAEMON_MEMORY": "256m",
    }
    with (
        Path(folder, "log").open("ab") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def _descendants(parent: int) -> list[int]:
    """Return the processes that a process started, and those that they did."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, check=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found: list[int] = []
    reached = {parent}
    while more := [pid for pid, its_parent in pairs if its_parent in reached and pid not in found]:
        found += more
        reached |= set(more)
    return found


@dataclass(frozen=True)
class Stage:
    """How far the tasks of one stage of a job are."""

    done: int
    all: int


class RunningCommand:
    """A `clawtrace` command with `--engine spark`, whose progress Spark itself tells."""

    def __init__(self, master: str, *arguments: str) -> None:
        self._web = f"http://127.0.0.1:{(port := free_port())}/api/v1/applications"
        conf = [*LIGHT, "--conf", "spark.ui.enabled=true", "--conf", f"spark.ui.port={port}"]
        command = [sys.executable, "-m", "clawtrace_otel", *arguments, "--engine", "spark", "--master", master, *conf]
        environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> RunningCommand:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def stage(self) -> Stage | None:
        """Return the stage of results that is under way with the most tasks, None where there is none."""
        applications = asked(self._web)
        if not applications:
            return None
        active = asked(f"{self._web}/{applications[0]['id']}/stages?status=active") or []
        stages = [Stage(one["numCompleteTasks"], one["numTasks"]) for one in active if _JOB in one["name"]]
        return max(stages, key=lambda stage: stage.all, default=None)

    def wait_for(self, *, done: int, left: int) -> None:
        """Return once a stage has so many tasks behind it, and at least so many before it or under way."""
        deadline = time.monotonic() + _UNDER_WAY_SECONDS
        while True:
            assert self._process.poll() is None, self._process.communicate()
            assert time.monotonic() < deadline
            stage = self.stage()
            if stage is not None and stage.all >= done + left and stage.done >= done:
                assert stage.all - stage.done >= left, f"too late: {stage}"
                return
            time.sleep(0.02)

    def finish(self) -> str:
        """Return what the command printed, which must succeed."""
        said, errors = self._process.communicate(timeout=_END_SECONDS)
        assert self._process.returncode == 0, errors
        return said


def asked(url: str) -> Any:
    """Return what a Spark process answers, None where it does not."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
            return json.load(answer)
    except (URLError, OSError, ValueError):
        return None
