"""What a statement may use while it runs: time, memory, rows, bytes and slots."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from collector.api import QueryResult
from collector.errors import QueryError
from collector.query import MEBIBYTE, DuckQueries, QueryLimits
from collector.query_memory import resident_bytes
from collector.store.duck import DuckStore
from tests.collector.query.filled import append_one
from tests.collector.query.statements import ENDLESS

TOO_MANY = 429


def run_when_a_slot_is_free(queries: DuckQueries, query: str) -> QueryResult:
    """Run a query as soon as the one before it has let go of its slot, which it may keep past its answer."""
    while True:
        try:
            return queries.run(query)
        except QueryError as error:
            if error.status != TOO_MANY:
                raise


def test_a_stopped_query_has_ended_when_its_caller_is_told(store: DuckStore) -> None:
    """Queries one after another do not pile up what each was stopped for."""
    queries = DuckQueries(store.database, QueryLimits(at_once=1, memory_bytes=200 * MEBIBYTE))
    with pytest.raises(QueryError, match="memory"):
        queries.run("SELECT list(range) FROM range(1000000000)")
    assert queries.run("SELECT 1").table.num_rows == 1


def test_queries_at_once_share_what_they_may_take(store: DuckStore) -> None:
    """Four greedy queries together take little more than one may; each is stopped, and told why."""
    queries = DuckQueries(store.database, QueryLimits(memory_bytes=400 * MEBIBYTE))
    before, most = resident_bytes(), 0

    def ask() -> int:
        with pytest.raises(QueryError, match="memory") as caught:
            queries.run("SELECT list(range) FROM range(1000000000)")
        return caught.value.status

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask) for _ in range(4)]
        while not all(one.done() for one in asked):
            most = max(most, resident_bytes())
            time.sleep(0.01)
    assert [one.result() for one in asked] == [413] * 4
    assert 300 * MEBIBYTE < most - before < 900 * MEBIBYTE


def test_a_query_that_cannot_start_takes_no_slot(store: DuckStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses a thread the caller is told to come back, and finds the slot free."""
    queries = DuckQueries(store.database, QueryLimits(at_once=1))

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without_threads:
        without_threads.setattr(threading.Thread, "start", refuse)
        with pytest.raises(QueryError, match="try again") as refused:
            queries.run("SELECT 1")
    assert refused.value.status == TOO_MANY
    assert queries.run("SELECT 1").table.num_rows == 1


@pytest.mark.parametrize("query", ENDLESS)
def test_what_never_ends_is_stopped_while_telemetry_is_stored(
    queries: DuckQueries, store: DuckStore, query: str
) -> None:
    """A query over its time or memory is answered soon after, it ends, and appends go on meanwhile and afterwards."""
    threads = threading.active_count()
    outcome: list[QueryError] = []
    started = time.monotonic()

    def ask() -> None:
        with pytest.raises(QueryError) as caught:
            queries.run(query)
        outcome.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    slowest = 0.0
    while asking.is_alive():
        before = time.monotonic()
        append_one(store)
        slowest = max(slowest, time.monotonic() - before)
    answered = time.monotonic() - started
    assert [error.status in {408, 413} for error in outcome] == [True]
    assert answered < 10
    assert slowest < 5
    while threading.active_count() > threads and time.monotonic() - started < 30:
        time.sleep(0.01)
    assert threading.active_count() <= threads
    append_one(store)
    assert queries.run("SELECT 1 FROM sessions").table.num_rows == 1


class TestLimits:
    def test_rows_past_the_cap_are_cut_and_it_says_so(self, store: DuckStore) -> None:
        """The result has exactly the cap's rows; a result of just that many is whole."""
        queries = DuckQueries(store.database, QueryLimits(rows=100))
        cut = queries.run("SELECT i FROM range(101) t(i) ORDER BY i")
        assert (cut.table.column(0).to_pylist(), cut.truncated) == (list(range(100)), True)
        whole = queries.run("SELECT i FROM range(100) t(i)")
        assert (whole.table.num_rows, whole.truncated) == (100, False)

    def test_a_result_past_the_byte_cap_is_refused(self, store: DuckStore) -> None:
        """A result that is too large is an error, not a part that looks whole."""
        queries = DuckQueries(store.database, QueryLimits(result_bytes=100_000))
        with pytest.raises(QueryError, match="larger than 100000 bytes") as caught:
            queries.run("SELECT attributes FROM spans")
        assert caught.value.status == 413

    def test_no_more_than_some_at_once(self, store: DuckStore) -> None:
        """The query over the number is answered 429, and a slot that is free again is used."""
        queries = DuckQueries(store.database, QueryLimits(seconds=0.6, at_once=1))

        def run_past_the_time() -> None:
            with pytest.raises(QueryError):
                queries.run("SELECT count(*) FROM range(1e12::BIGINT)")

        slow = threading.Thread(target=run_past_the_time)
        slow.start()
        statuses = set()
        while slow.is_alive():
            try:
                queries.run("SELECT 1")
            except QueryError as error:
                statuses.add(error.status)
        assert statuses == {TOO_MANY}
        assert run_when_a_slot_is_free(queries, "SELECT 1").table.num_rows == 1

    @pytest.mark.parametrize("name", ["seconds", "rows", "result_bytes", "memory_bytes", "statement_bytes", "at_once"])
    def test_a_limit_of_nothing_is_a_mistake(self, name: str) -> None:
        """Limits are positive."""
        with pytest.raises(ValueError, match=name):
            QueryLimits(**{name: 0})
