"""What every test may use: a real collector in a process of its own, and golden files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.collector import RunningCollector, running_collector

# `pytest --hypothesis-profile=default` tries more; so does `make reliability`, which fuzzes.
settings.register_profile("brief", max_examples=30, deadline=None)  # a busy machine is no failure
settings.load_profile("brief")

StartCollector = Callable[..., RunningCollector]


@pytest.fixture
def start_collector(tmp_path: Path) -> Iterator[StartCollector]:
    """Start `clawtrace serve` on free ports with the options given; stopped at the end of the test."""
    with ExitStack() as stack:

        def start(
            *options: str,
            database: Path = tmp_path / "collector.duckdb",
            environment: Mapping[str, str] | None = None,
        ) -> RunningCollector:
            return stack.enter_context(running_collector(database, *options, environment=environment))

        yield start


@pytest.fixture
def collector(start_collector: StartCollector) -> RunningCollector:
    """Return a running collector with an empty database."""
    return start_collector()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--golden`, with which `make golden` writes the golden files anew."""
    parser.addoption("--golden", action="store_true", help="write golden files instead of comparing with them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run only what writes golden files under `--golden`."""
    if config.getoption("--golden"):
        items[:] = [item for item in items if "golden" in getattr(item, "fixturenames", ())]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Return what compares text with a golden file, or writes the file under `--golden`."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: 'make golden' writes it anew"

    return check
