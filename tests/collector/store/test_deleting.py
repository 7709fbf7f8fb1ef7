"""A deleted session is gone from every table, and only it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

import pytest

from collector.errors import StoreError
from collector.store import Deleted, DerivedRows, TelemetryStore
from collector.store.duck import DuckStore
from collector.store.engine import copy_path
from tests.collector.store.builders import NOW, SECOND, batch, log, point, session, span, trace
from tests.collector.store.conftest import StoreUnderTest
from tests.support.bytes import places

KEY = "session.id"
ON_ONE_MACHINE = pytest.mark.parametrize("opened", ["memory", "duck"], indirect=True)
"""A lake refuses, in words."""


def fill(store: TelemetryStore, name: str, number: int, *, spans: int = 3) -> None:
    """Store a session with something of every kind, and derive rows from it."""
    attributes = f'{{"{KEY}":"{name}","text":"said in {name}"}}'
    store.append(
        batch(
            [span(trace(number), n, name=f"of {name}", attributes=attributes) for n in range(spans)],
            [log(trace_id=trace(number), body=f'"{name}"'), log(correlation_value=name, body=f'"{name}"')],
            [
                point(attributes=attributes, value_int=number),
                point(name="exemplar", data=f'{{"exemplars":[{{"traceId":"{trace(number)}"}}]}}'),
                point(name="of all", value_int=number, attributes=f'{{"note":"{name}"}}'),
            ],
            edges=[(trace(number), name, None)],
        )
    )
    for group in store.quiet(idle_ns=0, now_ns=NOW + SECOND, limit=99):
        if name in group.values:
            store.replace(group, derived(name, number))
    store.record_outcome({"session_id": name, "passed": True, "recorded_at": NOW})


def derived(name: str, number: int) -> DerivedRows:
    """Return the rows of a session with a breach of its own and one of a day."""
    rows = session(name)
    (row,) = rows["sessions"]
    breach: Mapping[str, object] = {"rule": "r", "state": "over", "breached_at": NOW, "session_id": name}
    said = [
        {**breach, "breach_id": f"b {number}", "per": "session"},
        {**breach, "breach_id": f"d {number}", "per": "day"},
    ]
    steps = [{**step, "arguments": f"asked in {name}"} for step in rows["steps"]]
    return {**rows, "steps": steps, "sessions": [{**row, "trace_ids": [trace(number)]}], "budgets": said}


def patch(*names: str) -> Mapping[str, object]:
    """Return a patch that names sessions as evidence."""
    return {"patch_id": f"from {'+'.join(names)}", "session_ids": names, "saving_usd": Decimal(1), "recorded_at": NOW}


@ON_ONE_MACHINE
def test_a_deleted_session_is_gone_and_only_it(opened: StoreUnderTest) -> None:
    """Its telemetry, what was derived, verdicts, breaches, and patches that cite it; nothing of any other."""
    store = opened.store
    fill(store, "keep", 1)
    fill(store, "gone", 2)
    store.append_rows("patches", [patch("keep"), patch("keep", "gone")])
    assert store.delete(["gone"], [KEY]) == Deleted(sessions=1, spans=3, logs=2, metric_points=2)
    assert {row[0] for row in opened.rows("spans", "name")} == {"of keep"}
    assert opened.rows("logs", "body") == [('"keep"',), ('"keep"',)]
    assert sorted(opened.rows("metric_points", "name", "value_int"), key=repr) == [
        ("exemplar", 1),
        ("of all", 1),
        ("of all", 2),
        ("tokens", 1),
    ]
    for table in ("sessions", "steps", "findings", "ledger", "tracecards", "outcomes"):
        assert {row[0] for row in opened.rows(table, "session_id")} == {"keep"}, table
    assert opened.rows("patches", "patch_id") == [("from keep",)]
    assert {(row["breach_id"], row["session_id"]) for row in store.unposted(9)} == {
        ("b 1", "keep"),
        ("d 1", "keep"),
        ("d 2", None),
    }
    assert [sorted(group.values) for group in store.groups()] == [["keep"]]
    assert store.delete(["gone"], [KEY]) == Deleted()


@ON_ONE_MACHINE
def test_what_is_sent_again_afterwards_is_new(opened: StoreUnderTest) -> None:
    """A span of a deleted session that its agent resends is stored, once."""
    store = opened.store
    fill(store, "gone", 2)
    store.delete(["gone"], [KEY])
    for _ in range(2):
        store.append(batch([span(trace(2), 0)]))
    assert opened.rows("spans", "span_id") == [(f"{0:016x}",)]


@ON_ONE_MACHINE
def test_without_bodies_the_card_stays(opened: StoreUnderTest) -> None:
    """Telemetry goes, and the content that steps repeat; cards, money and verdicts stay."""
    store = opened.store
    fill(store, "old", 1)
    assert store.delete(["old"], [KEY], keep_cards=True) == Deleted(spans=3, logs=2, metric_points=2)
    assert opened.rows("spans", "name") == []
    assert opened.rows("sessions", "session_id") == [("old",)]
    assert opened.rows("steps", "arguments", "step_id") == [(None, "0"), (None, "1")]
    assert opened.rows("outcomes", "session_id") == [("old",)]
    assert len(opened.rows("tracecards", "yaml")) == 1


@ON_ONE_MACHINE
def test_a_trace_that_others_share_stays(opened: StoreUnderTest) -> None:
    """Two sessions of one trace: deleting one leaves the telemetry of the other, which is compiled again."""
    store = opened.store
    store.append(batch([span(trace(1), n) for n in range(3)]))
    (group,) = store.groups()
    parts = [{"session_id": name, "trace_ids": [trace(1)], "started_at": NOW} for name in ("a", "b")]
    store.replace(group, {"sessions": parts})
    assert store.delete(["a"], [KEY]).spans == 0
    assert opened.rows("sessions", "session_id") == [("b",)]
    assert len(opened.rows("spans", "span_id")) == 3


@ON_ONE_MACHINE
def test_of_two_sessions_that_grew_together_one_can_go(opened: StoreUnderTest) -> None:
    """What names only the one goes, also under an id that telemetry sends without the service behind it."""
    store = opened.store
    points = [point(value_int=n, attributes=f'{{"{KEY}":"{name}"}}') for n, name in enumerate(("a", "b"))]
    both = [(trace(1), "a", None), (trace(2), "b", None), (trace(1), "shared", None), (trace(2), "shared", None)]
    store.append(batch([span(trace(1), 1), span(trace(2), 2)], points=points, edges=both))
    (group,) = store.groups()
    named = {"service_name": "s", "started_at": NOW}
    parts = [{**named, "session_id": f"{name}@s", "trace_ids": [trace(n)]} for n, name in ((1, "a"), (2, "b"))]
    store.replace(group, {"sessions": parts})
    assert store.delete(["a@s"], [KEY]) == Deleted(sessions=1, spans=1, metric_points=1)
    assert opened.rows("spans", "trace_id") == [(trace(2),)]
    assert opened.rows("metric_points", "value_int") == [(1,)]
    (left,) = store.quiet(idle_ns=0, now_ns=NOW + SECOND, limit=9)
    assert left.trace_ids == {trace(2)}, "what is left is compiled again"
    assert "a" not in left.values


@pytest.fixture
def duck(tmp_path: Path) -> DuckStore:
    """Return an empty store on disk."""
    return DuckStore.open(tmp_path / "erased.duckdb")


def test_no_byte_of_a_deleted_session_is_left(duck: DuckStore, tmp_path: Path) -> None:
    """Neither as it was nor compressed, in the file or its log; before it stood in both. All else is as it was."""
    path, marker = tmp_path / "erased.duckdb", "3f9c1e7b5d2a48608e17"
    for number in range(1, 6):
        fill(duck, marker if number == 3 else f"{number}" * 20, number, spans=400)
    assert places(path, marker), "the search finds it where it is"
    duck.checkpoint()
    before = places(path, marker)
    assert before == ["erased.duckdb as it is", "erased.duckdb in zstd"]
    duck.delete([marker], [KEY])
    duck.checkpoint()
    assert places(path, marker), "deleting rows alone leaves their bytes"
    duck.compact()
    assert places(path, marker) == []
    assert duck.append(batch([span(trace(1), 0, name="again")])).duplicate_spans == 1
    duck.close()
    assert places(path, marker) == []
    with closing(DuckStore.open(path)) as again:
        counts = "SELECT count(*), count(DISTINCT trace_id), count(*) FILTER (name LIKE 'of %') FROM spans"
        assert again.database.cursor().execute(counts).fetchall() == [(1600, 4, 1600)]


def test_compacting_keeps_every_row_and_its_compression(duck: DuckStore) -> None:
    """Everything that the tables hold is the same afterwards, bodies are in zstd, and writing goes on."""
    for number in range(1, 4):
        fill(duck, f"s{number}", number, spans=300)
    duck.checkpoint()
    tables = "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL"
    names = [name for (name,) in duck.database.cursor().execute(tables).fetchall()]
    before = {name: duck.database.cursor().execute(f"FROM {name} ORDER BY ALL").fetchall() for name in names}
    duck.compact()
    assert {name: duck.database.cursor().execute(f"FROM {name} ORDER BY ALL").fetchall() for name in names} == before
    packed = "SELECT DISTINCT compression FROM pragma_storage_info('telemetry.spans') WHERE column_name = 'attributes'"
    assert ("ZSTD",) in duck.database.cursor().execute(packed).fetchall()
    fill(duck, "later", 9)
    with pytest.raises(Exception, match="Permission"):
        duck.database.cursor().execute("SELECT * FROM read_csv('/etc/hostname')")
    duck.close()


def test_compacting_waits_for_readers_and_gives_up(duck: DuckStore, tmp_path: Path) -> None:
    """While somebody reads nothing is exchanged; the store goes on as before, and no copy is left."""
    fill(duck, "x", 1)
    reading = duck.database.cursor()
    with pytest.raises(StoreError, match="is being read"):
        duck.compact(patience_s=0.05)
    assert reading.execute("SELECT count(*) FROM spans").fetchall() == [(3,)]
    assert not copy_path(tmp_path / "erased.duckdb").exists()
    fill(duck, "y", 2)
    del reading
    duck.compact()
    duck.close()


def test_writers_wait_while_a_file_is_compacted(duck: DuckStore) -> None:
    """What arrives during it is stored after it, and none of it is lost."""
    fill(duck, "x", 1, spans=2000)
    done = Event()

    def write() -> None:
        number = 100
        while not done.is_set():
            duck.append(batch([span(trace(number), 1)]))
            number += 1
        written.append(number - 100)

    written: list[int] = []
    thread = Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            duck.compact()
    finally:
        done.set()
        thread.join()
    assert duck.database.cursor().execute("SELECT count(*) FROM spans").fetchall() == [(2000 + written[0],)]
    duck.close()


def test_what_a_killed_compaction_left_is_removed(tmp_path: Path) -> None:
    """The copy holds what a person asked to be deleted next: it does not stay beside the file."""
    path = tmp_path / "erased.duckdb"
    DuckStore.open(path).close()
    copy_path(path).write_bytes(b"half a copy")
    DuckStore.open(path).close()
    assert [file.name for file in tmp_path.iterdir()] == ["erased.duckdb"]


@pytest.mark.parametrize("moment", range(3))
def test_a_kill_while_compacting_loses_nothing(tmp_path: Path, moment: int) -> None:
    """After kill -9 at some moment of a compaction the file opens, holds every row once, and no copy is left."""
    path = tmp_path / "killed.duckdb"
    with closing(DuckStore.open(path)) as store:
        for number in range(1, 4):
            fill(store, f"s{number}", number, spans=2_000)
    program = """
import sys, threading, os
from pathlib import Path
from collector.store.duck import DuckStore
store = DuckStore.open(Path(sys.argv[1]))
threading.Timer(float(sys.argv[2]), lambda: os.kill(os.getpid(), 9)).start()
print("compacting", flush=True)
while True:
    store.compact()
"""
    command = [sys.executable, "-c", program, str(path), str(0.05 + 0.17 * moment)]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == -signal.SIGKILL
    with closing(DuckStore.open(path)) as store:
        counts = "SELECT count(*), count(DISTINCT span_id || trace_id) FROM spans"
        assert store.database.cursor().execute(counts).fetchall() == [(6_000, 6_000)]
    assert [file.name for file in tmp_path.iterdir()] == ["killed.duckdb"]
