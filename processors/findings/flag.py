"""Runs every detector over a session and prices what it found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from processors.counterfactual import Counterfactual
from processors.effects import ToolRule
from processors.findings.cache_break import CacheBreak
from processors.findings.context_growth import ContextGrowth
from processors.findings.cycle import Cycle
from processors.findings.detector import Detector, Draft
from processors.findings.duplicate_llm_call import DuplicateLlmCall
from processors.findings.failed_retry import FailedRetry
from processors.findings.model import Finding
from processors.findings.oversized_result import OversizedResult
from processors.findings.poll_loop import PollLoop
from processors.findings.repeated_call import RepeatedCall
from processors.findings.rephrased_query import RephrasedQuery
from processors.findings.thinking_only import ThinkingOnly
from processors.findings.unused_result import UnusedResult
from processors.findings.unused_sub_agent import UnusedSubAgent
from processors.findings.view import View
from processors.ledger import Ledger
from processors.model import ModelCall, Session
from processors.pricing.model import USD_QUANTUM

DETECTORS: tuple[Detector, ...] = (
    RepeatedCall(),
    FailedRetry(),
    PollLoop(),
    RephrasedQuery(),
    Cycle(),
    UnusedResult(),
    UnusedSubAgent(),
    OversizedResult(),
    CacheBreak(),
    ContextGrowth(),
    ThinkingOnly(),
    DuplicateLlmCall(),
)
ZERO = Decimal(0)


def flag(
    session: Session,
    ledger: Ledger,
    what_if: Counterfactual | None = None,
    rules: Sequence[ToolRule] = (),
    view: View | None = None,
) -> tuple[Finding, ...]:
    """Find avoidable cost, most expensive first, deterministically.

    Without `what_if` findings carry no saving. `rules` are the user's `tools:` mapping. Pass the `view` of an earlier
    call on the same session to save its work.
    """
    view = view or View(session, ledger, what_if, rules)
    found = [
        _priced(detector.name, draft, view)
        for detector in DETECTORS
        if detector.gap(view) is None
        for draft in detector.find(view)
    ]
    return tuple(sorted(found, key=_by_cost))


def gaps(view: View) -> tuple[str, ...]:
    """List what could not be judged for lack of evidence, in words for a user, in the order of `DETECTORS`."""
    return tuple(dict.fromkeys(gap for detector in DETECTORS if (gap := detector.gap(view)) is not None))


def wasted_usd(findings: Iterable[Finding], view: View) -> Decimal | None:
    """Sum up the waste of a session, every step once however many findings name it or a step above it.

    Soft findings are left out. Returns USD; None where nothing was priced.
    """
    if view.ledger.total is None:
        return None
    worst: dict[str, Decimal] = {}
    for finding in findings:
        if finding.soft or finding.wasted_usd is None:
            continue
        for step_id, part in _spread(finding.wasted_usd, finding.step_ids, view):
            worst[step_id] = max(worst.get(step_id, ZERO), part)
    return min(view.ledger.total, sum(worst.values(), ZERO).quantize(USD_QUANTUM))


def _spread(usd: Decimal, step_ids: Sequence[str], view: View) -> Iterator[tuple[str, Decimal]]:
    """Divide a finding's waste between its steps and what lies under them, by what each was attributed."""
    attributed = {step_id: view.ledger.money(step_id).attributed for step_id in _covered(step_ids, view)}
    whole = sum(attributed.values(), ZERO)
    if whole:
        yield from ((step_id, usd * part / whole) for step_id, part in attributed.items())
    else:
        yield from ((step_id, usd / len(step_ids)) for step_id in step_ids)


def _covered(step_ids: Iterable[str], view: View) -> Iterator[str]:
    """Name some steps and everything under them, each once."""
    return iter(dict.fromkeys(below for step_id in step_ids for below in view.structure.under(step_id)))


def _priced(name: str, draft: Draft, view: View) -> Finding:
    saving = view.what_if.saving(draft.step_ids) if view.what_if is not None and draft.removable else None
    return Finding(
        detector=name,
        step_ids=draft.step_ids,
        span_ids=tuple(span for step_id in draft.step_ids if (span := _span_of(step_id, view)) is not None),
        related_step_ids=draft.related_step_ids,
        wasted_usd=_wasted(draft, view),
        saving_usd=None if saving is None else saving.usd,
        note=draft.note,
        soft=draft.soft,
        evidence={**draft.evidence, **({"assumption": saving.assumption} if saving is not None else {})},
    )


def _wasted(draft: Draft, view: View) -> Decimal | None:
    if not draft.removable:
        return draft.wasted_usd
    steps = tuple(_covered(draft.step_ids, view))
    if not view.anything_priced or (view.ledger.unpriced and not any(_paid_for(step_id, view) for step_id in steps)):
        return None
    return sum((view.ledger.money(step_id).attributed for step_id in steps), ZERO)


def _paid_for(step_id: str, view: View) -> bool:
    """Whether a priced call is, carried or asked for a step."""
    money, asker = view.ledger.money(step_id), view.structure.asked_by.get(step_id)
    if money.attributed or money.carried_calls:
        return True
    calls = (step_id if isinstance(view.structure.by_id.get(step_id), ModelCall) else None, asker)
    return any(call is not None and view.ledger.money(call).billed is not None for call in calls)


def _span_of(step_id: str, view: View) -> str | None:
    step = view.structure.by_id.get(step_id)
    return None if step is None else step.span_id


def _by_cost(finding: Finding) -> tuple[Decimal, str, tuple[str, ...]]:
    cost = finding.saving_usd if finding.saving_usd is not None else finding.wasted_usd
    return (-(cost or ZERO), finding.detector, finding.step_ids)
