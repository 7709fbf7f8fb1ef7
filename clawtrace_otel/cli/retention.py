"""What is kept: the oldest sessions go first, whole, a few at a time, beside the collector that takes telemetry in."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.errors import StoreError

if TYPE_CHECKING:
    from clawtrace_otel.cli.compiler import Compiler
    from collector.metrics import Metrics
    from collector.store import Aged
    from collector.store.duck import DuckStore

log: Final = logging.getLogger("clawtrace.retention")

GIGABYTE: Final = 10**9
_HOUR_NS: Final = 3_600 * 10**9
_DAY_NS: Final = 24 * _HOUR_NS
_LOOK_S: Final = 60.0
_AT_ONCE: Final = 32
"""Sessions that one transaction takes out."""
_PATIENCE_S: Final = 5.0
"""How long writers and new readers wait for readers that are not done; then the next look tries again."""
_DOWN_TO: Final = 0.8
"""Share of the largest size that is left once it was passed, so that the file is seldom written anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How much is kept; None keeps all."""

    days: float | None = None
    """Since a session received something."""
    bodies_days: float | None = None
    """As `days`, for telemetry alone: cards, steps, money and verdicts stay."""
    gigabytes: float | None = None
    """What the database's files may take."""

    @property
    def everything(self) -> bool:
        """Whether nothing is ever deleted."""
        return self.days is None and self.bodies_days is None and self.gigabytes is None


KEEP_EVERYTHING: Final = Keep()


class Retention:
    """Deletes what is not kept. A session that waits for compiling, or received something just now, stays."""

    def __init__(
        self,
        store: DuckStore,
        compiler: Compiler,
        metrics: Metrics,
        keep: Keep,
        clock: Callable[[], int] = time.time_ns,
        uptime: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._store = store
        self._compiler = compiler
        self._metrics = metrics
        self._keep = keep
        self._clock, self._uptime = clock, uptime
        self._ahead = clock() - uptime()
        self._doubted_until = uptime()
        self._stopping = threading.Event()
        self._owed = True
        """Whether the file may hold much that is deleted: unknown at the start, so found out before more is deleted."""

    @contextmanager
    def in_background(self) -> Iterator[None]:
        """Look once a minute for as long as the block runs."""
        if self._keep.everything:
            yield
            return
        thread = threading.Thread(target=self._run, name="retention")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except StoreError as error:
                log.warning("deleting what is not kept: %s", error)
            self._stopping.wait(_LOOK_S)

    def look(self) -> None:
        """Delete what is over its days, then what is over the size. Raises `StoreError`."""
        now = self._clock()
        believed = self._is_believed(now)
        if self._keep.bodies_days is not None and believed:
            self._delete_before(now - int(self._keep.bodies_days * _DAY_NS), keep_cards=True)
        if self._keep.days is not None and believed:
            self._delete_before(now - int(self._keep.days * _DAY_NS), keep_cards=False)
        self._metrics.database_bytes.set(self._store.database.file_bytes())
        if self._keep.gigabytes is not None:
            self._fit(int(self._keep.gigabytes * GIGABYTE), now)

    def _is_believed(self, now_ns: int) -> bool:
        """Whether ages can be told: for an hour after the clock was set forward, today's sessions may look old."""
        uptime = self._uptime()
        jump, self._ahead = now_ns - uptime - self._ahead, now_ns - uptime
        if jump > _HOUR_NS:
            self._doubted_until = uptime + _HOUR_NS
            log.warning("the clock was set forward by %d s: nothing is deleted by age for an hour", jump // 10**9)
        elif jump < -_HOUR_NS:
            self._doubted_until = uptime
        return uptime >= self._doubted_until

    def _delete_before(self, before_ns: int, *, keep_cards: bool) -> None:
        deleted = 0
        while not self._stopping.is_set():
            found = self._delete_some(before_ns, _AT_ONCE, "bodies" if keep_cards else "age", keep_cards=keep_cards)
            deleted += len(found)
            if len(found) < _AT_ONCE:
                break
        strays = self._store.delete_strays(before_ns=before_ns)
        if deleted or strays.metric_points or strays.spans or strays.logs:
            self._store.checkpoint()

    def _delete_some(self, before_ns: int, limit: int, reason: str, *, keep_cards: bool = False) -> list[Aged]:
        with self._compiler.paused():
            found = list(self._store.oldest(before_ns=before_ns, limit=limit, bodies=keep_cards))
            if found:
                names = [session.session_id for session in found]
                self._store.delete(names, None, keep_cards=keep_cards)
                self._metrics.retired.labels(reason).inc(len(found))
        return found

    def _fit(self, most: int, now_ns: int) -> None:
        """Bring the files under a size: delete the oldest share of the sessions, then write the file anew.

        Deleting alone returns next to nothing to the file system (docs/retention.md), so how much goes is reckoned from
        the share of rows, and nothing more is deleted before the file was written anew: it might be small enough.
        """
        if self._store.database.file_bytes() > most and self._owed:
            self._compact()
        if self._store.database.file_bytes() > most:
            used = self._store.database.used_bytes()
            self._owed = True
            self._delete_share(max(0.0, 1 - most * _DOWN_TO / used), now_ns)
            if not self._stopping.is_set():
                self._compact()

    def _compact(self) -> None:
        before = self._store.database.file_bytes()
        with self._compiler.paused():
            self._store.compact(patience_s=_PATIENCE_S)
        self._owed = False
        after = self._store.database.file_bytes()
        self._metrics.database_bytes.set(after)
        self._metrics.returned_bytes.inc(max(0, before - after))
        log.info("the database shrank from %d to %d bytes", before, after)

    def _delete_share(self, share: float, now_ns: int) -> None:
        sessions, rows = self._store.counts()
        goal = rows * (1 - share)
        while rows > goal and sessions and not self._stopping.is_set():
            # As many as it takes if all are alike: one session more than needed is one too many.
            some = max(1, min(_AT_ONCE, int(sessions * (rows - goal) / rows)))
            found = self._delete_some(now_ns, some, "size")
            if not found:
                break
            self._store.delete_strays(before_ns=found[-1].last_received_at)
            sessions, rows = self._store.counts()
