"""Opening what telemetry is kept in: a database file, or a lake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clawtrace_otel.cli.locate import default_database
from collector.store.duck import DuckStore
from collector.store.opening import open_for_reading

if TYPE_CHECKING:
    from collector.store.engine import Database
    from collector.store.lake_address import LakeAddress
    from collector.store.lake_reach import Reach


def open_store(place: Path | LakeAddress) -> DuckStore:
    """Open a file or a lake to write. Raises StoreError."""
    if isinstance(place, Path):
        return DuckStore.open(place)
    from collector.store.lake import LakeStore

    return LakeStore.at(place)


def reach_of(store: DuckStore) -> Reach | None:
    """Return what tells whether a lake can be reached, None for a file."""
    from collector.store.lake import LakeStore

    return store.reach if isinstance(store, LakeStore) else None


def key_place(place: Path | LakeAddress) -> Path:
    """Return the file beside which secrets of this machine are kept; a lake's collectors are handed theirs."""
    return place if isinstance(place, Path) else default_database()


def open_to_read(place: Path | LakeAddress) -> Database:
    """Open a file that no process owns, or a lake, to read. Raises StoreError."""
    if isinstance(place, Path):
        return open_for_reading(place)
    from collector.store.lake_layout import open_lake_for_reading

    return open_lake_for_reading(place)
