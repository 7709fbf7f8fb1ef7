"""Budgets at work: what is compiled is judged in the commit that stores it, counted, logged and posted."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.webhook import Outbox, Webhook
from collector.store.charges import charges_of
from processors.budgets import Budgets, Verdict, judge
from processors.budgets.rules import check_webhook
from processors.errors import BudgetFileError

if TYPE_CHECKING:
    from clawtrace_otel.cli.compiler import Compiler
    from collector.metrics import Metrics
    from collector.store import DerivedRows, Group, TelemetryStore

log: Final = logging.getLogger("clawtrace.budgets")


def read_budgets(path: Path) -> tuple[Budgets, Webhook | None]:
    """Read a file of budgets. Raises `BudgetFileError` with its name and line."""
    budgets = Budgets.read(path)
    url = budgets.webhook
    if budgets.webhook_from is not None:
        url = os.environ.get(budgets.webhook_from)
        if not url:
            raise BudgetFileError(f"{path}: webhook_from: the environment variable {budgets.webhook_from} is not set")
        try:
            check_webhook(url)
        except ValueError as error:
            raise BudgetFileError(f"{path}: the environment variable {budgets.webhook_from}: {error}") from None
    return budgets, None if url is None else Webhook(url)


class BudgetJudge:
    """Stores compiled sessions together with what the budgets say of them, for one thread at a time."""

    def __init__(
        self,
        store: TelemetryStore,
        budgets: Budgets,
        breached: Callable[[Verdict], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._rules = budgets.rules
        self._by_day = any(rule.per != "session" for rule in budgets.rules)
        self._breached = breached
        self._clock = clock

    def replace_all(self, compiled: Sequence[tuple[Group, DerivedRows]]) -> None:
        """Do the store's `replace_all`, verdicts included, and tell of each breach that was none before."""
        sessions = [session for _, rows in compiled for session in charges_of(rows)]
        days = {charge.day for session in sessions for charge in session.charges if charge.day is not None}
        others = self._store.charges_beside(compiled, days) if self._by_day else ()
        verdicts = judge(self._rules, sessions, others)
        over = {verdict.breach_id: verdict for verdict in verdicts if verdict.state == "over"}
        known = self._store.breached(over) if over else frozenset()
        now = self._clock()
        self._store.replace_all(_with_budgets(compiled, [verdict.row(now) for verdict in verdicts]))
        for breach_id in over.keys() - known:
            log.warning("%s", in_words(over[breach_id]))
            self._breached(over[breach_id])


def _with_budgets(
    compiled: Sequence[tuple[Group, DerivedRows]], verdicts: Sequence[Mapping[str, object]]
) -> Sequence[tuple[Group, DerivedRows]]:
    """Return what is to be stored with the verdicts, which are the whole transaction's, at its first group."""
    if not verdicts:
        return compiled
    (group, rows), *rest = compiled
    return [(group, {**rows, "budgets": verdicts}), *rest]


def in_words(verdict: Verdict) -> str:
    """Say what went over which limit, on one line."""
    match verdict.per:
        case "session":
            subject = f"session {verdict.session_id!r}"
        case "day":
            subject = f"the day {verdict.day}"
        case "agent":
            subject = f"agent {verdict.agent_name!r} on {verdict.day}"
    if verdict.limit_count is not None:
        return f"budget {verdict.rule}: {subject} has {verdict.amount_count} findings of {verdict.limit_count} allowed"
    least = f", and {verdict.unknown_count} more without a known cost" if verdict.unknown_count else ""
    what = "wasted" if verdict.finding else "cost"
    amount, limit = _plain(verdict.amount_usd), _plain(verdict.limit_usd)
    return f"budget {verdict.rule}: {subject} {what} {amount} of {limit} USD allowed{least}"


def _plain(usd: Decimal | None) -> str:
    return "?" if usd is None else format(usd.normalize(), "f")


def attach(
    store: TelemetryStore, read: tuple[Budgets, Webhook | None] | None, compiler: Compiler, metrics: Metrics
) -> Outbox | None:
    """Have a compiler judge by the budgets; return what tells the webhook, where there is one."""
    if read is None:
        return None
    budgets, webhook = read
    for rule in budgets.rules:
        metrics.budget_breaches.labels(rule.rule)
    outbox = None if webhook is None else Outbox(store, webhook, metrics.count_posted)

    def breached(verdict: Verdict) -> None:
        metrics.budget_breaches.labels(verdict.rule).inc()
        if outbox is not None:
            outbox.look()

    compiler.replace_all = BudgetJudge(store, budgets, breached).replace_all
    return outbox


@contextmanager
def watching(
    store: TelemetryStore, read: tuple[Budgets, Webhook | None] | None, compiler: Compiler, metrics: Metrics
) -> Iterator[None]:
    """Have a compiler judge by the budgets, and a webhook told of breaches, for as long as the block runs."""
    outbox = attach(store, read, compiler, metrics)
    if outbox is None:
        yield
        return
    with outbox.in_background():
        yield
