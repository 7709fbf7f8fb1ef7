"""A command that compiles beside collectors: each session is compiled once, by one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from tests.scale.conftest import Lake, StartOnLake
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import SPANS_PER_TRACE, request

_SESSIONS = 600
_PER_REQUEST = 100
_COMPILED = "clawtrace_compiled_sessions_total"


def send(collectors: list[RunningCollector], sessions: range) -> None:
    """Send sessions to collectors in turn."""
    for first in range(sessions.start, sessions.stop, _PER_REQUEST):
        numbers = range(first * SPANS_PER_TRACE, (first + _PER_REQUEST) * SPANS_PER_TRACE)
        one = collectors[first // _PER_REQUEST % len(collectors)]
        assert one.request("POST", "/v1/traces", request(numbers), Content_Type=PROTOBUF).status == 200


def compiled_by(collector: RunningCollector) -> int:
    """Return how many sessions a collector says that it compiled."""
    lines = collector.request("GET", "/metrics").body.decode().splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(_COMPILED))


def stored(collector: RunningCollector) -> int:
    """Return how many sessions have a card."""
    return int(collector.sql("SELECT count(*) AS n FROM sessions")[0]["n"])


def wait_for_cards(collector: RunningCollector, sessions: int) -> None:
    """Return once so many sessions have a card."""
    deadline = time.monotonic() + 150
    while stored(collector) < sessions:
        assert time.monotonic() < deadline, stored(collector)
        time.sleep(0.5)


def compiling(lake: Lake) -> subprocess.Popen[str]:
    """Start `clawtrace compile` on a lake."""
    command = [sys.executable, "-m", "clawtrace_otel", "compile", *lake.options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **lake.environment})


def test_a_command_and_collectors_share_the_work(lake: Lake, start_on: StartOnLake) -> None:
    """While two collectors compile, the command waits for its turn: what all of them compiled is each session once."""
    collectors = [start_on(lake, "--idle-seconds", "1") for _ in range(2)]
    send(collectors, range(_SESSIONS))
    wait_for_cards(collectors[0], 1)
    send(collectors, range(_SESSIONS, 2 * _SESSIONS))
    with compiling(lake) as command:
        said, _ = command.communicate(timeout=200)
    wait_for_cards(collectors[0], 2 * _SESSIONS)
    by_command, by_collectors = int(said.split()[0]), sum(map(compiled_by, collectors))
    assert said.endswith(" compiled, 0 failed\n")
    assert by_command + by_collectors == stored(collectors[0]) == 2 * _SESSIONS, (by_command, by_collectors)


def test_a_command_that_was_killed_stops_nobody_for_long(lake: Lake, start_on: StartOnLake) -> None:
    """A command killed while it compiles, or waits for its turn, leaves the rest to the collectors after a minute."""
    collector = start_on(lake, "--idle-seconds", "1")
    send([collector], range(_SESSIONS))
    with compiling(lake) as command:
        time.sleep(3)
        command.send_signal(signal.SIGKILL)
    wait_for_cards(collector, _SESSIONS)
