"""How fast a collector on a lake makes cards, and whose CPU time that costs: `python -m tests.scale.cards`.

Figures for docs/scale.md; nothing is judged by them. Sessions are sent at once, and the collectors that `serve` starts
compile them as soon as they have gone quiet. `--s3` keeps the data on an S3 server instead of in a directory.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.scale import cpu
from tests.scale.conftest import Lake, running_on
from tests.scale.postgres import Postgres, running_postgres
from tests.scale.s3 import BUCKET, running_s3
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request

_PER_REQUEST = 50
_IDLE_S = 3
_LONGEST_S = 600
_COUNT = "SELECT count(*) AS n FROM sessions"


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collectors", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--spans", type=int, default=4, help="of a session")
    parser.add_argument("--s3", action="store_true")
    said = parser.parse_args()
    with running_postgres() as postgres, TemporaryDirectory() as folder, ExitStack() as stack:
        lake = stack.enter_context(_lake(postgres, Path(folder), on_s3=said.s3))
        options = ["--idle-seconds", str(_IDLE_S)]
        collectors = [stack.enter_context(running_on(Path(folder), lake, *options)) for _ in range(said.collectors)]
        _send(collectors, said.sessions, said.spans)
        before, started = _used(collectors, postgres), time.monotonic()
        first_at = _wait(collectors[0], 1)
        last_at = _wait(collectors[0], said.sessions)
        used = {name: now - before[name] for name, now in _used(collectors, postgres).items()}
        each = ", ".join(f"{name} {seconds / said.sessions * 1e3:.1f}" for name, seconds in used.items())
        print(  # noqa: T201
            f"{said.sessions} sessions of {said.spans} spans: first cards after {first_at - started:.1f} s, all after"
            f" {last_at - started:.1f} s; CPU a session in ms: {each}; load {os.getloadavg()[0]:.1f}"
        )


@contextmanager
def _lake(postgres: Postgres, folder: Path, *, on_s3: bool) -> Iterator[Lake]:
    store = f"ducklake:postgres:{postgres.make('lake')}"
    if not on_s3:
        yield Lake(store, str(folder / "data"), {})
        return
    with running_s3() as s3:
        yield Lake(store, f"s3://{BUCKET}/lake", s3.environment)


def _send(collectors: list[RunningCollector], sessions: int, spans: int) -> None:
    for first in range(0, sessions, _PER_REQUEST):
        numbers = range(first * spans, min(first + _PER_REQUEST, sessions) * spans)
        one = collectors[first // _PER_REQUEST % len(collectors)]
        body = request(numbers, spans_per_trace=spans)
        assert one.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200


def _wait(collector: RunningCollector, sessions: int) -> float:
    deadline = time.monotonic() + _LONGEST_S
    while collector.sql(_COUNT)[0]["n"] < sessions:
        assert time.monotonic() < deadline, collector.logged()
        time.sleep(0.5)
    return time.monotonic()


def _used(collectors: list[RunningCollector], postgres: Postgres) -> dict[str, float]:
    # The S3 server is threads of this process, which only asks now and then meanwhile.
    return {
        "collectors": sum(cpu.seconds(one.process.pid) for one in collectors),
        "PostgreSQL": cpu.seconds(postgres.pid),
        "S3": time.process_time(),
    }


if __name__ == "__main__":
    main()
