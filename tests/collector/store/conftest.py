"""The stores that keep the contract, each opened empty, and what the tests need to look into any of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from collector.store import TelemetryStore
from collector.store.duck import DuckStore
from collector.store.lake import LakeStore
from collector.store.lake_address import LakeAddress
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
        self.store: DuckStore = DuckStore.open(path)

    def rows(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        cursor = self.store.database.cursor()
        return sorted(cursor.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall(), key=repr)


class LakeUnderTest(DuckUnderTest):
    def __init__(self, address: LakeAddress) -> None:
        self.store = LakeStore.at(address)


@pytest.fixture(scope="session")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> LakeAddress:
    """Return a lake that was made once, to be copied: making one takes seconds."""
    pytest.importorskip("duckdb_extension_ducklake", reason="the lake needs the extra [lake]")
    folder = tmp_path_factory.mktemp("lake")
    address = LakeAddress.of(f"ducklake:{folder / 'catalog.ducklake'}", str(folder / "data"))
    LakeStore.at(address).close()
    return address


@pytest.fixture(params=["memory", "duck", "lake"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreUnderTest]:
    """Open an empty store of each kind."""
    made: StoreUnderTest
    if request.param == "memory":
        made = MemoryUnderTest()
    elif request.param == "duck":
        made = DuckUnderTest(tmp_path / "t.duckdb")
    elif not os.environ.get("CLAWTRACE_SCALE_TEST"):
        pytest.skip("make scale-test holds the lake against the contract")
    else:
        made = LakeUnderTest(copied(request.getfixturevalue("empty_lake"), tmp_path))
    yield made
    made.store.close()


def copied(lake: LakeAddress, folder: Path) -> LakeAddress:
    """Copy an empty lake's catalog; the copies share a place for their data, where no two files have one name."""
    return LakeAddress(str(shutil.copy(lake.catalog, folder)), lake.data)


@pytest.fixture
def store(opened: StoreUnderTest) -> TelemetryStore:
    """Return an empty store of each kind."""
    return opened.store
