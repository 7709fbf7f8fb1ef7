"""What every test may use: a real collector in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.collector import RunningCollector, running_collector

StartCollector = Callable[..., RunningCollector]


@pytest.fixture
def start_collector(tmp_path: Path) -> Iterator[StartCollector]:
    """Start `clawtrace serve` on free ports with the options given; stopped at the end of the test."""
    with ExitStack() as stack:

        def start(*options: str, database: Path = tmp_path / "collector.duckdb") -> RunningCollector:
            return stack.enter_context(running_collector(database, *options))

        yield start


@pytest.fixture
def collector(start_collector: StartCollector) -> RunningCollector:
    """Return a running collector with an empty database."""
    return start_collector()
