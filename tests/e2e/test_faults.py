"""Small versions of what `make reliability` does for minutes: senders, clocks, connections, kills while migrating."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from collector.store.migrate import migrations
from tests.collector.store.test_migrate import made_at
from tests.reliability.clock import jumps
from tests.reliability.connections import REQUESTS, SPANS, open_files, used_together
from tests.reliability.migrations import usable
from tests.reliability.senders import SENDERS, well_behaved
from tests.support.collector import running_collector
from tests.support.load import COUNTS

TIMES = 5
CONNECTIONS = 150
FEW_FILES = 100
STATEMENTS_OF_A_MIGRATION = 5
"""BEGIN, the note's table, the migration, the note, COMMIT."""


def test_unruly_senders_harm_nobody(tmp_path: Path) -> None:
    """Whole requests count once however often they come, parts of requests never, and others are served meanwhile."""
    with running_collector(tmp_path / "unruly.duckdb") as collector, well_behaved(collector):
        for sender in SENDERS.values():
            sender(collector, TIMES)


def test_a_clock_that_jumps_delays_no_card(tmp_path: Path) -> None:
    """Sessions received under a wrong clock are compiled once it is right, and resent spans count once."""
    jumps(tmp_path)


def test_more_connections_than_a_shell_allows_files(tmp_path: Path) -> None:
    """A collector that was started with a low limit on open files raises it, and serves every connection."""
    with ExitStack() as stack:
        with open_files(FEW_FILES):
            collector = stack.enter_context(running_collector(tmp_path / "connections.duckdb"))
        asyncio.run(used_together(collector, CONNECTIONS))
        expected = CONNECTIONS * REQUESTS * SPANS
        assert collector.sql(COUNTS) == [{"n": expected, "ids": expected}]


@pytest.mark.parametrize("moment", [2, STATEMENTS_OF_A_MIGRATION - 1, STATEMENTS_OF_A_MIGRATION])
def test_a_kill_while_a_file_is_migrated_leaves_it_usable(tmp_path: Path, moment: int) -> None:
    """Killed inside a migration, before its commit, and between the commit and the checkpoint: the file opens."""
    path = tmp_path / "old.duckdb"
    made_at(path, migrations()[-2].number)
    statements_before = 2
    command = [sys.executable, "-m", "tests.reliability.migrations", str(path), str(moment + statements_before)]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0, "it was not killed"
    usable(path, spans=1)
