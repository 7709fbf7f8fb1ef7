"""What only the store on disk does: survive, tell files apart, and show the views that outsiders rely on."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pytest

from collector.errors import CollectorError, NotOurDatabaseError, StoreError, StoreLockedError
from collector.store import Receipt
from collector.store.derived import ADDED, OUTCOMES, PER_SESSION
from collector.store.duck import DuckStore
from collector.store.migrate import migrations
from collector.store.opening import open_for_reading
from tests.collector.store.builders import NOW, SECOND, batch, log, point, session, span, trace

A, B = trace(1), trace(2)

CONTRACT = {
    "spans": "trace_id, span_id, parent_span_id, name, kind, start_time, end_time, duration_ns, status_code, "
    "status_message, service_name, scope_name, scope_version, attributes, resource_attributes, events, links, "
    "received_at",
    "logs": "trace_id, span_id, event_name, time, observed_time, severity_number, severity_text, body",
    "metric_points": "name, description, unit, type",
    "sessions": "session_id, task_id, agent_name, service_name, started_at, ended_at, duration_ms, models, "
    "llm_call_count, tool_call_count, sub_agent_count, error_count, input_tokens, cache_read_input_tokens, "
    "cache_write_input_tokens, output_tokens, reasoning_output_tokens, cost_usd, reported_cost_usd, "
    "unpriced_call_count, wasted_usd, outcome_score, outcome_passed, condition",
    "steps": "session_id, step_index, step_id, parent_step_id, trace_id, span_id, kind, name, agent_name, provider, "
    "model, request_id, tool_call_id, started_at, duration_ms, error_type, input_tokens, cache_read_input_tokens, "
    "cache_write_input_tokens, output_tokens, reasoning_output_tokens, cost_usd, attributed_usd, carried_usd, "
    "subtree_usd, saving_usd, price_source, unpriced_reason, counted_by, inferred, dialect",
    "findings": "session_id, finding_id, detector, step_ids, span_ids, wasted_usd, saving_usd, evidence",
    "ledger": "session_id, call_step_id, producer_step_id, token_class, tokens, usd",
    "tracecards": "session_id, schema_version, card, yaml, compiled_at",
    "outcomes": "session_id, task_id, condition, name, score, passed, source, checks, recorded_at",
    "budget_breaches": "breach_id, rule, per, session_id, day, agent_name, finding, limit_usd, amount_usd",
    "budget_gaps": "rule, per, session_id, day, agent_name, finding, limit_usd, amount_usd, unknown_count",
    "patches": "patch_id",
    "skills": "skill_id",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a database may be made."""
    return tmp_path / "made" / "store.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[DuckStore]:
    """Open an empty store."""
    store = DuckStore.open(path)
    yield store
    store.close()


def ask(store: DuckStore, query: str) -> list[tuple[object, ...]]:
    """Return the rows of a query."""
    return store.database.cursor().execute(query).fetchall()


def compile_quiet(store: DuckStore, limit: int) -> None:
    """Derive from each quiet group a session whose cost is the number of its spans."""
    for group in store.quiet(idle_ns=0, now_ns=NOW + SECOND, limit=limit):
        store.replace(group, session(min(group.trace_ids), cost=f"{len(store.load(group).spans)}"))


