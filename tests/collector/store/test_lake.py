"""What only the lake does: leave out what two writers stored at once, compact, number by commits, keep one compiler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from collector.errors import NotOurDatabaseError, StoreError
from collector.store import Batch, Group
from collector.store.engine import transaction
from collector.store.lake import LakeStore, persistently
from collector.store.lake_address import LakeAddress
from collector.store.lake_care import clean_up, compact
from collector.store.lake_engine import CommitConflictError, lake_errors
from collector.store.lake_layout import open_lake_for_reading
from collector.store.lake_lease import LEASE_NS, Lease
from collector.store.migrate import layout_of_file
from tests.collector.store.builders import NOW, SECOND, batch, log, point, session, span, trace
from tests.collector.store.conftest import copied

A, B = trace(1), trace(2)
_HOUR = 3600 * SECOND


@pytest.fixture
def store(empty_lake: LakeAddress, tmp_path: Path) -> Iterator[LakeStore]:
    """Open an empty lake."""
    with closing(LakeStore.at(copied(empty_lake, tmp_path))) as opened:
        yield opened


def ask(store: LakeStore, query: str) -> list[tuple[object, ...]]:
    """Return the rows of a query."""
    return store.database.cursor().execute(query).fetchall()


def append_at_once(store: LakeStore, sent: Batch) -> None:
    """Store a batch twice, as two writers do neither of whom can see the other's transaction."""
    other = store.database.cursor()
    other.execute("BEGIN TRANSACTION")
    other.execute("SELECT count(*) FROM raw.spans")
    store.append(sent)
    store._insert(
        other, {"spans": sent.spans, "logs": sent.logs, "metric_points": sent.metric_points}, sent.correlations
    )
    other.execute("COMMIT")


def only(store: LakeStore) -> Group:
    """Return the one group of the store."""
    (group,) = store.groups()
    return group


def test_the_lake_has_the_files_views(store: LakeStore, tmp_path: Path) -> None:
    """Every view has the columns and types that it has in a file, in their order."""
    from collector.store.duck import DuckStore  # noqa: PLC0415 - beside what it is compared with

    columns = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE {} ORDER BY ALL"
    here = columns.format("database_name = 'lake' AND schema_name = 'main'")
    with closing(DuckStore.open(tmp_path / "file.duckdb")) as file:
        there = file.database.cursor().execute(columns.format("schema_name = 'main' AND NOT internal")).fetchall()
    assert ask(store, here) == there
    assert len(layout_of_file().views) == len({row[0] for row in there})


def test_a_collector_has_memory_beside_duckdb(store: LakeStore) -> None:
    """What is read of the data's files is kept in memory too: DuckDB may take half of it, not four fifths."""
    with closing(duckdb.connect()) as alone:
        ((usual,),) = alone.execute("SELECT parse_formatted_bytes(current_setting('memory_limit'))").fetchall()
    assert 0.6 < store.database.memory_limit / usual < 0.65


class TestDuplicates:
    def test_what_two_stored_at_once_counts_once(self, store: LakeStore) -> None:
        """Spans, log records and points that two writers stored at the same moment are read once, and loaded once."""
        append_at_once(store, batch([span(A, 1), span(A, 2)], [log(trace_id=A)], [point()]))
        assert ask(store, "SELECT count(*) FROM raw.spans") == [(4,)]
        for view, expected in (("spans", 2), ("logs", 1), ("metric_points", 1)):
            assert ask(store, f"SELECT count(*) FROM {view}") == [(expected,)]
        signals = store.load(only(store))
        assert (len(signals.spans), len(signals.logs)) == (2, 1)

    def test_compaction_removes_them(self, store: LakeStore) -> None:
        """After compaction each row is stored once, and the views say what they said."""
        append_at_once(store, batch([span(A, 1), span(A, 2)], [log(trace_id=A), log(trace_id=B)], [point()]))
        before = [ask(store, f"SELECT * EXCLUDE (received_at) FROM {view} ORDER BY ALL") for view in ("spans", "logs")]
        assert compact(store.database, NOW + 2 * _HOUR).duplicates == 5
        assert [ask(store, f"SELECT count(*) FROM raw.{table}") for table in ("spans", "logs")] == [[(2,)], [(2,)]]
        after = [ask(store, f"SELECT * EXCLUDE (received_at) FROM {view} ORDER BY ALL") for view in ("spans", "logs")]
        assert after == before
        assert compact(store.database, NOW + 2 * _HOUR).duplicates == 0

    @pytest.mark.parametrize("hours", [0, 2])
    def test_later_ones_are_left_out_as_well(self, store: LakeStore, hours: int) -> None:
        """What is stored twice after a compaction is left out too, and found again once it is resent."""
        store.append(batch([span(A, 1)]))
        compact(store.database, NOW + hours * _HOUR)
        later = batch([span(A, 2, received_at=NOW + hours * _HOUR)])
        append_at_once(store, later)
        assert ask(store, "SELECT count(*) FROM spans") == [(2,)]
        assert store.append(later).duplicate_spans == 1
        assert store.append(batch([span(A, 1)])).duplicate_spans == 1

    def test_equal_hashes_are_not_enough(self, store: LakeStore) -> None:
        """Rows are the same only where ids and times are equal beside the hash."""
        store.append(batch([span(A, 1), span(A, 2)]))
        store.database.cursor().execute("UPDATE raw.spans SET identity = 7")
        assert ask(store, "SELECT count(*) FROM spans") == [(2,)]


