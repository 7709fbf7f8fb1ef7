"""A webhook is told of each breach, whatever it answers, and its secrets stay out of the log."""

from __future__ import annotations

import logging
import threading
import time
from decimal import Decimal

import pytest

from clawtrace_otel.cli import webhook as module
from clawtrace_otel.cli.webhook import NotTakenError, Outbox, Webhook, backoff_s
from collector.store.memory import MemoryStore
from tests.collector.store.builders import NOW, SECOND, batch, span, trace
from tests.support.webhook import receiving


def store_with(*breach_ids: str) -> MemoryStore:
    """Return a store in which a budget was broken that often, the first first."""
    store = MemoryStore()
    store.append(batch([span(trace(1), 1)]))
    (group,) = store.groups()
    breaches = [
        {
            "breach_id": breach_id,
            "rule": "one",
            "per": "session",
            "session_id": f"of {breach_id}",
            "limit_usd": Decimal("0.50"),
            "amount_usd": Decimal(2),
            "unknown_count": 1,
            "state": "over",
            "judged_at": NOW,
            "breached_at": NOW + number * SECOND,
        }
        for number, breach_id in enumerate(breach_ids)
    ]
    store.replace(group, {"sessions": [{"session_id": "x"}], "budgets": breaches})
    return store


def test_a_breach_is_told_as_json() -> None:
    """Money is exact text, times are ISO 8601, what is not known is left out, and the id says which breach it is."""
    counted: list[str] = []
    with receiving() as receiver:
        assert Outbox(store_with("a"), Webhook(receiver.url), counted.append).deliver() is None
        headers, said = receiver.received.get_nowait()
    assert said == {
        "event": "budget_breach",
        "breach_id": "a",
        "rule": "one",
        "per": "session",
        "session_id": "of a",
        "limit_usd": "0.5",
        "amount_usd": "2",
        "unknown_count": 1,
        "breached_at": "2026-09-21T14:13:20.000+00:00",
        "judged_at": "2026-09-21T14:13:20.000+00:00",
    }
    assert headers["Idempotency-Key"] == "a"
    assert headers["Authorization"].startswith("Basic ")
    assert counted == ["posted"]


@pytest.mark.parametrize(
    ("answer", "told"), [(500, ["a"]), (429, ["a"]), (307, ["a"]), (404, ["a", "b"]), (400, ["a", "b"])]
)
def test_what_is_not_taken_is_told_again(answer: int, told: list[str]) -> None:
    """A webhook in trouble is left alone, one that refuses a message is told the next; nothing is told too often."""
    store, counted = store_with("a", "b"), list[str]()
    with receiving(answer) as receiver:
        outbox = Outbox(store, Webhook(receiver.url), counted.append)
        assert outbox.deliver() is not None
        assert [said["breach_id"] for said in receiver.all()] == told
        assert outbox.deliver() is None
        assert [said["breach_id"] for said in receiver.all()] == [name for name in ("a", "b") if name not in told[1:]]
        assert outbox.deliver() is None
        assert receiver.all() == []
    assert counted.count("failed") == 1
    assert counted.count("posted") == 2


def test_a_webhook_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One post takes no longer than the limit, and no second one begins while the first hangs."""
    with receiving(None) as receiver:
        webhook = Webhook(receiver.url, time_limit_s=0.2)
        monkeypatch.setattr(webhook, "_attempt", lambda _: receiver.closing.wait())
        with pytest.raises(NotTakenError, match=r"no answer within 0.2 s"):
            webhook.post(b"{}", "a", threading.Event())
        with pytest.raises(NotTakenError, match="still hangs"):
            webhook.post(b"{}", "a", threading.Event())


def test_stopping_does_not_wait_for_a_webhook() -> None:
    """The background ends soon though the webhook never answers, and what it was not told of stays."""
    store = store_with("a")
    with receiving(None) as receiver:
        outbox = Outbox(store, Webhook(receiver.url, time_limit_s=60.0), lambda _: None)
        with outbox.in_background():
            receiver.next()
            began = time.monotonic()
        assert time.monotonic() - began < 20
    assert [row["breach_id"] for row in store.unposted(9)] == ["a"]


def test_the_background_tries_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """After failures it comes back without being asked, until the message is taken."""
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    store = store_with("a")
    posted = threading.Event()
    with receiving(503, 500, 429) as receiver:
        outbox = Outbox(store, Webhook(receiver.url), lambda result: posted.set() if result == "posted" else None)
        with outbox.in_background():
            assert posted.wait(60)
        assert [said["breach_id"] for said in receiver.all()] == ["a"] * 4
    assert store.unposted(9) == []


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal, a closed port and a name that does not resolve are logged with scheme and host only."""
    store = store_with("a")
    with receiving(403) as receiver, caplog.at_level(logging.DEBUG):
        url = receiver.url
        Outbox(store, Webhook(url), lambda _: None).deliver()
    with caplog.at_level(logging.DEBUG):
        Outbox(store, Webhook(url), lambda _: None).deliver()
        Outbox(store, Webhook("https://SECRET@no-such-host.invalid/SECRET"), lambda _: None).deliver()
    assert "http://127.0.0.1" in caplog.text
    assert "403" in caplog.text
    assert caplog.text.count("was not told of a") == 3
    assert "SECRET" not in caplog.text


def test_pauses_grow_to_a_limit() -> None:
    """Twice as long each time, never longer than five minutes, never twice the same."""
    assert 0.5 <= backoff_s(1) <= 1
    assert 4 <= backoff_s(4) <= 8
    assert 150 <= backoff_s(10**6) <= 300