class TestViews:
    @pytest.mark.parametrize("view", CONTRACT)
    def test_columns_are_the_promised_ones_first(self, store: DuckStore, view: str) -> None:
        """Each view starts with the columns of the outside contract, in their order."""
        described = [str(row[0]) for row in ask(store, f"DESCRIBE {view}")]
        promised = CONTRACT[view].split(", ")
        assert described[: len(promised)] == promised

    def test_money_is_decimal_and_tokens_are_bigint(self, store: DuckStore) -> None:
        """Types are those that the contract names."""
        types = {
            row[:2]: row[2] for row in ask(store, "SELECT table_name, column_name, data_type FROM duckdb_columns()")
        }
        for (view, column), kind in types.items():
            if view in CONTRACT and str(column).endswith("_usd"):
                assert kind == "DECIMAL(38,12)", (view, column)
            if view in CONTRACT and str(column).endswith("_tokens"):
                assert kind == "BIGINT", (view, column)

    @pytest.mark.parametrize("name", [*PER_SESSION, *ADDED, "outcomes"])
    def test_derived_tables_equal_their_arrow_schema(self, store: DuckStore, name: str) -> None:
        """The columns that `replace` takes are those of the table, and the view shows them with the same types."""
        schema = {**PER_SESSION, **ADDED, "outcomes": OUTCOMES}[name]
        hidden = ["group_key"] if name == "sessions" else ["outcome_number"] if name == "outcomes" else []
        table = store.database.cursor().execute(f"SELECT * FROM derived.{name}").to_arrow_table().drop_columns(hidden)
        view = store.database.cursor().execute(f"SELECT * FROM {name}").to_arrow_table()
        assert [(f.name, f.type) for f in schema] == [(f.name, f.type) for f in table.schema]
        assert [(f.name, f.type) for f in schema] == [(f.name, f.type) for f in view.schema]

    def test_a_span_is_shown_as_it_was_sent(self, store: DuckStore) -> None:
        """Times become timestamps to the nanosecond, attributes are JSON that can be asked by name."""
        attributes = '{"gen_ai.request.model":"gpt","n":9223372036854775807}'
        store.append(
            batch([span(A, 1, start_time_unix_nano=NOW + 1, end_time_unix_nano=NOW + 8, attributes=attributes)])
        )
        query = """
            SELECT strftime(start_time, '%Y-%m-%d %H:%M:%S.%n'), duration_ns,
            attributes->>'$."gen_ai.request.model"', (attributes->'n')::BIGINT, typeof(attributes) FROM spans
        """
        assert ask(store, query) == [("2026-09-21 14:13:20.000000001", 7, "gpt", 2**63 - 1, "JSON")]

    def test_absurd_times_do_not_break_a_view(self, store: DuckStore) -> None:
        """A time that no timestamp can hold, or that says 'not set', is NULL; its row and its number are there."""
        times = [(0, 0), (2**64 - 1, 2**64 - 1), (2**63 - 1, 2**63), (2**63 - 2, 0), (NOW + 5, NOW), (0, 2**64 - 1)]
        spans = [
            span(A, number, start_time_unix_nano=start, end_time_unix_nano=end)
            for number, (start, end) in enumerate(times)
        ]
        extreme = 2**64 - 1
        logs = [log(time_unix_nano=0), log(time_unix_nano=extreme, observed_time_unix_nano=extreme)]
        points = [point(time_unix_nano=0, start_time_unix_nano=extreme), point(time_unix_nano=extreme, value_int=None)]
        store.append(batch(spans, logs, points))
        rows = store.database.cursor().execute("SELECT * FROM spans ORDER BY span_id").to_arrow_table()
        assert rows.column("start_time").is_null().to_pylist() == [True, True, True, False, False, True]
        assert rows.column("end_time").is_null().to_pylist() == [True, True, True, True, False, True]
        assert rows.column("duration_ns").to_pylist() == [None, 0, 1, None, None, None]
        assert rows.column("start_time_unix_nano").to_pylist() == [start for start, _ in times]
        assert ask(store, "SELECT count(*), count(time), count(observed_time) FROM logs") == [(2, 0, 0)]
        assert ask(store, "SELECT count(*), count(time), sum(value) FROM metric_points") == [(2, 0, 1.0)]

    def test_telemetry_counts_until_an_oracle_speaks(self, store: DuckStore) -> None:
        """Evaluations that decide are outcomes with their session's task, until a verdict is recorded for it."""
        store.append(batch([span(A, 1)]))
        (group,) = store.groups()
        said = {"session_id": "a", "name": "success", "passed": False, "source": "eval", "recorded_at": NOW}
        evaluations = [{**said, "decides": True}, {**said, "name": "tone", "decides": False}]
        store.replace(group, {"sessions": [{"session_id": "a", "task_id": "t"}], "evaluations": evaluations})
        shown = "SELECT name, task_id, passed, source FROM outcomes"
        assert ask(store, shown) == [("success", "t", False, "eval")]
        store.record_outcome({"session_id": "a", "passed": True, "source": "oracle", "recorded_at": NOW})
        assert ask(store, shown) == [(None, None, True, "oracle")]
        assert ask(store, "SELECT count(*) FROM evaluations") == [(2,)]

    def test_a_verdict_shows_at_once(self, store: DuckStore) -> None:
        """The view of sessions takes the latest outcome without compiling again, and what it says goes first."""
        store.append(batch([span(A, 1)]))
        (group,) = store.groups()
        rows = {"sessions": [{"session_id": "a", "task_id": "old", "condition": "base", "outcome_score": 0.1}]}
        store.replace(group, rows)
        shown = "SELECT task_id, condition, outcome_score, outcome_passed FROM sessions"
        assert ask(store, shown) == [("old", "base", 0.1, None)]
        store.record_outcome(
            {"session_id": "a", "task_id": "new", "score": 1.0, "passed": True, "recorded_at": NOW + 9}
        )
        store.record_outcome({"session_id": "a", "passed": False, "recorded_at": NOW})
        assert ask(store, shown) == [("new", "base", None, False)]

    def test_sums_of_money_are_exact(self, store: DuckStore) -> None:
        """Attributed cost, billed cost and the session's cost are equal to the last digit."""
        store.append(batch([span(A, 1)]))
        (group,) = store.groups()
        parts = [Decimal("0.100000000001"), Decimal("0.2"), Decimal("1e-12")]
        steps = [
            {"session_id": "a", "cost_usd": part, "attributed_usd": other}
            for part, other in zip(parts, reversed(parts), strict=True)
        ]
        store.replace(group, {"sessions": [{"session_id": "a", "cost_usd": sum(parts)}], "steps": steps})
        query = """
            SELECT sum(attributed_usd) = sum(st.cost_usd), sum(st.cost_usd) = any_value(s.cost_usd), sum(attributed_usd)
            FROM sessions s JOIN steps st USING (session_id)
        """
        assert ask(store, query) == [(True, True, Decimal("0.300000000002"))]