class TestCompaction:
    def test_few_files_stay(self, store: LakeStore) -> None:
        """Small files become large ones; what sessions are made of, and who is pending, stays as it was."""
        for number in range(6):
            store.append(batch([span(A, number * 50 + n) for n in range(50)]))
        group = only(store)
        done = compact(store.database, NOW)
        assert done.files_after < done.files_before
        assert only(store) == group
        assert len(store.load(group).spans) == 300
        store.replace(group, session("a"))
        assert store.quiet(idle_ns=0, now_ns=NOW + SECOND, limit=9) == []

    def test_clean_up_deletes_what_nothing_refers_to(self, store: LakeStore) -> None:
        """Files that compaction replaced, and one that no commit named, go; a question still has its answer."""
        for number in range(3):
            store.append(batch([span(A, number * 50 + n) for n in range(50)]))
        compact(store.database, NOW)
        orphan = Path(store.database.address.data) / "raw" / "spans" / "orphan.parquet"
        orphan.write_bytes(next(orphan.parent.glob("*.parquet")).read_bytes())
        assert clean_up(store.database, older_than_s=0) >= 4
        assert not orphan.exists()
        assert ask(store, "SELECT count(*) FROM spans") == [(150,)]


class TestCompiling:
    def test_an_older_snapshot_changes_nothing(self, store: LakeStore) -> None:
        """Rows from a snapshot that another process has overtaken are not stored."""
        store.append(batch([span(A, 1)]))
        old = only(store)
        store.append(batch([span(A, 2)]))
        store.replace(only(store), session("a", cost="2"))
        store.replace(old, session("a", cost="1"))
        assert ask(store, "SELECT cost_usd::BIGINT FROM sessions") == [(2,)]
        assert store.quiet(idle_ns=0, now_ns=NOW + SECOND, limit=9) == []

    def test_one_process_is_told(self, store: LakeStore) -> None:
        """Whoever asked first is told what is quiet, until its claim runs out or it leaves."""
        store.append(batch([span(A, 1)]))
        store._lease._owner = "first"
        later = NOW + 2 * SECOND
        assert len(store.quiet(idle_ns=1, now_ns=later, limit=9)) == 1
        first = store._lease
        store._lease = Lease()
        assert store.quiet(idle_ns=1, now_ns=later, limit=9) == []
        assert len(store.quiet(idle_ns=0, now_ns=later, limit=9)) == 1
        assert len(store.quiet(idle_ns=1, now_ns=later + LEASE_NS + 1, limit=9)) == 1
        assert not first.held(store.database.cursor(), later + LEASE_NS + 1)

    def test_the_holder_gives_way_to_who_asks(self, store: LakeStore) -> None:
        """Who asks is left the lease by the next look for quiet sessions, and nobody else takes it meanwhile."""
        store.append(batch([span(A, 1)]))
        later, cursor = NOW + 2 * SECOND, store.database.cursor()
        assert len(store.quiet(idle_ns=1, now_ns=later, limit=9)) == 1
        command, third = Lease(), Lease()
        assert not command.held(cursor, later, asked=True)
        command.ask(cursor, later)
        assert store.quiet(idle_ns=1, now_ns=later, limit=9) == []
        assert not third.held(cursor, later)
        assert command.held(cursor, later, asked=True)
        assert ask(store, "SELECT count(*) FROM layout.lease") == [(1,)]
        command.give_up(cursor)
        assert third.held(cursor, later)

    def test_a_request_runs_out(self, store: LakeStore) -> None:
        """Who asked and was never heard of again keeps nobody from compiling after a minute."""
        later, cursor = NOW + 2 * SECOND, store.database.cursor()
        Lease().ask(cursor, later)
        assert not Lease().held(cursor, later)
        assert Lease().held(cursor, later + LEASE_NS + 1)

    def test_one_process_tells_the_webhook(self, store: LakeStore) -> None:
        """Breaches that no webhook was told of are handed to the process that compiles, and to no other."""
        store.append(batch([span(A, 1)]))
        breach = {"breach_id": "b", "rule": "r", "per": "session", "state": "over", "breached_at": NOW}
        store.replace(only(store), {**session("a"), "budgets": [breach]})
        assert [row["breach_id"] for row in store.unposted(9)] == ["b"]
        holder, store._lease = store._lease, Lease()
        assert store.unposted(9) == []
        store._lease = holder
        store.mark_posted(["b"], NOW)
        assert store.unposted(9) == []


