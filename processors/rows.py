"""Compiled sessions as rows of the derived tables, by the column names of the outside contract.

Money is NULL in a session of which no call could be priced; in every other one `cost_usd` and `attributed_usd` of the
steps each sum to the session's `cost_usd`, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields

from collector.store import DerivedRows
from processors import plain_text
from processors.findings import Finding, wasted_usd
from processors.ledger import INITIAL_CONTEXT, entries
from processors.model import AgentRun, ModelCall, OtherStep, Session, Step, ToolCall, Usage
from processors.pipeline import Compiled
from processors.pricing import Cost, Unpriced
from processors.summary import TokenSums, summarise
from processors.tracecard import SCHEMA_VERSION, gaps
from processors.tracecard.material import step_numbers

ARGUMENT_LENGTH = 20_000
"""Characters of a tool's arguments that a step's row keeps; the whole stands in the span."""
RESULT_LENGTH = 4_000
"""Characters of a tool's result that a step's row keeps; the whole stands in the span."""
_NS_PER_MS = 1_000_000
_USAGE_COLUMNS = tuple(field.name for field in fields(TokenSums))

Row = Mapping[str, object]


def derived_rows(compiled: Iterable[Compiled], compiled_at: int) -> DerivedRows:
    """Return the rows of all derived tables; `compiled_at` is in nanoseconds since the epoch."""
    sessions = tuple(compiled)
    return {
        "sessions": [session_row(each) for each in sessions],
        "steps": [row for each in sessions for row in step_rows(each)],
        "findings": [finding_row(each, finding) for each in sessions for finding in each.findings],
        "ledger": [row for each in sessions for row in ledger_rows(each)],
        "tracecards": [card_row(each, compiled_at) for each in sessions],
        "evaluations": [row for each in sessions for row in evaluation_rows(each)],
        "correlations": [row for each in sessions for row in correlation_rows(each.session)],
    }


def correlation_rows(session: Session) -> Iterator[Row]:
    """Yield what lets the store find, by content, traces that belong to the session."""
    if session.trace_ids:
        for end in session.loose_ends:
            yield {"trace_id": session.trace_ids[0], "value": end.value, "lasting": end.lasting}


def session_row(compiled: Compiled) -> Row:
    """Return one row of `sessions`."""
    session = compiled.session
    summary = summarise(session, compiled.prices, compiled.ledger, compiled.view.structure)
    return {
        "session_id": session.session_id,
        "task_id": session.task_id,
        "agent_name": session.agent_name,
        "service_name": session.service_name,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "duration_ms": _duration_ms(session.started_at, session.ended_at),
        "models": list(summary.models),
        "llm_call_count": summary.llm_calls,
        "tool_call_count": summary.tool_calls,
        "sub_agent_count": summary.sub_agents,
        "error_count": summary.failures,
        **{name: getattr(summary.tokens, name) for name in _USAGE_COLUMNS},
        "cost_usd": summary.cost,
        "reported_cost_usd": summary.reported_cost,
        "unpriced_call_count": sum(summary.unpriced.values()),
        "wasted_usd": None if summary.cost is None else wasted_usd(compiled.findings, compiled.view),
        "outcome_score": session.outcome.score if session.outcome else None,
        "outcome_passed": session.outcome.passed if session.outcome else None,
        "condition": session.condition,
        "session_source": session.session_source,
        "conversation_ids": list(session.conversation_ids),
        "trace_ids": list(session.trace_ids),
        "gaps": list(gaps(compiled.view, summary)),
        "unpriced_reasons": list(summary.unpriced),
    }


def step_rows(compiled: Compiled) -> Iterator[Row]:
    """Yield the rows of `steps`, the initial context first where anything was attributed to it."""
    session, ledger = compiled.session, compiled.ledger
    known = ledger.total is not None and (ledger.priced > 0 or ledger.total > 0)
    numbers = step_numbers(session)
    contexts = {call: context.context_id for context in session.contexts for call in context.call_step_ids}
    if known and INITIAL_CONTEXT in ledger.steps:
        yield {
            "session_id": session.session_id,
            "step_index": numbers[INITIAL_CONTEXT],
            "step_id": INITIAL_CONTEXT,
            "kind": "context",
            "name": INITIAL_CONTEXT,
            "agent_name": session.agent_name,
            "started_at": session.started_at,
            "inferred": False,
            **_money(compiled, INITIAL_CONTEXT),
        }
    for step in session.steps:
        yield {
            "session_id": session.session_id,
            "step_index": numbers[step.step_id],
            "context_id": contexts.get(step.step_id),
            **_common(step),
            **_particular(step),
            **_price(compiled, step),
            **(_money(compiled, step.step_id) if known and step.counted_by is None else {}),
        }


def _common(step: Step) -> Row:
    return {
        "step_id": step.step_id,
        "parent_step_id": step.parent_step_id,
        "trace_id": step.trace_id,
        "span_id": step.span_id,
        "name": step.name,
        "agent_name": step.agent_name,
        "started_at": step.started_at,
        "duration_ms": _duration_ms(step.started_at, step.ended_at),
        "error_type": step.error.type if step.error else None,
        "error_message": step.error.message or None if step.error else None,
        "counted_by": step.counted_by,
        "inferred": step.inferred,
        "dialect": step.dialect,
        "note": step.note,
    }


def _particular(step: Step) -> Row:
    match step:
        case ModelCall():
            return {
                "kind": "llm" if step.operation == "chat" else "embedding",
                "provider": step.provider,
                "model": step.model or step.request_model,
                "request_id": step.request_id,
                **_usage(step.usage),
            }
        case ToolCall():
            return {
                "kind": "tool",
                "tool_call_id": step.tool_call_id,
                "arguments": step.arguments and step.arguments[:ARGUMENT_LENGTH],
                "result": step.result and step.result[:RESULT_LENGTH],
            }
        case AgentRun():
            return {"kind": "agent"}
        case OtherStep():
            return {"kind": step.kind}


def _usage(usage: Usage | None) -> Row:
    return {} if usage is None else {name: getattr(usage, name) for name in _USAGE_COLUMNS}


def _price(compiled: Compiled, step: Step) -> Row:
    if step.counted_by is not None:
        return {}
    if isinstance(step, ToolCall) and step.name in compiled.tool_prices:
        return {"price_source": compiled.tool_prices[step.name].source}
    if not isinstance(step, ModelCall):
        return {}
    price = compiled.prices.get(step.step_id, Unpriced("not_priced"))
    if isinstance(price, Unpriced):
        return {"unpriced_reason": price.reason}
    return {"price_source": price.source, "note": _joined(step.note, price)}


def _money(compiled: Compiled, step_id: str) -> Row:
    money = compiled.ledger.money(step_id)
    return {
        "cost_usd": money.billed,
        "attributed_usd": money.attributed,
        "carried_usd": money.carried,
        "subtree_usd": money.subtree,
        "saving_usd": compiled.savings.get(step_id),
    }


def finding_row(compiled: Compiled, finding: Finding) -> Row:
    """Return one row of `findings`."""
    return {
        "session_id": compiled.session.session_id,
        "finding_id": finding.finding_id,
        "detector": finding.detector,
        "step_ids": list(finding.step_ids),
        "span_ids": list(finding.span_ids),
        "wasted_usd": finding.wasted_usd,
        "saving_usd": finding.saving_usd,
        "evidence": dict(finding.evidence),
        "note": finding.note,
        "soft": finding.soft,
        "related_step_ids": list(finding.related_step_ids),
    }


def ledger_rows(compiled: Compiled) -> Iterator[Row]:
    """Yield the rows of `ledger`."""
    for entry in entries(compiled.ledger):
        yield {
            "session_id": compiled.session.session_id,
            "call_step_id": entry.call_step_id,
            "producer_step_id": entry.producer_step_id,
            "token_class": entry.token_class.value,
            "tokens": entry.tokens,
            "usd": entry.usd,
        }


def evaluation_rows(compiled: Compiled) -> Iterator[Row]:
    """Yield the rows of `evaluations`."""
    for result in compiled.session.evaluations:
        check = {"name": result.name, "passed": result.passed, "expected": result.expected, "got": result.got}
        yield {
            "session_id": compiled.session.session_id,
            "name": result.name,
            "score": result.score,
            "label": result.label,
            "passed": result.passed,
            "explanation": result.explanation,
            "source": result.source,
            "trace_id": result.trace_id,
            "span_id": result.span_id,
            "decides": result.decides,
            "checks": [] if result.passed is None else [check],
            "recorded_at": result.recorded_at,
        }


def card_row(compiled: Compiled, compiled_at: int) -> Row:
    """Return one row of `tracecards`."""
    card = compiled.card.to_data()
    return {
        "session_id": compiled.session.session_id,
        "schema_version": SCHEMA_VERSION,
        "card": plain_text.to_json(card),
        "yaml": plain_text.to_yaml(card),
        "compiled_at": compiled_at,
    }


def _joined(note: str | None, cost: Cost) -> str | None:
    return "; ".join(filter(None, (note, cost.note))) or None


def _duration_ms(started_at: int, ended_at: int) -> float | None:
    return (ended_at - started_at) / _NS_PER_MS if ended_at >= started_at else None