class TestRestart:
    def test_everything_is_there_again(self, path: Path) -> None:
        """Rows, the to-do list, what is known as sent, and batch numbers outlive the process."""
        store = DuckStore.open(path)
        store.append(batch([span(A, 1)], [log(correlation_value="s")], [point()]))
        store.append(batch([span(B, 2)]))
        (before,) = [group for group in store.groups() if B in group.trace_ids]
        store.close()
        store = DuckStore.open(path)
        resent = batch([span(A, 1), span(A, 3)], [log(correlation_value="s")], [point()])
        assert store.append(resent) == Receipt(1, 0, 0, 1, 1, 1)
        quiet = store.quiet(idle_ns=1, now_ns=NOW + SECOND, limit=9)
        assert sorted(map(sorted, (group.trace_ids for group in quiet))) == [[], [A], [B]]
        assert max(group.last_batch for group in quiet) > before.last_batch
        store.close()

    @pytest.mark.parametrize("moment", range(4))
    def test_nothing_acknowledged_is_lost_by_a_kill(self, path: Path, moment: int) -> None:
        """After `kill -9` at some moment every batch that was answered is there, once, and the file opens."""
        program = """
import sys
from pathlib import Path
from random import Random
from collector.store.duck import DuckStore
from tests.collector.store.builders import batch, span, trace, session
store = DuckStore.open(Path(sys.argv[1]))
for number in range(10_000):
    store.append(batch([span(trace(number), n) for n in range(20)]))
    if number % 7 == 0:
        store.replace(next(iter(store.quiet(idle_ns=0, now_ns=2**62, limit=1))), session(str(number)))
    if number % 11 == 0:
        store.checkpoint()
    print(number, flush=True)
"""
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(1 + 13 * moment):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        store = DuckStore.open(path)
        ((batches, fewest, most),) = ask(
            store, "SELECT count(*), min(n), max(n) FROM (SELECT trace_id, count(*) n FROM spans GROUP BY trace_id)"
        )
        assert batches >= acknowledged + 1  # type: ignore[operator]
        assert (fewest, most) == (20, 20)
        again = batch([span(trace(acknowledged), n) for n in range(20)])
        assert store.append(again) == Receipt(duplicate_spans=20)
        assert ask(store, "SELECT count(*) - count(DISTINCT session_id) FROM sessions") == [(0,)]
        store.close()

    def test_a_kill_while_the_file_is_made_leaves_it_usable(self, path: Path) -> None:
        """A process killed right after its migrations were written leaves a file that opens."""
        program = (
            "import os, sys; from pathlib import Path; from collector.store.duck import DuckStore;"
            "DuckStore.open(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
        )
        assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == -signal.SIGKILL
        DuckStore.open(path).close()

    def test_migrations_that_ran_do_not_run_again(self, path: Path) -> None:
        """A file at an older layout gets only what it lacks."""
        path.parent.mkdir()
        first, *rest = migrations()
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE SCHEMA layout; CREATE TABLE layout.migrations (number INTEGER, name VARCHAR)")
            connection.execute(first.sql)
            connection.execute("INSERT INTO layout.migrations VALUES (?, ?)", [first.number, first.name])
        database = open_for_reading(path)
        numbers = database.cursor().execute("SELECT number FROM layout.migrations ORDER BY number").fetchall()
        assert [number for (number,) in numbers] == [first.number, *(migration.number for migration in rest)]
        database.close()

    def test_migrations_are_numbered_without_gaps(self) -> None:
        """Each migration's number is its place."""
        assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