class TestConflicts:
    def test_a_transaction_that_met_another_is_done_again(self, store: LakeStore) -> None:
        """Of two that rest on the same row the later one is done again, and both are there in the end."""
        cursor, other, turns = store.database.cursor(), store.database.cursor(), [0]

        def take_a_turn() -> None:
            turns[0] += 1
            with transaction(cursor):
                cursor.execute("UPDATE layout.turn SET number = number + 1")
                if turns[0] == 1:
                    other.execute("UPDATE layout.turn SET number = number + 1")

        persistently("the lake", take_a_turn)
        assert turns == [2]
        assert ask(store, "SELECT number FROM layout.turn") == [(2,)]

    def test_a_conflict_can_be_tried_again(self, store: LakeStore) -> None:
        """What a conflict becomes where nobody does it again tells the sender to come back."""
        cursor, other = store.database.cursor(), store.database.cursor()
        with (  # noqa: PT012 - the error comes from the commit at the end of the block
            pytest.raises(CommitConflictError) as raised,
            lake_errors("the lake"),
            transaction(cursor),
        ):
            cursor.execute("UPDATE layout.turn SET number = 7")
            other.execute("UPDATE layout.turn SET number = 8")
        assert raised.value.retryable

    def test_losing_too_often_is_a_conflict_and_quotes_nothing(self) -> None:
        """DuckLake's own retries come to an end in a conflict, which does not repeat a statement full of telemetry."""
        said = (
            "Failed to commit DuckLake transaction. Exceeded the maximum retry count of 10. Failed to flush changes: "
            """Failed to execute query "INSERT INTO t VALUES ('a prompt')": ERROR:  duplicate key value"""
        )
        with pytest.raises(CommitConflictError, match="duplicate key value") as raised, lake_errors("the lake"):
            raise duckdb.TransactionException(said)
        assert "a prompt" not in str(raised.value)

    @pytest.mark.parametrize("statement", ["SELECT 'x'::INT", "FROM nowhere"])
    def test_what_is_wrong_stays_wrong(self, store: LakeStore, statement: str) -> None:
        """Rows and statements that are at fault are not tried again."""
        with pytest.raises(StoreError) as raised, lake_errors("the lake"):
            store.database.cursor().execute(statement)
        assert not raised.value.retryable


class TestOpening:
    def test_data_elsewhere_is_refused(self, store: LakeStore, tmp_path: Path) -> None:
        """A lake that keeps its data in another place than the one that is named is left alone."""
        address = LakeAddress(store.database.address.catalog, f"{tmp_path}/elsewhere/")
        store.close()
        with pytest.raises(NotOurDatabaseError, match="elsewhere than --data"):
            LakeStore.at(address)

    def test_a_lake_of_others_is_refused(self, store: LakeStore) -> None:
        """A lake with tables but not ours is left alone."""
        store.database.cursor().execute("DROP TABLE layout.migrations")
        address = store.database.address
        store.close()
        with pytest.raises(NotOurDatabaseError, match="not ours"):
            LakeStore.at(address)

    def test_a_reader_sees_what_is_stored(self, store: LakeStore) -> None:
        """A lake opens for reading once its maker has left it, and shows its views."""
        store.append(batch([span(A, 1)]))
        address = store.database.address
        store.close()
        with closing(open_lake_for_reading(address)) as database:
            assert database.cursor().execute("SELECT count(*) FROM spans").fetchall() == [(1,)]
            with pytest.raises(Exception, match="read-only"):
                database.cursor().execute("DELETE FROM raw.spans")

    def test_a_newer_layout_is_left_alone(self, store: LakeStore) -> None:
        """A lake that a newer version has changed is refused with what to do."""
        store.database.cursor().execute("UPDATE layout.migrations SET number = 9999")
        address = store.database.address
        store.close()
        with pytest.raises(NotOurDatabaseError, match="newer version"):
            LakeStore.at(address)

    def test_a_missing_column_is_added(self, store: LakeStore) -> None:
        """An older layout gets what it lacks, and keeps its rows."""
        store.append(batch([span(A, 1)]))
        store.replace(only(store), session("a"))
        cursor = store.database.cursor()
        cursor.execute("DROP VIEW main.steps")
        cursor.execute("ALTER TABLE derived.steps DROP COLUMN arguments")
        cursor.execute("UPDATE layout.migrations SET number = 1")
        address = store.database.address
        store.close()
        with closing(LakeStore.at(address)) as again:
            assert ask(again, "SELECT DISTINCT session_id, arguments FROM steps") == [("a", None)]

    @pytest.mark.parametrize(
        ("store", "data", "complaint"),
        [
            ("sqlite:x", "d", "--store is"),
            ("ducklake:", "d", "--store is"),
            ("ducklake:postgres:", "d", "--store is"),
            ("ducklake:x", None, "needs --data"),
            ("ducklake:x", "gs://b/p", "s3://"),
        ],
    )
    def test_a_wrong_address_is_refused(self, store: str, data: str | None, complaint: str) -> None:
        """What is no lake is refused in words that say what to write."""
        with pytest.raises(StoreError, match=complaint):
            LakeAddress.of(store, data)

    def test_s3_without_credentials_is_refused(self) -> None:
        """Data on S3 needs credentials, which are named; a connection string is never shown."""
        address = LakeAddress.of("ducklake:postgres:host=h password=secret", "s3://b/p")
        with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID"):
            list(address.secrets({}))
        assert "secret" not in address.name
