"""The queue, the shared commit and the acknowledgement."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pyarrow as pa
import pytest

from collector.config import IngestConfig
from collector.decode import Decoded, Decoder, Export
from collector.errors import (
    CollectorError,
    MalformedRequestError,
    QueueFullError,
    RequestTooLargeError,
    StoppingError,
    StoreError,
)
from collector.ingest import Accepted, Ingest
from collector.metrics import Metrics
from collector.redaction import BatchRedaction, BatchRedactor, Redaction
from collector.store import Batch, Receipt
from collector.store.memory import MemoryStore
from tests.collector.otlp import one_span

ANSWER_S = 10.0


class WatchedStore(MemoryStore):
    """The memory store, which waits before each commit until it may, and refuses spans named `poison`."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.batches: list[list[str]] = []
        self.error: Exception | None = None

    def append(self, batch: Batch) -> Receipt:
        self.entered.release()
        assert self.may_commit.wait(ANSWER_S)
        names = batch.spans["name"].to_pylist()
        self.batches.append(names)
        if self.error is not None:
            raise self.error
        if "poison" in names:
            raise StoreError("poison", retryable=False)
        return super().append(batch)


def body(name: str) -> bytes:
    """Return a request with one span of that name; the name makes its id."""
    request: bytes = one_span(name=name, span_id=name.encode()[:8].ljust(8, b"_")).SerializeToString()
    return request


def sample(metrics: Metrics, name: str) -> float:
    """Return a figure for traces out of what Prometheus would read."""
    lines = metrics.exposition().decode().splitlines()
    return float(next(line for line in lines if line.startswith(name)).rpartition(" ")[2])


@contextmanager
def running(
    store: WatchedStore,
    config: IngestConfig | None = None,
    metrics: Metrics | None = None,
    redactor: BatchRedactor | None = None,
) -> Iterator[Ingest]:
    """Run an ingest over the store; stopped, with the store let go, at the end."""
    ingest = Ingest(config or IngestConfig(), store, metrics or Metrics(), redactor=redactor, clock=lambda: 1)
    ingest.start()
    try:
        yield ingest
    finally:
        store.may_commit.set()
        ingest.stop()


def test_nothing_is_acknowledged_before_the_store_returned() -> None:
    """The answer comes after `append` returned, not when the request was queued or decoded."""
    store = WatchedStore()
    store.may_commit.clear()
    with running(store) as ingest:
        answer = ingest.submit("traces", body("a"))
        assert store.entered.acquire(timeout=ANSWER_S)
        assert not answer.done()
        store.may_commit.set()
        assert answer.result(ANSWER_S) == Accepted(0, "")


def test_requests_that_wait_share_a_commit() -> None:
    """What arrives during a commit is stored by the next one, together."""
    store = WatchedStore()
    store.may_commit.clear()
    with running(store) as ingest:
        first = ingest.submit("traces", body("first"))
        assert store.entered.acquire(timeout=ANSWER_S)
        others = [ingest.submit("traces", body(f"n{number}")) for number in range(50)]
        store.may_commit.set()
        for answer in [first, *others]:
            answer.result(ANSWER_S)
    assert store.batches[0] == ["first"]
    assert len(store.batches) < 10
    assert sorted(name for batch in store.batches[1:] for name in batch) == sorted(f"n{n}" for n in range(50))


def test_commits_keep_their_interval() -> None:
    """A commit starts no sooner after the one before than the configuration says, unless a group is full."""
    store, started = WatchedStore(), time.monotonic()
    with running(store, IngestConfig(commit_interval_s=0.2)) as ingest:
        for name in ("a", "b"):
            ingest.submit("traces", body(name)).result(ANSWER_S)
        assert time.monotonic() - started >= 0.2
    with running(store, IngestConfig(commit_interval_s=3600, group_bytes=1)) as ingest:
        for name in ("c", "d"):
            ingest.submit("traces", body(name)).result(ANSWER_S)


