"""Whether a lake's catalog and the place of its data can be reached: asked at the start, and now and then from then on.

A load balancer acts upon the answer, so it rests on what happened: a mark that is written and read where the data is, a
question to the catalog, and commits that fail.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from collector.errors import StoreError
from collector.store.engine import Cursor, DuckDBError
from collector.store.lake_address import LakeAddress, quoted
from collector.store.migrate import migrations

_log: Final = logging.getLogger(__name__)

INTERVAL_S: Final = 10.0
_PAUSE_S: Final = 2.0
"""Between attempts while it is lost."""
_LONGEST_ANSWER_S: Final = 20.0
_MARK: Final = "clawtrace-writable.csv"
_ASK_CATALOG: Final = "SELECT coalesce(max(number), 0) FROM layout.migrations"


def check_writable(cursor: Cursor, address: LakeAddress) -> None:
    """Write the mark. Raises StoreError with what to do."""
    try:
        # A temporary file would be the same one for all that write at once.
        cursor.execute(f"COPY (SELECT 1 AS writable) TO {_mark(address)} (FORMAT csv, USE_TMP_FILE false)")
    except DuckDBError as error:
        said = " ".join(str(error).split())[:300]
        raise StoreError(
            f"nothing can be written to {address.data} ({said}): make the bucket or directory, let these credentials"
            " read and write there, or name another place with --data",
            retryable=True,
        ) from error


def check_reachable(cursor: Cursor, address: LakeAddress, *, writing: bool) -> None:
    """Ask the catalog and the place of the data, which is written to only where told or where nothing can be read.

    Raises StoreError with what to do, and whatever DuckDB raises where the catalog does not answer.
    """
    ((layout,),) = cursor.execute(_ASK_CATALOG).fetchall()
    if layout != migrations()[-1].number:
        raise StoreError(
            f"{address.name} was brought up to date by another version of clawtrace (layout {layout}): stop this"
            " collector and start it with that version",
            retryable=True,
        )
    if writing or not _is_there(cursor, address):
        check_writable(cursor, address)


def _is_there(cursor: Cursor, address: LakeAddress) -> bool:
    try:
        return bool(cursor.execute(f"SELECT content FROM read_text({_mark(address)})").fetchall())  # noqa: S608 - quoted
    except DuckDBError:
        return False


def _mark(address: LakeAddress) -> str:
    return quoted(f"{address.data}{_MARK}")


class Reach:
    """What was last heard of a lake; any thread may ask and tell."""

    def __init__(self, check: Callable[[bool], None], *, interval_s: float = INTERVAL_S) -> None:
        self._check = check
        """Told whether to write; raises StoreError."""
        self._interval_s = interval_s
        self._error: StoreError | None = None
        self._commit_failed = False
        self._asking_since: float | None = None
        self._wake = threading.Event()
        self._ended = False

    def raise_if_lost(self) -> None:
        """Raise the StoreError of the last attempt, where it failed or no answer came for long."""
        error, since = self._error, self._asking_since
        if error is not None:
            raise error
        if since is not None and time.monotonic() - since > _LONGEST_ANSWER_S:
            raise StoreError(f"the lake has not answered for {_LONGEST_ANSWER_S:.0f} s", retryable=True)

    def lost(self, error: StoreError) -> None:
        """Say that a commit failed for want of catalog or storage: until both answer, nothing should be sent here."""
        self._error, self._commit_failed = error, True
        self._wake.set()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Ask every now and then for as long as the block lasts."""
        thread = threading.Thread(target=self._watch, name="lake-reach", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended = True
            self._wake.set()
            thread.join(_LONGEST_ANSWER_S)

    def _watch(self) -> None:
        while not self._ended:
            self._ask()
            self._wake.wait(_PAUSE_S if self._error else self._interval_s)
            self._wake.clear()

    def _ask(self) -> None:
        before, writing = self._error, self._commit_failed or self._error is not None
        self._commit_failed = False
        self._asking_since = time.monotonic()
        try:
            self._check(writing)
        except StoreError as error:
            self._error = error
            if before is None:
                _log.warning("not ready: %s", error)
        else:
            self._error = None
            if before is not None:
                _log.warning("ready again")
        finally:
            self._asking_since = None
