"""Totals of a session. Its row and its card both use them, so each is computed in one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal

from processors.failures import failed_steps
from processors.ledger.model import Ledger
from processors.model import AgentRun, ModelCall, Session, Step, ToolCall
from processors.normalise.usage import CACHED_NOT_SENT
from processors.pricing.model import USD_QUANTUM, Cost, Price, Unpriced
from processors.pricing.session import billable_calls
from processors.structure import Structure
from processors.unseen import model_calls_unseen, tool_calls_unseen

UNKNOWN_MODEL = "unknown"
MOST_REPORTED = 10**9
"""USD above which a reported cost is implausible for a single call or agent."""


@dataclass(frozen=True, slots=True)
class TokenSums:
    """Tokens of all billable calls that reported them; None where none did, or where only zeros of some are known.

    No `Usage`: parts may be known of more calls than their whole.
    """

    input_tokens: int | None
    cache_read_input_tokens: int | None
    cache_write_input_tokens: int | None
    output_tokens: int | None
    reasoning_output_tokens: int | None

    @classmethod
    def of(cls, calls: Iterable[ModelCall]) -> TokenSums:
        """Add up."""
        called = list(calls)
        return cls(**{field.name: token_sum(called, field.name) for field in fields(cls)})


def token_sum(calls: Iterable[ModelCall], name: str) -> int | None:
    """Return the sum of a count of `Usage`; None where no call reported it.

    A zero is no sum either where chat calls kept silent: it tells nothing of them. Nor is what some calls read from a
    cache where the source dropped the count of others.
    """
    calls = list(calls)
    if name == "cache_read_input_tokens" and any(call.usage_missing == CACHED_NOT_SENT for call in calls):
        return None
    known = [count for call in calls if call.usage is not None and (count := getattr(call.usage, name)) is not None]
    silent = any(
        call.operation == "chat" and (call.usage is None or getattr(call.usage, name) is None) for call in calls
    )
    return sum(known) if known and (any(known) or not silent) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Totals of a session. A duplicate report of a call counts nowhere."""

    models: Mapping[str, int]
    """Billable calls by model, the most used first."""
    llm_calls: int | None
    """Billable chat calls; None where the source sends no model calls."""
    tool_calls: int | None
    """None where the source sends neither tools nor what the model asked for."""
    sub_agents: int
    failures: int
    """Steps that failed themselves, requests that were refused among them."""
    tokens: TokenSums
    cost: Decimal | None
    """USD of the priced calls, of models and of tools; None where none could be priced, also for want of any."""
    priced: int
    unpriced: Mapping[str, int]
    """Calls without a price by reason, the most frequent first."""
    doubts: Mapping[str, int]
    """Priced calls by what is uncertain about their price."""
    reported_cost: Decimal | None
    """USD that the agent itself claimed; its total where it gave no figure per call."""
    price_sources: tuple[str, ...]


def summarise(session: Session, prices: Mapping[str, Price], ledger: Ledger, structure: Structure) -> Summary:
    """Compute a session's totals."""
    calls = tuple(billable_calls(session))
    counted = [step for step in session.steps if step.counted_by is None]
    found = [prices.get(call.step_id, Unpriced("not_priced")) for call in calls]
    costs = [price for price in found if isinstance(price, Cost)]
    return Summary(
        models=_ranked(call.model or call.request_model or UNKNOWN_MODEL for call in calls),
        llm_calls=None if model_calls_unseen(session.steps) else sum(call.operation == "chat" for call in calls),
        tool_calls=None if tool_calls_unseen(session.steps) else sum(isinstance(step, ToolCall) for step in counted),
        sub_agents=sum(isinstance(step, AgentRun) and step.is_sub_agent for step in counted),
        failures=sum(1 for _ in failed_steps(session, structure)),
        tokens=TokenSums.of(calls),
        cost=ledger.total if costs or ledger.total else None,
        priced=len(costs),
        unpriced=_ranked(price.reason for price in found if isinstance(price, Unpriced)),
        doubts=_ranked(cost.note for cost in costs if cost.note),
        reported_cost=_reported(counted, structure),
        price_sources=tuple(sorted({cost.source for cost in costs})),
    )


def _ranked(names: Iterable[str]) -> dict[str, int]:
    counts = Counter(names)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _reported(counted: Iterable[Step], structure: Structure) -> Decimal | None:
    """Sum what calls reported; where none did, what the outermost agents reported for all that they did."""
    steps = list(counted)
    calls = [
        cost for step in steps if isinstance(step, ModelCall) and (cost := _believable(step.reported_cost)) is not None
    ]
    if calls:
        return sum(calls, Decimal(0))
    agents = {step.step_id: _believable(step.reported_cost) for step in steps if isinstance(step, AgentRun)}
    outermost = [
        cost for step_id, cost in agents.items() if cost is not None and not _below(step_id, agents, structure.parents)
    ]
    return sum(outermost, Decimal(0)) if outermost else None


def _believable(cost: Decimal | None) -> Decimal | None:
    """Return a reported cost rounded to the quantum; None for an implausible one."""
    if cost is None or not cost.is_finite() or not 0 <= cost <= MOST_REPORTED:
        return None
    return cost.quantize(USD_QUANTUM)


def _below(step_id: str, agents: Mapping[str, Decimal | None], parents: Mapping[str, str]) -> bool:
    """Return whether a step lies below an agent that reported a cost."""
    above = parents.get(step_id)
    while above is not None:
        if agents.get(above) is not None:
            return True
        above = parents.get(above)
    return False