def test_a_stop_does_not_wait_for_the_interval() -> None:
    """What waits for its commit's time is stored at once when the collector stops."""
    store = WatchedStore()
    with running(store, IngestConfig(commit_interval_s=3600)) as ingest:
        ingest.submit("traces", body("first")).result(ANSWER_S)
        waiting = ingest.submit("traces", body("second"))
        assert not waiting.done()
    assert waiting.result(ANSWER_S) == Accepted(0, "")


def test_a_full_queue_refuses_and_recovers() -> None:
    """Past the limit in bytes the sender is told when to come back; once the queue is empty there is room again."""
    one = body("a")
    store = WatchedStore()
    store.may_commit.clear()
    with running(store, IngestConfig(queue_bytes=2 * len(one), max_body_bytes=len(one), retry_after_s=3)) as ingest:
        answers = [ingest.submit("traces", one), ingest.submit("traces", one)]
        with pytest.raises(QueueFullError) as refused:
            ingest.submit("traces", one)
        assert refused.value.retry_after_s == 3
        store.may_commit.set()
        for answer in answers:
            answer.result(ANSWER_S)
        ingest.drain()
        assert ingest.submit("traces", one).result(ANSWER_S) == Accepted(0, "")


def test_a_request_too_large_as_sent_or_unpacked_is_refused() -> None:
    """The limit holds for the body and for what gzip makes of it."""
    with running(WatchedStore(), IngestConfig(max_body_bytes=10_000)) as ingest:
        with pytest.raises(RequestTooLargeError, match="smaller batches"):
            ingest.submit("traces", bytes(10_001))
        bomb = ingest.submit("traces", gzip.compress(bytes(10_000_000))[:9_999], "protobuf", "gzip")
        with pytest.raises(RequestTooLargeError, match="unpacks to more than 10000 bytes"):
            bomb.result(ANSWER_S)


@pytest.mark.parametrize(
    "packed", [b"no gzip", gzip.compress(b"x" * 1000)[:-9], b""], ids=["no gzip", "cut off", "empty"]
)
def test_broken_gzip_costs_only_its_request(packed: bytes) -> None:
    """A body that cannot be unpacked is refused, an empty one holds nothing; the next request is stored."""
    with running(WatchedStore()) as ingest:
        broken = ingest.submit("traces", packed, "protobuf", "gzip")
        sound = ingest.submit("traces", gzip.compress(body("a")), "protobuf", "gzip")
        if packed:
            with pytest.raises(MalformedRequestError, match="gzip"):
                broken.result(ANSWER_S)
        assert sound.result(ANSWER_S) == Accepted(0, "")


def test_what_the_store_never_takes_costs_only_its_request() -> None:
    """When a group is refused for good, its requests are stored one by one."""
    store = WatchedStore()
    store.may_commit.clear()
    with running(store) as ingest:
        ingest.submit("traces", body("first"))
        assert store.entered.acquire(timeout=ANSWER_S)
        answers = {name: ingest.submit("traces", body(name)) for name in ("a", "poison", "b")}
        store.may_commit.set()
        assert answers["a"].result(ANSWER_S) == answers["b"].result(ANSWER_S) == Accepted(0, "")
        with pytest.raises(StoreError, match="poison") as refused:
            answers["poison"].result(ANSWER_S)
        assert not refused.value.retryable