class TestFiles:
    def test_a_locked_file_is_named_with_its_owner(self, path: Path) -> None:
        """A second process gets one line that says who has the file and what to do instead."""
        program = (
            "import sys; from pathlib import Path; from collector.store.duck import DuckStore;"
            "store = DuckStore.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", program, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            for opening in (DuckStore.open, open_for_reading):
                with pytest.raises(StoreLockedError, match=rf"in use by process {process.pid}: .*--endpoint") as caught:
                    opening(path)
                assert "\n" not in str(caught.value)
            process.communicate()

    def test_one_process_cannot_own_a_file_twice(self, store: DuckStore, path: Path) -> None:
        """Opening a file that this very process has open is refused, and does the first no harm."""
        with pytest.raises(StoreLockedError):
            DuckStore.open(path)
        with pytest.raises(StoreLockedError):
            open_for_reading(path)
        assert store.append(batch([span(A, 1)])) == Receipt(spans=1)

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (b"", "is empty"),
            (b"hello " * 5000, "is not a DuckDB database"),
            (b"SQLite format 3\0" + b"\0" * 8000, "is not a DuckDB database"),
        ],
    )
    def test_a_foreign_file_is_refused_and_left_alone(self, path: Path, content: bytes, complaint: str) -> None:
        """A file that is no database is named as such, in one line, and not changed."""
        path.parent.mkdir()
        path.write_bytes(content)
        for opening in (DuckStore.open, open_for_reading):
            with pytest.raises(NotOurDatabaseError, match=complaint) as caught:
                opening(path)
            assert "\n" not in str(caught.value)
            assert not caught.value.retryable
        assert path.read_bytes() == content

    def test_another_programs_database_is_refused(self, path: Path) -> None:
        """A DuckDB file with tables of others is not touched."""
        path.parent.mkdir()
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE theirs (i INTEGER)")
        for opening in (DuckStore.open, open_for_reading):
            with pytest.raises(NotOurDatabaseError, match="tables that are not ours"):
                opening(path)
        with duckdb.connect(str(path)) as connection:
            assert connection.execute("SHOW TABLES").fetchall() == [("theirs",)]

    def test_a_newer_layout_is_refused(self, path: Path) -> None:
        """A file written by a newer version is not opened by guesswork."""
        DuckStore.open(path).close()
        with duckdb.connect(str(path)) as connection:
            connection.execute("INSERT INTO layout.migrations VALUES (999, 'later')")
        with pytest.raises(NotOurDatabaseError, match="newer version"):
            DuckStore.open(path)

    @pytest.mark.parametrize("place", [0, 4096, 13_000])
    def test_a_damaged_file_is_named(self, path: Path, place: int) -> None:
        """A flipped byte is found by its checksum and reported in one line."""
        store = DuckStore.open(path)
        store.append(batch([span(A, number) for number in range(2000)]))
        store.close()
        content = bytearray(path.read_bytes())
        for offset in (place, place + 4096) if place == 4096 else (place,):
            content[offset + 40] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(StoreError) as caught:
            DuckStore.open(path).close()
        assert "\n" not in str(caught.value)

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        """A directory in the way, or a parent that is a file, is one clear line."""
        (tmp_path / "file").write_text("x")
        for path in (tmp_path, tmp_path / "file" / "store.duckdb"):
            with pytest.raises(CollectorError, match="cannot be"):
                DuckStore.open(path)

    def test_readers_share_a_file_that_nobody_owns(self, path: Path) -> None:
        """Several processes may read at once, also what a killed owner left in the log."""
        program = (
            "import os, sys; from pathlib import Path; from collector.store.duck import DuckStore;"
            "from tests.collector.store.builders import batch, span, trace;"
            "DuckStore.open(Path(sys.argv[1])).append(batch([span(trace(1), 1)])); os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", program, str(path)], check=False)
        reading = (
            "import sys; from pathlib import Path; from collector.store.opening import open_for_reading;"
            "print(open_for_reading(Path(sys.argv[1])).cursor().execute('SELECT count(*) FROM spans').fetchall())"
        )
        database = open_for_reading(path)
        found = subprocess.run(
            [sys.executable, "-c", reading, str(path)], check=True, capture_output=True, text=True
        ).stdout
        assert found.strip() == "[(1,)]"
        assert database.cursor().execute("SELECT count(*) FROM spans").fetchall() == [(1,)]
        database.close()


