"""The whole path from recorded telemetry to cards and rows."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from collector.store import Signals
from collector.store.derived import REPLACED
from collector.store.derived_rows import arrow_tables
from processors.findings import flag
from processors.ledger import attribute
from processors.normalise import normalise
from processors.pipeline import Compiled, compile_group
from processors.pricing import price, price_book
from processors.rows import derived_rows
from processors.tracecard import TraceCard, compile_card
from tests.processors.support import RECORDINGS, load_recording, load_truth

CARDS = Path(__file__).parent.parent / "fixtures" / "cards"
BOOK = price_book()
MAX_BYTES = 4_000


def compiled(name: str) -> tuple[Compiled, ...]:
    """Compile a recording as it was sent."""
    return compile_group(Signals(*load_recording(name)), BOOK)


def cards(sessions: Sequence[Compiled]) -> str:
    """Return the cards of a group as one text."""
    return "---\n".join(session.card.to_yaml() for session in sessions)


@pytest.mark.parametrize("name", [name for name in RECORDINGS if load_truth(name)["expected_cost_usd"] is not None])
def test_the_cost_is_what_the_server_charged_or_says_what_is_missing(name: str) -> None:
    """Where every call that was served is priced, the cost is the server's to 1e-9; else it is less, with a reason."""
    truth = load_truth(name)
    steps = [row for row in derived_rows(compiled(name), 1)["steps"] if row["kind"] == "llm"]
    costs = [row["cost_usd"] for row in steps if row.get("cost_usd") is not None]
    ours = sum((cost for cost in costs if isinstance(cost, Decimal)), Decimal(0))
    charged = Decimal(str(truth["expected_cost_usd"]))
    if len(costs) == truth["llm_calls"]:
        assert abs(ours - charged) < Decimal("1e-9")
        return
    assert ours < charged
    reasons = {row["unpriced_reason"] for row in steps if row.get("unpriced_reason")} - {"request_failed"}
    sent = sum(row.get("counted_by") is None and row.get("unpriced_reason") != "request_failed" for row in steps)
    assert reasons or sent < truth["llm_calls"]


@pytest.mark.parametrize("name", RECORDINGS)
def test_five_calls_make_the_card(name: str) -> None:
    """Whoever makes the five calls one by one has the same cards as the pipeline."""
    made = []
    for session in normalise(*load_recording(name)):
        prices = price(session, BOOK)
        ledger = attribute(session, prices)
        findings = flag(session, ledger)
        made.append(compile_card(session, prices, ledger, findings))
    assert made == [session.card for session in compiled(name)]


@pytest.mark.parametrize("name", RECORDINGS)
def test_order_and_repetition_change_nothing(name: str) -> None:
    """Telemetry in another order, and sent twice, gives the same cards and rows to the last byte."""
    spans, logs = load_recording(name)
    expected = compiled(name)
    mixer = random.Random(name)
    for _ in range(3):
        twice = [*spans, *spans], [*logs, *logs]
        for signals in twice:
            mixer.shuffle(signals)
        again = compile_group(Signals(tuple(twice[0]), tuple(twice[1])), BOOK)
        assert cards(again) == cards(expected)
        assert derived_rows(again, 1) == derived_rows(expected, 1)


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_card_is_the_golden_one(name: str, golden: Callable[[Path, str], None]) -> None:
    """Each recording has a card that a person has looked at; `make golden` writes it anew."""
    golden(CARDS / f"{name}.yaml", cards(compiled(name)))


@pytest.mark.parametrize("name", RECORDINGS)
def test_cards_are_small_and_read_back(name: str) -> None:
    """No card of a recording is over 4 kB, and each is read back as it was."""
    for session in compiled(name):
        text = session.card.to_yaml()
        assert len(text.encode()) <= MAX_BYTES
        assert TraceCard.from_yaml(text) == session.card


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_store_takes_every_row(name: str) -> None:
    """The rows of every recording fit the derived tables, and travel from a worker process."""
    rows = pickle.loads(pickle.dumps(derived_rows(compiled(name), 1)))
    assert arrow_tables(rows, REPLACED)["sessions"].num_rows >= 1


def test_a_recorded_verdict_goes_before_what_telemetry_says() -> None:
    """An oracle's verdict, task and condition stand on the card and in the session's row."""
    signals = Signals(*load_recording("pydantic-ai"))
    session_id = compile_group(signals, BOOK)[0].session.session_id
    verdict = {"session_id": session_id, "task_id": "report-047", "condition": "new", "passed": True, "score": 0.75}
    judged = compile_group(signals, BOOK, {session_id: verdict, "another": {"passed": False}})
    outcome = judged[0].card.outcome
    assert (outcome.passed, outcome.score, outcome.source) == (True, Decimal("0.75"), "oracle")
    assert judged[0].card.task_id == "report-047"
    assert derived_rows(judged, 1)["sessions"][0]["condition"] == "new"
