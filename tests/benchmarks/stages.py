"""Where a session's processor time goes between its stored rows and its cards, stage by stage, in one process."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clawtrace_otel.cli.session_files import lines_of, session_files
from collector.store import Group, Signals
from collector.store.duck import DuckStore
from processors.counterfactual import Counterfactual
from processors.findings import View, flag
from processors.ledger import attribute
from processors.model import Session
from processors.normalise import normalise
from processors.outcomes import judged
from processors.pipeline import Compiled
from processors.pricing import price, price_book
from processors.pricing.book import ChainedPriceBook
from processors.rows import derived_rows
from processors.savings import savings
from processors.session_logs import Delegations, read_claude_code
from processors.structure import Structure
from processors.tracecard import compile_card
from tests.benchmarks.year_of_logs import write_year

SESSIONS = 200
TOGETHER = 100
"""Groups that are stored in one transaction."""


class Clock:
    """Processor seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        """Add what the block takes to a stage."""
        started = time.process_time()
        yield
        self.seconds[stage] += time.process_time() - started


def main() -> None:
    """Print one line per stage."""
    with tempfile.TemporaryDirectory() as folder:
        write_year(Path(folder), SESSIONS)
        clock, book = Clock(), price_book()
        stored = []
        with clock.on("read files"):
            found = [
                read_claude_code(lines_of(file), file.name, Delegations()) for file in session_files([Path(folder)])
            ]
        store = DuckStore.open(Path(folder) / "stages.duckdb")
        for imported in found:
            signals = Signals(tuple(imported.spans), ())
            _compiled(signals, book, Clock())  # rates and tokens are looked up once in a worker's life
            compiled = _compiled(signals, book, clock)
            with clock.on("rows"):
                rows = derived_rows(compiled, 1)
            stored.append((_group(signals), rows))
        for first in range(0, len(stored), TOGETHER):
            with clock.on("store rows"):
                store.replace_all(stored[first : first + TOGETHER])
        store.close()
    print(f"\n{len(stored)} session files, processor time in ms per file")  # noqa: T201 - what a command prints
    for stage, seconds in clock.seconds.items():
        print(f"{stage:>16} {seconds / len(stored) * 1e3:8.2f}")  # noqa: T201


def _group(signals: Signals) -> Group:
    return Group(frozenset(span.trace_id for span in signals.spans), frozenset(), last_batch=1)


def _compiled(signals: Signals, book: ChainedPriceBook, clock: Clock) -> list[Compiled]:
    with clock.on("normalise"):
        sessions = judged(normalise(signals.spans, signals.logs), signals.spans, signals.logs)
    return [_of_session(session, book, clock) for session in sessions]


def _of_session(session: Session, book: ChainedPriceBook, clock: Clock) -> Compiled:
    with clock.on("price"):
        prices = price(session, book)
    with clock.on("ledger"):
        structure = Structure.of(session)
        ledger = attribute(session, prices, structure=structure)
    with clock.on("findings"):
        what_if = Counterfactual(session, ledger, book, structure)
        view = View(session, ledger, what_if, structure=structure)
        findings = flag(session, ledger, view=view)
    with clock.on("savings"):
        saved = savings(session, ledger, what_if)
    with clock.on("card"):
        card = compile_card(session, prices, ledger, findings, view)
    return Compiled(
        session=session,
        prices=prices,
        tool_prices={},
        ledger=ledger,
        view=view,
        savings=saved,
        findings=findings,
        card=card,
    )


if __name__ == "__main__":
    main()