class TestTogether:
    def test_appending_deriving_reading_and_checkpoints_at_once(self, store: DuckStore) -> None:
        """Writers and readers in several threads disturb each other in nothing."""
        written = threading.Event()

        def write() -> None:
            for number in range(40):
                store.append(batch([span(trace(number % 10), number * 50 + n) for n in range(50)]))

        def derive() -> None:
            while not written.is_set():
                compile_quiet(store, limit=5)

        def read() -> None:
            while not written.is_set():
                ask(store, "SELECT sum(st.cost_usd) FROM sessions s JOIN steps st USING (session_id)")
                store.checkpoint()

        with ThreadPoolExecutor() as threads:
            others = [threads.submit(work) for work in (derive, read, read)]
            writers = [threads.submit(write) for _ in range(2)]
            try:
                for writer in writers:
                    writer.result()
            finally:
                written.set()
            for other in others:
                other.result()
        compile_quiet(store, limit=100)
        assert ask(store, "SELECT count(*), count(DISTINCT span_id) FROM spans") == [(2000, 2000)]
        assert ask(store, "SELECT count(*), sum(cost_usd) FROM sessions") == [(10, Decimal(2000))]

    @pytest.mark.parametrize(("longest", "waits"), [(2**20, False), (2**10, True)])
    def test_a_log_that_grows_is_folded_whatever_else_is_stored(
        self, store: DuckStore, monkeypatch: pytest.MonkeyPatch, *, longest: int, waits: bool
    ) -> None:
        """A commit waits for what is derived at the moment only where the log is twice as long as it should be."""
        monkeypatch.setattr(store, "_long_log", longest)
        with ThreadPoolExecutor() as threads:
            with store._deriving:
                stored = threads.submit(store.append, batch([span(trace(n), n) for n in range(500)]))
                done, _ = wait([stored], timeout=0.5 if waits else 10)
                assert bool(done) is not waits
            assert stored.result(10).spans == 500
        assert (store.database.log_bytes() == 0) is waits

    def test_a_batch_that_cannot_be_stored_leaves_nothing(self, store: DuckStore) -> None:
        """When one part of a batch fails, no part of it is there, and the store goes on."""
        broken = batch([span(A, 1)], [log(attributes="no json")])
        with pytest.raises(StoreError, match="refused the rows") as caught:
            store.append(broken)
        assert not caught.value.retryable
        assert ask(store, "SELECT count(*) FROM spans") == [(0,)]
        assert list(store.groups()) == []
        assert store.append(batch([span(A, 1)])) == Receipt(spans=1)


