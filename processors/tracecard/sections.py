"""The lists of a card: which steps stand on it and why.

Every list is in order of cost, so that cutting it leaves the costliest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Literal

from processors.failures import failed_steps, in_words, repairs
from processors.findings.model import Finding
from processors.ledger.model import INITIAL_CONTEXT
from processors.model import AgentRun, ModelCall, Step, ToolCall, ToolRequest
from processors.tracecard.items import (
    CardFinding,
    CardSubAgent,
    FailedStep,
    RedundantToolCall,
    SpanTokens,
    TopCostSpan,
)
from processors.tracecard.material import NAME_BYTES, Material, clip

REPEATED_CALL = "repeated_call"
UNUSED_SUB_AGENT = "unused_sub_agent"
MOST_STEPS = 12
"""Step numbers that one entry names."""
SMALL_SHARE = Decimal("0.05")
"""Share of the session's cost below which a span is not named,"""
ALWAYS_NAMED = 3
"""unless it is among this many costliest."""
WORTH_SAYING = Decimal("0.1")
"""Share of a span's cost below which its carried part is not named."""
_ZERO = Decimal(0)


def top_cost_spans(material: Material, most: int) -> tuple[list[TopCostSpan], int]:
    """List at most so many steps that caused cost, the costliest first; and count those that are left out."""
    caused = sorted(
        (-money.attributed, material.numbers[step_id], step_id)
        for step_id, money in material.ledger.steps.items()
        if money.attributed > 0
    )
    floor = (material.ledger.total or _ZERO) * SMALL_SHARE
    large = sum(-negated >= floor for negated, _, _ in caused)
    named = caused[: min(most, max(ALWAYS_NAMED, large))]
    return [_top(material, step_id) for _, _, step_id in named], len(caused) - len(named)


def _top(material: Material, step_id: str) -> TopCostSpan:
    money = material.ledger.money(step_id)
    step = material.structure.by_id.get(step_id)
    tokens = SpanTokens()
    if isinstance(step, ModelCall) and step.usage is not None:
        tokens = SpanTokens(input=step.usage.input_tokens, output=step.usage.output_tokens)
    return TopCostSpan(
        step=material.numbers[step_id],
        span=step.span_id if step else None,
        kind=_kind(step),
        name=INITIAL_CONTEXT if step is None else clip(step.name, NAME_BYTES),
        usd=money.attributed,
        carried_usd=money.carried if step and money.carried >= WORTH_SAYING * money.attributed else None,
        tokens=tokens,
        hint=_hint(step, money.carried_calls),
    )


def _kind(step: Step | None) -> Literal["llm", "embedding", "tool", "agent", "context"]:
    if isinstance(step, ModelCall):
        return "llm" if step.operation == "chat" else "embedding"
    if isinstance(step, ToolCall):
        return "tool"
    return "context" if step is None else "agent"


def _hint(step: Step | None, carried_calls: int) -> str | None:
    if isinstance(step, ModelCall):
        return _what_it_wrote(step)
    if carried_calls == 0:
        return None
    if step is None:
        return f"in {_times(carried_calls, 'prompt')}"
    return f"carried in {_times(carried_calls, 'later call')}"


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _what_it_wrote(call: ModelCall) -> str | None:
    if call.output_messages is None:
        return None
    wanted = Counter(
        part.name for message in call.output_messages for part in message.parts if isinstance(part, ToolRequest)
    )
    if not wanted:
        return "answers" if call.output_messages else None
    names = [f"{name} x{count}" if count > 1 else name for name, count in wanted.items()]
    return clip(f"asks for {', '.join(names)}", NAME_BYTES)


def redundant_tool_calls(material: Material) -> list[RedundantToolCall]:
    """List repeated calls whose result was already in the prompt."""
    return [_redundant(material, finding) for finding in _findings(material) if finding.detector == REPEATED_CALL]


