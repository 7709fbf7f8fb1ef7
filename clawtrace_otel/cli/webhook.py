"""Posts breached budgets to a webhook: at least once each, from its own thread, with retries.

What is to be told stands in the store, so neither a restart nor a webhook that is down for days loses any of it. An
address may hold a secret in any of its parts: of it only scheme and host are ever written anywhere.
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from http.client import HTTPException, HTTPMessage
from typing import IO, TYPE_CHECKING, Final
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from collector.errors import StoreError

if TYPE_CHECKING:
    from collector.store import TelemetryStore

log: Final = logging.getLogger("clawtrace.webhook")

TIME_LIMIT_S: Final = 10.0
"""What one post may take, whatever the other side does."""
LONGEST_PAUSE_S: Final = 300.0
_FIRST_PAUSE_S: Final = 1.0
_LOOK_AGAIN_S: Final = 60.0
_GLANCE_S: Final = 0.05
_MOST_AT_ONCE: Final = 1_000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_REFUSALS: Final = range(400, 500)
_NO_REFUSALS: Final = frozenset({408, 425, 429})
"""What says that the sender, not the message, should come later."""
_TIMES: Final = ("breached_at", "judged_at")
_TOLD: Final = (
    *("breach_id", "rule", "per", "session_id", "day", "agent_name", "finding"),
    *("limit_usd", "amount_usd", "limit_count", "amount_count", "unknown_count", *_TIMES),
)


class NotTakenError(Exception):
    """A webhook did not take a message; the reason names no part of its address."""

    def __init__(self, reason: str, *, refused: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.refused = refused
        """Whether it was this message that it did not want."""
        self.retry_after_s = retry_after_s


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would turn the post into a get, and could carry the secret elsewhere."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow nothing."""


class Webhook:
    """An address that JSON is posted to."""

    def __init__(self, url: str, time_limit_s: float = TIME_LIMIT_S) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.name: str = f"{parts.scheme}://{parts.hostname}"
        """Enough for a person to know which webhook is meant."""
        self._url = parts._replace(netloc=host, fragment="").geturl()
        self._headers = {"Content-Type": "application/json", "User-Agent": "clawtrace"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        proxies = [ProxyHandler({})] if parts.hostname in _LOOPBACK else []
        self._opener = build_opener(_NoRedirects, *proxies)
        self._time_limit_s = time_limit_s
        self._posting: threading.Thread | None = None

    def post(self, message: bytes, key: str, stopping: threading.Event) -> None:
        """Post one message, `key` being equal in every attempt. Raises `NotTakenError`.

        Ends at the time limit even where the other side sends its answer byte by byte: that attempt is left to itself,
        and no other begins before its thread has ended.
        """
        if self._posting is not None and self._posting.is_alive():
            raise NotTakenError("an earlier attempt still hangs")
        ended: list[NotTakenError | None] = []
        request = Request(self._url, message, {**self._headers, "Idempotency-Key": key}, method="POST")  # noqa: S310 - check_webhook
        self._posting = threading.Thread(target=lambda: ended.append(self._attempt(request)), daemon=True)
        self._posting.start()
        deadline = time.monotonic() + self._time_limit_s
        while not ended and time.monotonic() < deadline and not stopping.is_set():
            self._posting.join(_GLANCE_S)
        if not ended:
            raise NotTakenError(f"no answer within {self._time_limit_s:g} s")
        if ended[0] is not None:
            raise ended[0]

    def _attempt(self, request: Request) -> NotTakenError | None:
        try:
            with self._opener.open(request, timeout=self._time_limit_s):
                return None
        except HTTPError as error:
            with error:
                later = error.headers.get("Retry-After", "")
            return NotTakenError(
                f"it answered {error.code}",
                refused=error.code in _REFUSALS and error.code not in _NO_REFUSALS,
                retry_after_s=min(float(later), LONGEST_PAUSE_S) if later.isascii() and later.isdigit() else 0.0,
            )
        except URLError as error:
            return NotTakenError(f"it cannot be reached ({_system_words(error.reason)})")
        except (OSError, HTTPException) as error:
            return NotTakenError(f"it cannot be reached ({_system_words(error)})")


def _system_words(reason: object) -> str:
    """Return what the system says of an error; the error's own text may repeat an address."""
    return getattr(reason, "strerror", None) or type(reason).__name__


class Outbox:
    """Posts the breaches that the store knows and no webhook was told of."""

    def __init__(self, store: TelemetryStore, webhook: Webhook, count: Callable[[str], None]) -> None:
        self._store = store
        self._webhook = webhook
        self._count = count
        self._stopping = threading.Event()
        self._wake = threading.Event()

    def look(self) -> None:
        """Have the thread look for something to tell."""
        self._wake.set()

    @contextmanager
    def in_background(self) -> Iterator[None]:
        """Deliver for as long as the block runs; what was not delivered stays for the next time."""
        thread = threading.Thread(target=self._run, name="webhook")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._wake.set()
            thread.join()

    def deliver(self) -> float | None:
        """Try to post everything once; return None when all was taken, else the least seconds to wait."""
        pause: float | None = None
        for row in self._store.unposted(_MOST_AT_ONCE):
            if self._stopping.is_set():
                return pause
            breach_id = str(row["breach_id"])
            try:
                self._webhook.post(message(row), breach_id, self._stopping)
            except NotTakenError as error:
                self._count("failed")
                log.warning("the webhook at %s was not told of %s: %s", self._webhook.name, breach_id, error)
                pause = max(pause or 0.0, error.retry_after_s)
                if not error.refused:
                    return pause
            else:
                self._store.mark_posted([breach_id], time.time_ns())
                self._count("posted")
        return pause

    def _run(self) -> None:
        attempts = 0
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                pause = self.deliver()
            except StoreError as error:
                log.warning("looking for breached budgets: %s", error)
                pause = 0.0
            if pause is None:
                attempts = 0
                self._wake.wait(_LOOK_AGAIN_S)
            else:
                attempts += 1
                self._stopping.wait(max(pause, backoff_s(attempts)))


def backoff_s(attempts: int) -> float:
    """Return the seconds to wait after so many failures in a row: twice as long each time, up to a limit, jittered."""
    longest: float = min(LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 20))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads load


def message(row: Mapping[str, object]) -> bytes:
    """Return a breach as JSON: money as text, times in ISO 8601."""
    said = {"event": "budget_breach", **{name: _json(name, row.get(name)) for name in _TOLD}}
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


def _json(name: str, value: object) -> object:
    if name in _TIMES and isinstance(value, int):
        return datetime.fromtimestamp(value / 1e9, UTC).isoformat(timespec="milliseconds")
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, date) else value