def test_a_new_directory_is_its_owners_only(path: Path) -> None:
    """Nobody else on the machine reads what agents said; a directory that is there stays as it is."""
    path.parent.parent.chmod(0o755)
    with closing(DuckStore.open(path)):
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.parent.parent.stat().st_mode & 0o777 == 0o755


def test_a_log_is_shorter_where_memory_is_short(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 240 MB for DuckDB a log of 40 MB is folded into the file."""
    with closing(duckdb.connect()) as alone:
        ((limit,),) = alone.execute("SELECT parse_formatted_bytes(current_setting('memory_limit'))").fetchall()
    monkeypatch.setattr("collector.store.engine._SHARED", 240_000_000 / limit)
    text = f'{{"text":"{"lorem ipsum " * 8_000}"}}'
    with closing(DuckStore.open(path)) as store:
        longest = 0
        for number in range(100):
            store.append(batch([span(trace(number), n, attributes=text) for n in range(5)]))
            longest = max(longest, store.database.log_bytes())
        assert 38_000_000 < longest < 42_000_000
        assert ask(store, "SELECT count(*) FROM spans") == [(500,)]


def test_what_was_read_leaves_memory_at_a_checkpoint(store: DuckStore) -> None:
    """Else it stays until it reaches the limit, and a collector grows with its file; the limit stays as it was."""
    for number in range(4):
        random = Random(number)
        texts = [f'{{"text":"{random.randbytes(16_000).hex()}"}}' for _ in range(200)]
        store.append(batch([span(trace(number), n, attributes=text) for n, text in enumerate(texts)]))
    store.checkpoint()
    limit = ask(store, "SELECT current_setting('memory_limit')")
    assert ask(store, "SELECT count(DISTINCT attributes) FROM spans") == [(800,)]
    assert _cached(store) > 12_000_000
    store.checkpoint()
    assert _cached(store) < 1_000_000
    assert ask(store, "SELECT count(DISTINCT attributes) FROM spans") == [(800,)]
    assert ask(store, "SELECT current_setting('memory_limit')") == limit != [("0 bytes",)]


def _cached(store: DuckStore) -> int:
    query = "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'"
    ((cached,),) = store.database.cursor().execute(query).fetchall()
    return int(cached)


def test_bodies_are_compressed_with_zstd(store: DuckStore) -> None:
    """Columns that hold content use zstd, whatever the file's age of format."""
    words = " ".join(f"word{n * 7919 % 1000}" for n in range(200))
    store.append(batch([span(A, n, attributes=f'{{"text":"{n} {words}"}}') for n in range(5000)]))
    store.checkpoint()
    found = ask(
        store,
        "SELECT DISTINCT compression FROM pragma_storage_info('telemetry.spans') "
        "WHERE column_name = 'attributes' AND segment_type <> 'VALIDITY'",
    )
    assert found == [("ZSTD",)]


def test_arrow_and_tables_have_the_same_columns(store: DuckStore) -> None:
    """What decoding makes is what the tables hold."""
    empty = batch()
    for name, table in {"spans": empty.spans, "logs": empty.logs, "metric_points": empty.metric_points}.items():
        stored: pa.Schema = store.database.cursor().execute(f"SELECT * FROM telemetry.{name}").to_arrow_table().schema
        assert stored.names[: len(table.schema.names)] == table.schema.names


@pytest.mark.parametrize("name", ["clawtrace.duckdb", "spans.db", "main.duckdb", "no suffix"])
def test_a_database_may_have_any_other_name(tmp_path: Path, name: str) -> None:
    """DuckDB takes the file's name for the database's, which is in the way of none of our tables."""
    with closing(DuckStore.open(tmp_path / name)) as store:
        store.append(batch(spans=[span(A, 1)]))
        assert store.database.cursor().execute("SELECT count(*) FROM spans").fetchall() == [(1,)]


@pytest.mark.parametrize("name", ["telemetry.duckdb", "Derived.db", "layout.duckdb"])
def test_a_name_that_duckdb_would_confuse_is_refused(tmp_path: Path, name: str) -> None:
    """A file called like one of our schemas is refused in words, before it is made."""
    with pytest.raises(StoreError, match="name another file"):
        DuckStore.open(tmp_path / name)
    assert not (tmp_path / name).exists()