def _redundant(material: Material, finding: Finding) -> RedundantToolCall:
    repeats = [material.structure.by_id[step_id] for step_id in finding.step_ids]
    first = repeats[0]
    steps = _numbers(material, finding.related_step_ids + finding.step_ids)
    return RedundantToolCall(
        tool=clip(first.name, NAME_BYTES),
        count=len(steps),
        steps=steps[:MOST_STEPS],
        why=clip(finding.note),
        usd=finding.wasted_usd,
        args=clip(first.arguments) if isinstance(first, ToolCall) and first.arguments is not None else None,
    )


def other_findings(material: Material) -> list[CardFinding]:
    """List what the other detectors found, findings of one kind and reason together."""
    alike: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in _findings(material):
        if finding.detector != REPEATED_CALL:
            alike[finding.detector, finding.note].append(finding)
    together = [_together(material, findings) for findings in alike.values()]
    return sorted(together, key=lambda item: (item.usd is None, -(item.usd or _ZERO), item.steps, item.detector))


def _together(material: Material, findings: list[Finding]) -> CardFinding:
    wasted = [finding.wasted_usd for finding in findings if finding.wasted_usd is not None]
    return CardFinding(
        detector=findings[0].detector,
        count=len(findings) if len(findings) > 1 else None,
        steps=_numbers(material, tuple(step_id for finding in findings for step_id in finding.step_ids))[:MOST_STEPS],
        usd=sum(wasted, _ZERO) if wasted else None,
        note=clip(findings[0].note),
    )


def _findings(material: Material) -> list[Finding]:
    return sorted(
        material.findings,
        key=lambda finding: (
            finding.wasted_usd is None,
            -(finding.wasted_usd or _ZERO),
            _numbers(material, finding.step_ids),
            finding.detector,
        ),
    )


def sub_agents(material: Material) -> list[CardSubAgent]:
    """List the agents that other agents called."""
    found = [
        _sub_agent(material, step)
        for step in material.structure.by_id.values()
        if isinstance(step, AgentRun) and step.is_sub_agent and step.counted_by is None
    ]
    return sorted(found, key=lambda agent: (-(agent.usd or _ZERO), agent.step))


def _sub_agent(material: Material, agent: AgentRun) -> CardSubAgent:
    under = set(material.structure.under(agent.step_id))
    calls = [call for call in material.calls if call.step_id in under]
    return CardSubAgent(
        step=material.numbers[agent.step_id],
        name=clip(agent.name, NAME_BYTES),
        usd=material.ledger.money(agent.step_id).subtree,
        calls=len(calls),
        result_used=_result_used(material, agent),
    )


def _result_used(material: Material, agent: AgentRun) -> bool | None:
    unused = any(
        finding.detector == UNUSED_SUB_AGENT and agent.step_id in finding.step_ids for finding in material.findings
    )
    if unused:
        return False
    starter = next((tool for tool, sub in material.structure.sub_agents.items() if sub.step_id == agent.step_id), None)
    asked = material.structure.by_id.get(starter or "")
    text = material.view.sub_agent_answer(asked) if isinstance(asked, ToolCall) else None
    if text is None or not isinstance(asked, ToolCall):
        return None
    used = material.view.usage.of_result(asked, text)
    return True if used is not None and used.used > 0 else None


def failed_or_repaired_steps(material: Material) -> list[FailedStep]:
    """List the steps that failed, with the step that repaired each where there is one."""
    found = []
    repaired_by = repairs(material.view)
    for step in failed_steps(material.session, material.structure):
        name = clip(step.name, NAME_BYTES)
        item = FailedStep(
            step=material.numbers[step.step_id],
            tool=name if isinstance(step, ToolCall) else None,
            model=name if isinstance(step, ModelCall) else None,
            agent=name if isinstance(step, AgentRun) else None,
            error=clip(in_words(step.error)) if step.error else "",
            repaired_by=material.numbers.get(repaired_by.get(step.step_id, "")),
        )
        found.append((-material.attributed(step.step_id), item.step, item))
    return [item for _, _, item in sorted(found, key=lambda entry: entry[:2])]


def _numbers(material: Material, step_ids: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(sorted({material.numbers[step_id] for step_id in step_ids if step_id in material.numbers}))
