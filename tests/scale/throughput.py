"""Spans a second that collectors on one lake take in, and whose CPU time they cost: `python -m tests.scale.throughput`.

Figures for docs/scale.md; nothing is judged by them. `--cores` holds each collector to a share of a core, so that the
collectors bind and not the machine that they share with PostgreSQL, storage and senders; `--rate` sends no more than so
many spans a second to each; `--s3` keeps the data on an S3 server instead of in a directory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.scale import cpu
from tests.scale.conftest import Lake, running_on
from tests.scale.postgres import Postgres, running_postgres
from tests.scale.s3 import BUCKET, running_s3
from tests.support.collector import RunningCollector
from tests.support.control_group import held_to

_SECONDS = 12.0
_FAR_APART = 10_000_000
_COMMITS = "clawtrace_commit_seconds_count"


@dataclass(frozen=True)
class Measured:
    """What a number of collectors did; CPU in seconds."""

    spans: int
    seconds: float
    commits: float
    cpu: dict[str, float]

    def __str__(self) -> str:
        each = ", ".join(f"{name} {used / self.spans * 1e6:.0f}" for name, used in self.cpu.items())
        return (
            f"{self.spans / self.seconds:,.0f} spans/s, {self.spans / self.commits:,.0f} spans a commit; "
            f"CPU a span in us: {each}; load {os.getloadavg()[0]:.1f}"
        )


def main() -> None:
    """Measure and print a line for each number of collectors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collectors", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--cores", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--spans", type=int, default=400, help="in a request")
    parser.add_argument("--s3", action="store_true")
    said = parser.parse_args()
    with running_postgres() as postgres, TemporaryDirectory() as folder:
        for number in said.collectors:
            with _lake(postgres, f"lake{number}", Path(folder), on_s3=said.s3) as lake:
                print(f"{number} collectors: {_measured(lake, number, postgres, said, Path(folder))}")  # noqa: T201


@contextmanager
def _lake(postgres: Postgres, name: str, folder: Path, *, on_s3: bool) -> Iterator[Lake]:
    store = f"ducklake:postgres:{postgres.make(name)}"
    if not on_s3:
        yield Lake(store, str(folder / name), {})
        return
    with running_s3() as s3:
        yield Lake(store, f"s3://{BUCKET}/{name}", s3.environment)


def _measured(lake: Lake, number: int, postgres: Postgres, said: argparse.Namespace, folder: Path) -> Measured:
    with ExitStack() as stack:
        collectors = [stack.enter_context(running_on(folder, lake)) for _ in range(number)]
        if said.cores:
            for one in collectors:
                stack.enter_context(held_to(said.cores, one.process.pid))
        before, commits = _used(collectors, postgres), _commits(collectors)
        senders = [_sender(one.http, (place + 1) * _FAR_APART, said) for place, one in enumerate(collectors)]
        answers = [json.loads(sender.communicate()[0]) for sender in senders]
        used = {name: now - before[name] for name, now in _used(collectors, postgres).items()}
        if not said.s3:
            del used["S3"]
        used["senders"] = sum(answer["cpu"] for answer in answers)
        seconds = max(answer["seconds"] for answer in answers)
        return Measured(sum(answer["spans"] for answer in answers), seconds, _commits(collectors) - commits, used)


def _used(collectors: list[RunningCollector], postgres: Postgres) -> dict[str, float]:
    # The S3 server is threads of this process, which does nothing else meanwhile.
    return {
        "collectors": sum(cpu.seconds(one.process.pid) for one in collectors),
        "PostgreSQL": cpu.seconds(postgres.pid),
        "S3": time.process_time(),
    }


def _commits(collectors: list[RunningCollector]) -> float:
    lines = [line for one in collectors for line in one.request("GET", "/metrics").body.decode().splitlines()]
    return sum(float(line.split()[-1]) for line in lines if line.startswith(_COMMITS))


def _sender(url: str, first: int, said: argparse.Namespace) -> subprocess.Popen[str]:
    arguments = [url, *(str(number) for number in (first, said.spans, said.rate, _SECONDS))]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.scale.sending", *arguments], stdout=subprocess.PIPE, text=True
    )


if __name__ == "__main__":
    main()
