"""Which row groups are written anew as one, and what that may take of the memory."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from collector.store import duck, row_groups
from collector.store.duck import DuckStore
from tests.collector.store.builders import batch, span, trace

_GROUPS = "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('telemetry.spans')"
_TEXT = '{"text":"' + "word " * 200 + '"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a database may be made."""
    return tmp_path / "store.duckdb"


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ten rows of the text below be too much to unpack, and any log long enough to be folded."""
    monkeypatch.setattr(row_groups, "_UNPACKED", 10_000)
    monkeypatch.setattr(duck, "_SHORT_LOG", 0)


def append(store: DuckStore, count: int, numbers: range) -> None:
    """Store that many times the spans of those numbers, each time with a checkpoint."""
    for turn in range(count):
        store.append(batch([span(trace(turn + numbers.start), number, attributes=_TEXT) for number in numbers]))
        store.checkpoint()


def groups(store: DuckStore) -> int:
    """Return of how many row groups the spans are."""
    ((count,),) = store.database.cursor().execute(_GROUPS).fetchall()
    return int(count)


def test_small_groups_of_small_rows_become_one(path: Path) -> None:
    """However often a short log is folded, few groups are left."""
    with closing(DuckStore.open(path)) as store:
        append(store, 8, range(1, 21))
        assert groups(store) < 4


@pytest.mark.usefixtures("little_memory")
def test_groups_are_left_apart_where_merging_would_unpack_much(path: Path) -> None:
    """Large rows stay in the groups that they were folded in, also after the file was opened anew."""
    with closing(DuckStore.open(path)) as store:
        append(store, 4, range(1, 21))
        assert groups(store) == 4
    with closing(DuckStore.open(path)) as store:
        append(store, 2, range(100, 102))
        assert groups(store) == 6


def test_a_short_log_waits_where_nothing_is_merged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group of few rows would stay for ever; closing the file folds the log all the same."""
    monkeypatch.setattr(row_groups, "_UNPACKED", 10_000)
    with closing(DuckStore.open(path)) as store:
        append(store, 2, range(1, 21))
        assert store.database.log_bytes() > 0
    assert not path.with_name(f"{path.name}.wal").exists()


@pytest.mark.usefixtures("little_memory")
def test_groups_without_rows_are_dropped_all_the_same(path: Path) -> None:
    """What was deleted makes room for new telemetry where nothing is merged."""
    with closing(DuckStore.open(path)) as store:
        append(store, 4, range(1, 21))
        store.database.cursor().execute(f"DELETE FROM telemetry.spans WHERE trace_id = '{trace(2)}'")
        store.checkpoint()
        store.checkpoint()
        assert groups(store) == 3


@pytest.mark.usefixtures("little_memory")
def test_a_compacted_file_has_groups_that_fit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of a new file have as many rows as can be unpacked, in DuckDB's steps."""
    with closing(DuckStore.open(path)) as store:
        store.append(batch([span(trace(1), number, attributes=_TEXT) for number in range(1, 5_001)]))
        monkeypatch.setattr(row_groups, "_UNPACKED", 3_000 * len(_TEXT))
        store.compact()
        assert groups(store) == 3
