"""From request bodies to one commit for many requests, acknowledged after it: queue, decode, redact, append, answer.

Two threads work as a pipeline: one makes a group of redacted rows of requests, the other appends the group before it
(DuckDB lets go of the interpreter meanwhile). A group grows for as long as the commit before it takes, or as the
configuration asks for where commits are dear, so that few senders get short waits and many senders share commits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from collector.batch import BatchBuilder
from collector.compression import Compression, unpack
from collector.config import IngestConfig
from collector.decode import Decoded, Decoder, Encoding, Export, Signal
from collector.errors import CollectorError, QueueFullError, RequestTooLargeError, StoppingError, StoreError
from collector.limits import AttributeLimits
from collector.metrics import Metrics
from collector.redaction import BatchRedactor
from collector.repeats import Repeats
from collector.store import TelemetryStore

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a stored request: how many of its records were not stored, and what was lost in words."""

    rejected: int
    message: str


@dataclass(frozen=True, slots=True)
class _Request:
    signal: Signal
    encoding: Encoding
    compression: Compression
    body: bytes
    received_at: int
    answer: Future[Accepted]


@dataclass(slots=True)
class _Group:
    """Decoded requests that share a commit."""

    builder: BatchBuilder
    members: list[tuple[_Request, Decoded]] = field(default_factory=list)
    size: int = 0

    def add(self, request: _Request, decoded: Decoded, size: int) -> None:
        self.members.append((request, decoded))
        self.size += size
        try:
            self.builder.add(decoded)
        except Exception as error:  # noqa: BLE001 - raised again by `build`, after which each member is tried alone
            _log.warning("requests that came together are taken apart: %s", error)


