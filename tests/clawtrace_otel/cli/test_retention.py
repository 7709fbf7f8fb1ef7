"""The oldest sessions go first, whole, and never one that is still receiving."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from clawtrace_otel.cli import retention as module
from clawtrace_otel.cli.compiler import Compiler, CompileSettings
from clawtrace_otel.cli.making import CompileJob
from clawtrace_otel.cli.retention import Keep, Retention
from collector.errors import StoreError
from collector.metrics import Metrics
from collector.store import DerivedRows, Group
from collector.store.duck import DuckStore
from tests.collector.store.builders import NOW, SECOND, batch, log, point, span, trace

DAY = 86_400 * SECOND


def nothing(_: CompileJob) -> DerivedRows:
    """Compile nothing: these tests derive rows themselves."""
    return {}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckStore]:
    """Yield an empty store on disk."""
    with closing(DuckStore.open(tmp_path / "kept.duckdb")) as opened:
        yield opened


def add(
    store: DuckStore, number: int, *, days_ago: float, compiled: bool = True, rows: int = 2, size: int = 10
) -> None:
    """Store a session that was received some days ago, though its own clock says that it is from the future."""
    at = NOW - int(days_ago * DAY)
    text = Random(number)
    future = NOW + 900 * DAY
    spans = [
        span(
            trace(number),
            n,
            received_at=at,
            start_time_unix_nano=future,
            attributes=f'{{"text":"{text.randbytes(size).hex()}"}}',
        )
        for n in range(rows)
    ]
    logs = [log(trace_id=trace(number), received_at=at, body='"x"')]
    store.append(batch(spans, logs, [point(received_at=at, value_int=number)]))
    if compiled:
        group = Group(frozenset({trace(number)}), frozenset(), last_batch=2**60)
        sessions = [{"session_id": f"s{number}", "trace_ids": [trace(number)], "started_at": future}]
        steps = [{"session_id": f"s{number}", "step_id": "1", "arguments": "asked"}]
        cards = [{"session_id": f"s{number}", "yaml": "a: 1", "compiled_at": at}]
        store.replace(group, {"sessions": sessions, "steps": steps, "tracecards": cards})


def retention(store: DuckStore, metrics: Metrics | None = None, **keep: float) -> Retention:
    """Return what deletes, on a day that is known."""
    compiler = Compiler(store, nothing, CompileSettings(workers=1))
    return Retention(store, compiler, metrics or Metrics(), Keep(**keep), clock=lambda: NOW)


def kept(store: DuckStore, column: str = "session_id", view: str = "sessions") -> list[object]:
    """Return one column of a view, sorted."""
    rows = store.database.cursor().execute(f"SELECT {column} FROM {view} ORDER BY ALL").fetchall()
    return [value for (value,) in rows]


def exposed(metrics: Metrics, name: str) -> float:
    """Return a metric without labels as Prometheus reads it."""
    (line,) = [line for line in metrics.exposition().decode().splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


def test_what_received_nothing_for_the_days_goes_whole(store: DuckStore) -> None:
    """Age counts from what was received, not from what agents say of the time; younger ones are as they were."""
    for number, days in enumerate((40, 31, 29, 0), start=1):
        add(store, number, days_ago=days)
    metrics = Metrics()
    retention(store, metrics, days=30).look()
    assert kept(store) == ["s3", "s4"]
    assert kept(store, "DISTINCT trace_id", "spans") == [trace(3), trace(4)]
    assert kept(store, "value_int", "metric_points") == [3, 4]
    assert b'clawtrace_retired_sessions_total{reason="age"} 2.0' in metrics.exposition()


def test_a_clock_that_was_set_forward_is_not_believed_at_once(store: DuckStore) -> None:
    """What looks old then is kept for an hour, in which the clock may be set right; after it, it is really old."""
    add(store, 1, days_ago=0)
    now, uptime = NOW, 0
    compiler = Compiler(store, nothing, CompileSettings(workers=1))
    looks = Retention(store, compiler, Metrics(), Keep(days=30), clock=lambda: now, uptime=lambda: uptime)
    now, uptime = now + 365 * DAY, uptime + 60 * SECOND
    looks.look()
    assert kept(store) == ["s1"]
    now, uptime = now - 365 * DAY, uptime + 60 * SECOND
    looks.look()
    now, uptime = now + 365 * DAY, uptime + 60 * SECOND
    looks.look()
    assert kept(store) == ["s1"]
    now, uptime = now + 3_600 * SECOND, uptime + 3_600 * SECOND
    looks.look()
    assert kept(store) == []


def test_a_session_that_is_receiving_stays(store: DuckStore) -> None:
    """One that waits for compiling is not touched, however old its first part is; nor is what was never compiled."""
    add(store, 1, days_ago=40)
    store.append(batch([span(trace(1), 99, received_at=NOW - SECOND)]))
    add(store, 2, days_ago=40, compiled=False)
    retention(store, days=30, gigabytes=0.000001).look()
    assert kept(store) == ["s1"]
    assert kept(store, "DISTINCT trace_id", "spans") == [trace(1), trace(2)]


def test_a_late_span_makes_a_session_young_again(store: DuckStore) -> None:
    """The last thing that was received counts, also once it is compiled."""
    add(store, 1, days_ago=40)
    store.append(batch([span(trace(1), 99, received_at=NOW - DAY)]))
    (group,) = store.groups()
    store.replace(group, {"sessions": [{"session_id": "s1", "trace_ids": [trace(1)]}]})
    retention(store, days=30).look()
    assert kept(store) == ["s1"]


def test_cards_may_outlive_bodies(store: DuckStore) -> None:
    """After the days for bodies a session is its card; after its own days it is gone."""
    for number, days in enumerate((40, 20, 1), start=1):
        add(store, number, days_ago=days)
    retention(store, days=30, bodies_days=10).look()
    assert kept(store) == ["s2", "s3"]
    assert kept(store, "DISTINCT trace_id", "spans") == [trace(3)]
    assert kept(store, "arguments", "steps") == ["asked", None]
    assert kept(store, "yaml", "tracecards") == ["a: 1"] * 2
    retention(store, days=15).look()
    assert kept(store) == ["s3"]


def test_over_its_size_the_file_is_brought_under_it(store: DuckStore, tmp_path: Path) -> None:
    """The oldest go, the newest stay, and what they took is given back to the file system."""
    for number in range(1, 25):
        add(store, number, days_ago=25 - number, rows=20, size=20_000)
    store.checkpoint()
    before = (tmp_path / "kept.duckdb").stat().st_size
    metrics = Metrics()
    retention(store, metrics, gigabytes=before * 0.6 / 1e9).look()
    after = (tmp_path / "kept.duckdb").stat().st_size
    left = kept(store, "CAST(replace(session_id, 's', '') AS INTEGER)")
    assert after <= before * 0.6, (before, after)
    assert left == list(range(25 - len(left), 25)), "the newest are left, without a gap"
    assert len(left) > 6, "hardly more goes than must"
    assert exposed(metrics, "clawtrace_database_bytes") == after
    assert exposed(metrics, "clawtrace_returned_bytes_total") >= before - after


def test_where_no_room_can_be_returned_no_more_is_deleted(store: DuckStore, tmp_path: Path) -> None:
    """A reader in the way, look after look, costs the sessions of one look only; then the file is written anew."""
    for number in range(1, 21):
        add(store, number, days_ago=21 - number, rows=20, size=20_000)
    store.checkpoint()
    looking = retention(store, gigabytes=(tmp_path / "kept.duckdb").stat().st_size * 0.7 / 1e9)
    looking._owed = False
    reading = store.database.cursor()
    left = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "_PATIENCE_S", 0.01)
        for _ in range(3):
            with suppress(StoreError):
                looking.look()
            left.append(len(kept(store)))
    assert looking._owed, "the file was not written anew"
    assert 5 < left[0] < 20
    assert left == [left[0]] * 3
    del reading
    looking.look()
    assert len(kept(store)) == left[0]


def test_under_its_size_nothing_happens(store: DuckStore) -> None:
    """A file that is small enough is left alone."""
    add(store, 1, days_ago=400)
    retention(store, gigabytes=1.0).look()
    assert kept(store) == ["s1"]


def test_telemetry_of_no_session_goes_too(store: DuckStore) -> None:
    """What no session was made of does not grow for ever."""
    store.append(batch([], [log(received_at=NOW - 40 * DAY)], [point(received_at=NOW - 40 * DAY)]))
    store.append(batch([], [log(received_at=NOW, body='"new"')], [point(received_at=NOW, value_int=7)]))
    retention(store, days=30).look()
    assert kept(store, "body", "logs") == ['"new"']
    assert kept(store, "value_int", "metric_points") == [7]
