"""Several collectors on one lake: nothing acknowledged is lost and nothing counts twice, whatever fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

from collector.errors import QueryError
from collector.query import DuckQueries
from collector.store.lake import LakeStore
from collector.store.lake_care import clean_up, compact
from collector.store.lake_layout import open_lake_for_reading
from tests.scale.conftest import Lake, StartOnLake
from tests.scale.postgres import Postgres
from tests.scale.s3 import S3
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.load import COUNTS, Load
from tests.support.spans import request

_SENDERS = 2
_RAW = "SELECT count(*), count(DISTINCT span_id) FROM raw.spans"


@contextmanager
def under_load(load: Load, *collectors: RunningCollector) -> Iterator[None]:
    """Send to each collector, from several threads, for as long as the block lasts."""
    ended = threading.Event()
    with ThreadPoolExecutor(_SENDERS * len(collectors)) as threads:
        senders = [threads.submit(load.run_until, one, ended) for one in collectors for _ in range(_SENDERS)]
        try:
            yield
        finally:
            ended.set()
            for sender in senders:
                sender.result()


def wait_for_more(load: Load, spans: int = 100) -> None:
    """Return when so many more spans were acknowledged."""
    wanted, deadline = len(load.acknowledged) + spans, time.monotonic() + 60
    while len(load.acknowledged) < wanted:
        assert time.monotonic() < deadline, "nothing is acknowledged any more"
        time.sleep(0.02)


def test_two_collectors_and_a_reader(lake: Lake, start_on: StartOnLake) -> None:
    """While two collectors store, a reader without one sees no span twice and none vanish; in the end all are there."""
    first, second, load = start_on(lake), start_on(lake), Load()
    with closing(open_lake_for_reading(lake.address)) as database:
        queries, seen = DuckQueries(database), [0]
        with under_load(load, first, second):
            wait_for_more(load)
            for _ in range(5):
                acknowledged = len(load.acknowledged)
                ((rows, ids),) = counted(queries, "SELECT count(*), count(DISTINCT span_id) FROM spans")
                assert rows == ids >= max(acknowledged, seen[-1])
                seen.append(ids)
                wait_for_more(load, 20)
    load.finish(second)
    load.check(first)
    load.check(second)


def test_a_span_sent_to_both_at_once_counts_once(lake: Lake, start_on: StartOnLake) -> None:
    """What two collectors store at the same moment is there once when it is read, and after compaction once at all."""
    both = [start_on(lake), start_on(lake)]
    with ThreadPoolExecutor(2) as threads:
        for number in range(12):
            body, together = request(range(number * 16, number * 16 + 16)), threading.Barrier(2)

            def send(one: RunningCollector, body: bytes = body, together: threading.Barrier = together) -> int:
                together.wait()
                return one.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status

            assert set(threads.map(send, both)) == {200}
    assert both[0].sql("SELECT count(*) AS n FROM spans") == [{"n": 192}]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(RunningCollector.compile, both))
    counts = "count(*) AS n, count(DISTINCT session_id) AS ids, sum(llm_call_count)::BIGINT AS calls"
    sessions = f"SELECT {counts} FROM sessions"
    assert both[1].sql(sessions) == [{"n": 12, "ids": 12, "calls": 192}]
    with closing(LakeStore.at(lake.address)) as store:
        ((stored, ids),) = store.database.cursor().execute(_RAW).fetchall()
        done = compact(store.database)
        assert (ids, done.duplicates) == (192, stored - 192)
        assert store.database.cursor().execute(_RAW).fetchall() == [(192, 192)]
    assert both[0].sql(sessions) == [{"n": 12, "ids": 12, "calls": 192}]


def test_a_kill_in_the_middle_of_commits(lake: Lake, start_on: StartOnLake) -> None:
    """After kill -9 under load everything acknowledged is there once, the other goes on, and files left are removed."""
    other, load = start_on(lake), Load(spans_per_request=50)
    for _ in range(3):
        killed = start_on(lake)
        with under_load(load, killed, other):
            wait_for_more(load)
            killed.kill()
            wait_for_more(load)
    load.finish(other)
    load.check(other)
    assert other.compile()["failed"] == 0
    with closing(LakeStore.at(lake.address)) as store:
        compact(store.database)
        assert clean_up(store.database, older_than_s=0) > 0
    load.check(other)


def test_the_catalog_goes_away_and_comes_back(postgres: Postgres, lake: Lake, start_on: StartOnLake) -> None:
    """While PostgreSQL is away senders are told to come back; afterwards everything goes on without a restart."""
    first, second, load = start_on(lake), start_on(lake), Load()
    with under_load(load, first, second):
        wait_for_more(load)
        postgres.stop()
        try:
            refused, deadline = load.refused, time.monotonic() + 60
            while load.refused <= refused:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            postgres.start()
        wait_for_more(load)
    load.finish(first)
    load.check(second)
    assert first.compile()["failed"] == 0


def test_storage_is_unavailable_for_a_while(s3: S3, lake_on_s3: Lake, start_on: StartOnLake) -> None:
    """While S3 answers 503 nothing is acknowledged that is not stored; afterwards everything goes on."""
    collector, load = start_on(lake_on_s3), Load(spans_per_request=40)
    with under_load(load, collector):
        wait_for_more(load)
        s3.unavailable.set()
        try:
            refused, deadline = load.refused, time.monotonic() + 120
            while load.refused <= refused:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            s3.unavailable.clear()
        wait_for_more(load)
    load.finish(collector)
    load.check(collector)


def test_commands_read_without_a_collector(lake: Lake, start_on: StartOnLake) -> None:
    """`clawtrace sql --store` answers while a collector writes and when none runs; `lake compact` runs as a command."""
    collector = start_on(lake)
    assert collector.request("POST", "/v1/traces", request(range(32)), Content_Type=PROTOBUF).status == 200
    question = ["sql", "SELECT count(*) AS n FROM spans", "--format", "json", *lake.options]
    assert json.loads(command(*question))["rows"] == [[32]]
    assert collector.stop() == 0
    assert json.loads(command(*question))["rows"] == [[32]]
    assert "0 duplicates removed" in command("lake", "compact", *lake.options)
    assert "files deleted" in command("lake", "clean-up", *lake.options)


def test_a_backup_is_the_catalog_and_the_data(postgres: Postgres, lake: Lake, start_on: StartOnLake) -> None:
    """A dump of the catalog and then a copy of the data, taken under way, bring back all that was there at the dump."""
    collector = start_on(lake)
    assert collector.request("POST", "/v1/traces", request(range(320)), Content_Type=PROTOBUF).status == 200
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        source, target = lake.store.partition("dbname=")[2].split()[0], "restored"
        server = ["-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres"]
        postgres.run("pg_dump", *server, "-Fc", "-f", f"{folder}/catalog", source)
        assert collector.request("POST", "/v1/traces", request(range(320, 640)), Content_Type=PROTOBUF).status == 200
        shutil.copytree(lake.data, f"{folder}/data")
        assert collector.stop() == 0
        shutil.rmtree(lake.data)
        shutil.copytree(f"{folder}/data", lake.data)
        restored = Lake(f"ducklake:postgres:{postgres.make(target)}", lake.data, {})
        postgres.run("pg_restore", *server, "-d", target, f"{folder}/catalog")
    collector = start_on(restored)
    assert collector.sql(COUNTS) == [{"n": 320, "ids": 320}]
    assert collector.request("POST", "/v1/traces", request(range(640)), Content_Type=PROTOBUF).status == 200
    assert collector.sql(COUNTS) == [{"n": 640, "ids": 640}]


def test_plain_duckdb_reads_the_views(lake: Lake, start_on: StartOnLake) -> None:
    """A person's own DuckDB attaches the lake under any name and sees the views."""
    collector = start_on(lake)
    assert collector.request("POST", "/v1/traces", request(range(32)), Content_Type=PROTOBUF).status == 200
    assert collector.compile() == {"compiled": 2, "failed": 0}
    with closing(duckdb.connect(":memory:")) as own:
        for extension in lake.address.extensions():
            own.execute(f"LOAD '{extension}'")
        own.execute(f"ATTACH '{lake.store}' AS theirs (READ_ONLY)")
        assert own.execute("SELECT count(*), sum(llm_call_count)::INT FROM theirs.sessions").fetchall() == [(2, 32)]
        assert own.execute("SELECT count(*) FROM theirs.spans").fetchall() == [(32,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_parquet('s3://telemetry/**')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM duckdb_databases()",
        "SELECT * FROM raw.spans",
        "SELECT * FROM __ducklake_metadata_lake.ducklake_snapshot",
        "SELECT * FROM postgres_query('lake', 'SELECT 1')",
        "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)",
        "ATTACH 'x.duckdb'",
    ],
)
def test_outsiders_see_the_views_and_nothing_else(lake: Lake, query: str) -> None:
    """Neither the catalog, its credentials nor files can be reached through a question."""
    LakeStore.at(lake.address).close()
    with closing(open_lake_for_reading(lake.address)) as database:
        with pytest.raises(QueryError):
            DuckQueries(database).run(query)
        with pytest.raises(Exception, match="disabled by configuration"):
            database.cursor().execute("SELECT * FROM read_csv('/etc/passwd')")


def counted(queries: DuckQueries, query: str) -> list[tuple[int, ...]]:
    """Return the rows of a query for numbers."""
    return [tuple(row.values()) for row in queries.run(query).table.to_pylist()]


def command(*arguments: str) -> str:
    """Run `clawtrace`, which must succeed, and return what it printed."""
    said = subprocess.run([sys.executable, "-m", "clawtrace_otel", *arguments], capture_output=True, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout.decode()
