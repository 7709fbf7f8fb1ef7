"""A lake with a real PostgreSQL, and collectors on it; skipped where the extra [lake] or PostgreSQL is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

from collector.store.lake_address import LakeAddress
from tests.scale.postgres import Postgres, programs, running_postgres
from tests.scale.s3 import BUCKET, S3, running_s3
from tests.support.collector import START_SECONDS, RunningCollector

SWITCH = "CLAWTRACE_SCALE_TEST"
_numbers = count()


@dataclass(frozen=True)
class Lake:
    """What `--store` and `--data` say, and what the environment must."""

    store: str
    data: str
    environment: Mapping[str, str]

    @property
    def address(self) -> LakeAddress:
        """The same for a store in this process."""
        return LakeAddress.of(self.store, self.data)

    @property
    def options(self) -> list[str]:
        """The same for a command."""
        return ["--store", self.store, "--data", self.data]


StartOnLake = Callable[..., RunningCollector]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Return a running PostgreSQL."""
    if not os.environ.get(SWITCH):
        pytest.skip("faults of several processes take minutes: make scale-test")
    if find_spec("duckdb_extension_ducklake") is None or find_spec("duckdb_extension_postgres_scanner") is None:
        pytest.skip("the lake in PostgreSQL needs the extra: pip install 'clawtrace-otel[lake]' (make scale-test)")
    if programs() is None:
        pytest.skip("no PostgreSQL on this machine (make scale-test installs it)")
    with running_postgres() as server:
        yield server


@pytest.fixture
def s3() -> Iterator[S3]:
    """Return a running S3 server with an empty bucket."""
    if find_spec("moto") is None or find_spec("duckdb_extension_httpfs") is None:
        pytest.skip("the lake on S3 needs the extra [lake] and the group scale (make scale-test)")
    with running_s3() as server:
        yield server


@pytest.fixture
def lake(postgres: Postgres, tmp_path: Path) -> Lake:
    """Return an empty lake with its data in a directory."""
    dsn = postgres.make(f"lake{next(_numbers)}")
    return Lake(f"ducklake:postgres:{dsn}", str(tmp_path / "data"), {})


@pytest.fixture
def lake_on_s3(postgres: Postgres, s3: S3) -> Lake:
    """Return an empty lake with its data on S3."""
    dsn = postgres.make(f"lake{next(_numbers)}")
    return Lake(f"ducklake:postgres:{dsn}", f"s3://{BUCKET}/lake", s3.environment)


@pytest.fixture
def start_on(tmp_path: Path) -> Iterator[StartOnLake]:
    """Start `clawtrace serve` on a lake; stopped at the end of the test."""
    with ExitStack() as stack:

        def start(lake: Lake, *options: str) -> RunningCollector:
            return stack.enter_context(running_on(tmp_path, lake, *options))

        yield start


@contextmanager
def running_on(folder: Path, lake: Lake, *options: str) -> Iterator[RunningCollector]:
    """Run a collector on a lake, on free ports; its log goes into a folder."""
    log = folder / f"collector{next(_numbers)}.log"
    ports = ["--grpc-port", "0", "--http-port", "0"]
    command = [sys.executable, "-m", "clawtrace_otel", "serve", *lake.options, *ports, *options]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **lake.environment}
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text("utf-8", "replace")
            ready = json.loads(line)
            yield RunningCollector(process, folder, ready["grpc"], ready["http"], log)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(START_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
