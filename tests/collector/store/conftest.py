"""The stores that keep the contract, each opened empty, and what the tests need to look into any of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from collector.store import TelemetryStore
from collector.store.duck import DuckStore
from collector.store.memory import MemoryStore


class StoreUnderTest(Protocol):
    """A store, and the rows behind its views."""

    @property
    def store(self) -> TelemetryStore:
        """The store itself."""
        ...

    def rows(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        """Return some columns of every row, sorted."""
        ...


class MemoryUnderTest:
    def __init__(self) -> None:
        self.store = MemoryStore()

    def rows(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        return sorted((tuple(row[name] for name in columns) for row in self.store.tables[table]), key=repr)


class DuckUnderTest:
    def __init__(self, path: Path) -> None:
        self.store = DuckStore.open(path)

    def rows(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        cursor = self.store.database.cursor()
        return sorted(cursor.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall(), key=repr)


@pytest.fixture(params=["memory", "duck"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreUnderTest]:
    """Open an empty store of each kind."""
    made: StoreUnderTest = MemoryUnderTest() if request.param == "memory" else DuckUnderTest(tmp_path / "t.duckdb")
    yield made
    made.store.close()


@pytest.fixture
def store(opened: StoreUnderTest) -> TelemetryStore:
    """Return an empty store of each kind."""
    return opened.store