def test_native_code_that_panics_costs_only_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panic of a Rust library is no Exception; the thread that decodes for everybody outlives it."""

    class Panic(BaseException):
        """What such a library raises."""

    decode = Decoder.decode

    def panicking(decoder: Decoder, export: Export) -> Decoded:
        if export.body == body("bad"):
            raise Panic("index out of bounds")
        return decode(decoder, export)

    monkeypatch.setattr(Decoder, "decode", panicking)
    store = WatchedStore()
    with running(store) as ingest:
        with pytest.raises(CollectorError, match="could not be decoded: index out of bounds"):
            ingest.submit("traces", body("bad")).result(ANSWER_S)
        assert ingest.submit("traces", body("good")).result(ANSWER_S) == Accepted(0, "")
    assert store.batches == [["good"]]


def test_rows_that_cannot_be_redacted_cost_only_their_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored unredacted, and what came together with such rows is stored without them."""
    redact = BatchRedaction.rows

    def failing(redaction: BatchRedaction, table: pa.Table) -> pa.Table:
        if table.num_rows and "poison" in table["name"].to_pylist():
            raise ValueError("cannot be read")
        return redact(redaction, table)

    monkeypatch.setattr(BatchRedaction, "rows", failing)
    monkeypatch.setattr("collector.batch._ROWS_AT_ONCE", 2)
    store = WatchedStore()
    store.may_commit.clear()
    with running(store, redactor=BatchRedactor(Redaction(), b"k" * 32)) as ingest:
        ingest.submit("traces", body("first"))
        assert store.entered.acquire(timeout=ANSWER_S)
        answers = {name: ingest.submit("traces", body(name)) for name in ("a", "poison", "b", "c")}
        store.may_commit.set()
        assert {answers[name].result(ANSWER_S) for name in "abc"} == {Accepted(0, "")}
        with pytest.raises(StoreError, match="cannot be read"):
            answers["poison"].result(ANSWER_S)
    assert sorted(str(row["name"]) for row in store.tables["spans"]) == ["a", "b", "c", "first"]


@pytest.mark.parametrize(
    ("error", "retryable"), [(StoreError("disk full", retryable=True), True), (RuntimeError("a bug"), False)]
)
def test_a_failing_store_is_reported_and_outlived(error: Exception, retryable: object) -> None:
    """Senders learn whether to try again, and ingest goes on once the store does."""
    store = WatchedStore()
    store.error = error
    with running(store) as ingest:
        with pytest.raises(CollectorError) as refused:
            ingest.submit("traces", body("a")).result(ANSWER_S)
        assert refused.value.retryable is retryable
        store.error = None
        assert ingest.submit("traces", body("a")).result(ANSWER_S) == Accepted(0, "")


def test_stop_finishes_what_was_taken_in_and_refuses_the_rest() -> None:
    """Every request taken before the stop is stored and answered; later ones are told to come back."""
    store = WatchedStore()
    ingest = Ingest(IngestConfig(), store, Metrics())
    answers: list[Future[Accepted]] = [ingest.submit("traces", body(f"n{number}")) for number in range(20)]
    ingest.start()
    ingest.stop()
    assert all(answer.done() and answer.exception() is None for answer in answers)
    with pytest.raises(StoppingError):
        ingest.submit("traces", body("late"))


def test_a_sender_that_gave_up_is_not_waited_for() -> None:
    """A cancelled request is skipped; those around it are stored."""
    store = WatchedStore()
    store.may_commit.clear()
    with running(store, IngestConfig(group_bytes=1)) as ingest:
        answers = [ingest.submit("traces", body(name)) for name in ("a", "b", "gone")]
        assert answers[2].cancel()
        store.may_commit.set()
        ingest.drain()
    assert [name for batch in store.batches for name in batch] == ["a", "b"]


def test_counters_add_up() -> None:
    """Received is stored plus duplicate plus rejected, and an idle queue holds no bytes."""
    metrics = Metrics()
    malformed = one_span(trace_id=b"short").SerializeToString()
    with running(WatchedStore(), metrics=metrics) as ingest:
        for content in (body("a"), body("a"), body("b"), malformed):
            ingest.submit("traces", content).result(ANSWER_S)
        ingest.drain()
    figures = [sample(metrics, f"clawtrace_{name}_records_total") for name in ("received", "stored", "duplicate")]
    assert [*figures, sample(metrics, "clawtrace_rejected_records_total")] == [4, 2, 1, 1]
    assert sample(metrics, "clawtrace_queue_bytes") == 0
    assert sample(metrics, "clawtrace_commit_seconds_count") == 4


def test_a_limit_that_could_never_be_met_is_refused() -> None:
    """A configuration that contradicts itself fails when it is made."""
    with pytest.raises(ValueError, match="max_body_bytes exceeds queue_bytes"):
        IngestConfig(queue_bytes=5, max_body_bytes=6)
    with pytest.raises(ValueError, match="retry_after_s must be positive"):
        IngestConfig(retry_after_s=0)
