"""Short sessions told call by call, run through the simulator and judged by every detector."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from processors.counterfactual import Counterfactual
from processors.effects import ToolRule
from processors.findings import Finding, View, flag
from processors.ledger import attribute
from processors.model import ModelCall, Session, ToolDefinition
from tests.simulator import texts
from tests.simulator.agent import run
from tests.simulator.plan import Plan, PlannedCall, Turn
from tests.simulator.provider import PRICES, AutomaticCache
from tests.simulator.recording import FULL, Capture, record
from tests.simulator.tokens import Tokenizer
from tests.simulator.world import canonical

REPORT = "region,amount\nnorthern,1200\nsouthern,3400\nwestern,5600\n"
OTHER = "quarter,forecast\nfirst,7100\nsecond,8300\nthird,9500\n"

Told = PlannedCall | tuple[PlannedCall, ...] | str


def call(key: str, tool: str, result: str, error: str | None = None, /, **arguments: object) -> PlannedCall:
    """Plan one tool call."""
    return PlannedCall(key=key, tool=tool, arguments=canonical(arguments), result=result, error=error)


def delegate(key: str, *told: Told) -> PlannedCall:
    """Plan a tool call that starts a sub-agent, whose steps are told the same way."""
    return PlannedCall(key=key, tool="delegate", arguments=f'{{"task":"{key}"}}', result="", sub_agent=plan(key, told))


def plan(key: str, told: tuple[Told, ...]) -> Plan:
    """Plan an agent whose every told part is a turn; the last turn is text."""
    turns: list[Turn] = []
    for part in told:
        calls = part if isinstance(part, tuple) else () if isinstance(part, str) else (part,)
        turns.append(Turn(key=f"{key}-turn{len(turns)}", calls=calls, text=part if isinstance(part, str) else ""))
    if not told or not isinstance(told[-1], str):
        turns.append(Turn(key=f"{key}-turn{len(turns)}", text="That is all there is to say."))
    system = texts.prose(Random(7), 6_000)
    return Plan(key=f"{key}-agent", agent=key, system=system, task="Do what is needed.", turns=tuple(turns))


def told(*parts: Told, capture: Capture = FULL, compact_above: int | None = None) -> Session:
    """Tell a session."""
    story = replace(plan("main", parts), compact_above=compact_above, summary="What happened before, in short.")
    done = run(story, AutomaticCache(), Tokenizer.draw(Random(3)))
    return record(done, "openai", capture)


def announced(session: Session, *definitions: ToolDefinition) -> Session:
    """Let every model call have been told of some tools."""
    steps = tuple(
        replace(step, tool_definitions=definitions) if isinstance(step, ModelCall) else step for step in session.steps
    )
    return replace(session, steps=steps)


def view_of(session: Session, *rules: ToolRule) -> View:
    """Price and attribute a session."""
    prices = {step.step_id: PRICES.price(step) for step in session.steps if isinstance(step, ModelCall)}
    ledger = attribute(session, prices)
    return View(session, ledger, Counterfactual(session, ledger, PRICES), rules)


def findings(session: Session, detector: str | None = None, *rules: ToolRule) -> list[Finding]:
    """Flag a session; all findings or those of one detector."""
    view = view_of(session, *rules)
    found = flag(session, view.ledger, view=view)
    return [finding for finding in found if detector in (None, finding.detector)]


def flagged(session: Session, detector: str, *rules: ToolRule) -> set[str]:
    """Name the steps that a detector flags, soft findings left out."""
    found = findings(session, detector, *rules)
    return {step_id for finding in found if not finding.soft for step_id in finding.step_ids}