class Ingest:
    """Takes export requests in. `submit` never blocks; its future is done once the records are durable."""

    def __init__(
        self,
        config: IngestConfig,
        store: TelemetryStore,
        metrics: Metrics,
        *,
        redactor: BatchRedactor | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._config = config
        self._store = store
        self._metrics = metrics
        self._redactor = redactor
        self._clock = clock
        limits = AttributeLimits(config.max_attributes, config.max_attribute_bytes)
        self._decoder = Decoder(config.correlation_attributes, limits)
        self._repeats = Repeats()
        self._changed = threading.Condition()
        """Guards the queue, the counts, the ends and the hand-over; the group being filled is the decoding thread's."""
        self._queue: deque[_Request] = deque()
        self._queued_bytes = 0
        self._group = self._new_group()
        self._handed_over: _Group | None = None
        self._next_commit_at = 0.0
        self._submitted = 0
        self._answered = 0
        self._stopping = False
        self._decoding_ended = False
        self._threads = [
            threading.Thread(target=self._decode_loop, name="ingest-decode", daemon=True),
            threading.Thread(target=self._commit_loop, name="ingest-commit", daemon=True),
        ]

    def start(self) -> None:
        """Start taking requests."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Refuse what comes from now on, finish what was taken in, and return when it is answered."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def drain(self) -> None:
        """Return when everything submitted before this call is answered."""
        with self._changed:
            target = self._submitted
            self._changed.wait_for(lambda: self._answered >= target)

    def check_room(self, size: int) -> None:
        """Raise what `submit` would for a body of this size, before it is read."""
        if size > self._config.max_body_bytes:
            raise RequestTooLargeError(
                f"the body is larger than {self._config.max_body_bytes} bytes: send smaller batches"
            )
        if self._stopping:
            raise StoppingError("the collector is shutting down: send again later")
        if self._queued_bytes + size > self._config.queue_bytes:
            raise QueueFullError(
                f"{self._queued_bytes} bytes wait to be stored already: send again later",
                retry_after_s=self._config.retry_after_s,
            )

    def submit(
        self, signal: Signal, body: bytes, encoding: Encoding = "protobuf", compression: Compression = "identity"
    ) -> Future[Accepted]:
        """Queue a request. The future holds a CollectorError where it was not stored.

        Raises RequestTooLargeError, QueueFullError or StoppingError at once.
        """
        answer: Future[Accepted] = Future()
        with self._changed:
            self.check_room(len(body))
            self._queue.append(_Request(signal, encoding, compression, body, self._clock(), answer))
            self._queued_bytes += len(body)
            self._metrics.queue_bytes.set(self._queued_bytes)
            self._submitted += 1
            self._changed.notify_all()
        return answer

    def _new_group(self) -> _Group:
        return _Group(BatchBuilder(None if self._redactor is None else self._redactor.begin()))

    def _decode_loop(self) -> None:
        while (request := self._next_request()) is not None:
            self._decode_into(self._group, request)

    def _next_request(self) -> _Request | None:
        """Return what to decode next, handing the group over when the other thread is free; None at the end."""
        with self._changed:
            while True:
                if self._awaits_its_time() and self._seconds_to_commit() <= 0:
                    self._hand_over()
                if self._queue and self._group.size < self._config.group_bytes:
                    return self._queue.popleft()
                if self._stopping and not self._queue and not self._group.members:
                    self._decoding_ended = True
                    self._changed.notify_all()
                    return None
                self._changed.wait(self._seconds_to_commit() if self._awaits_its_time() else None)

    def _awaits_its_time(self) -> bool:
        return bool(self._group.members) and self._handed_over is None

    def _seconds_to_commit(self) -> float:
        if self._stopping or self._group.size >= self._config.group_bytes:
            return 0.0
        return self._next_commit_at - time.monotonic()

    def _hand_over(self) -> None:
        self._next_commit_at = time.monotonic() + self._config.commit_interval_s
        self._handed_over, self._group = self._group, self._new_group()
        self._changed.notify_all()

    def _decode_into(self, group: _Group, request: _Request) -> None:
        if not request.answer.set_running_or_notify_cancel():
            self._done([request])
            return
        try:
            body = unpack(request.body, request.compression, self._config.max_body_bytes)
            decoded = self._decoder.decode(Export(request.signal, request.encoding, body, request.received_at))
        except CollectorError as error:
            self._refuse([request], error)
        except BaseException as error:  # noqa: BLE001 - not even native code that panics ends the thread that serves all
            _log.exception("a %s request could not be decoded", request.signal)
            self._refuse([request], CollectorError(f"the request could not be decoded: {error}"))
        else:
            group.add(request, decoded, len(body))

    def _commit_loop(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._handed_over is not None or self._decoding_ended)
                group = self._handed_over
            if group is None:
                return
            self._commit(group)
            with self._changed:
                self._handed_over = None
                self._changed.notify_all()

    def _commit(self, group: _Group) -> None:
        """Store a group. What the store will never take is stored request by request, so that one costs only itself."""
        error = self._append(group.builder)
        if error is None:
            self._accept(group)
        elif error.retryable or len(group.members) == 1:
            self._refuse([request for request, _ in group.members], error)
        else:
            for request, decoded in group.members:
                alone = self._new_group()
                alone.add(request, decoded, 0)
                self._commit(alone)

    def _append(self, builder: BatchBuilder) -> CollectorError | None:
        started = time.perf_counter()
        try:
            receipt = self._store.append(builder.build())
        except CollectorError as error:
            if (said := self._repeats.worth_saying(str(error))) is not None:
                _log.warning("a batch was not stored: %s", said)
            return error
        except Exception as error:  # noqa: BLE001 - the thread must survive whatever a store raises, and say so
            _log.exception("a batch was not stored")
            return StoreError(f"the batch could not be stored: {error}", retryable=False)
        self._metrics.commit_seconds.observe(time.perf_counter() - started)
        self._metrics.count_receipt(receipt)
        self._metrics.count_redacted(builder.redacted)
        return None

    def _accept(self, group: _Group) -> None:
        for request, decoded in group.members:
            losses = decoded.losses
            self._metrics.received.labels(decoded.signal).inc(decoded.row_count + losses.rejected)
            self._metrics.rejected.labels(decoded.signal).inc(losses.rejected)
            request.answer.set_result(Accepted(losses.rejected, losses.message()))
        self._done([request for request, _ in group.members])

    def _refuse(self, requests: list[_Request], error: CollectorError) -> None:
        for request in requests:
            self._metrics.failed.labels(type(error).__name__).inc()
            request.answer.set_exception(error)
        self._done(requests)

    def _done(self, requests: list[_Request]) -> None:
        with self._changed:
            self._queued_bytes -= sum(len(request.body) for request in requests)
            self._metrics.queue_bytes.set(self._queued_bytes)
            self._answered += len(requests)
            self._changed.notify_all()
