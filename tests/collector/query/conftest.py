"""The store that is asked, and the gate to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.query import DuckQueries, QueryLimits
from collector.store.duck import DuckStore
from tests.collector.query.filled import filled

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="package")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the database lies, with a secret beside it."""
    directory = tmp_path_factory.mktemp("queried")
    (directory / "secret.csv").write_text("secret\n42\n")
    return directory / "queried.duckdb"


@pytest.fixture(scope="package")
def store(path: Path) -> Iterator[DuckStore]:
    """Open a store with some thousand spans and one session; tests may add spans."""
    store = filled(path)
    yield store
    store.close()


@pytest.fixture
def queries(store: DuckStore) -> DuckQueries:
    """Return the gate to the store, with short limits."""
    return DuckQueries(store.database, QueryLimits(seconds=1.0, memory_bytes=512 * MEBIBYTE))
