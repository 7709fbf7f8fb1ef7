"""What is true of a simulated run: which calls were needless, which results were used, what a step cost."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from processors.model import ToolResponse
from tests.simulator.agent import MadeTool, Run
from tests.simulator.agent import run as simulate
from tests.simulator.provider import Reliable
from tests.simulator.scenario import Scenario

MUCH = 1_024
"""Tokens; providers cache no shorter prompts."""


def needless(run: Run, waste: str) -> set[str]:
    """Name the calls that were made needlessly; one whose original answer had left the prompt was needed again."""
    prompts = {call.key: call.prompt for call in run.calls}
    found: set[str] = set()
    latest: dict[tuple[str, str, str], MadeTool] = {}
    for tool in run.tools:
        question = tool.agent_key, tool.planned.tool, tool.result
        before = latest.get(question)
        if tool.planned.waste == waste and (before is None or _knew(prompts[tool.asked_by], before, tool)):
            found.add(tool.key)
        latest[question] = tool
    return found


def _knew(prompt: Iterable[object], before: MadeTool, tool: MadeTool) -> bool:
    answer = ToolResponse(before.key, before.result)
    return before.asked_by == tool.asked_by or any(answer in getattr(message, "parts", ()) for message in prompt)


def saved(scenario: Scenario, run: Run, steps: Iterable[str]) -> Decimal:
    """Run again without some tool calls; returns USD less."""
    return run.usd - scenario.run(frozenset(steps)).usd


def missed(scenario: Scenario, run: Run) -> set[str]:
    """Name the calls for which the provider's cache failed, where it had much to read."""
    reliable = simulate(scenario.plan, Reliable(scenario.fresh_provider()), scenario.tokenizer)
    could = {call.key: call.usage.cache_read_input_tokens or 0 for call in reliable.calls}
    return {call.key for call in run.calls if could[call.key] - (call.usage.cache_read_input_tokens or 0) >= MUCH}
