"""What a simulated agent is going to do: turns with tool calls whose results are already known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.simulator.tokens import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One tool call and its answer."""

    key: str
    tool: str
    arguments: str
    result: str
    kind: Kind = Kind.PROSE
    error: str | None = None
    seconds: float = 0.5
    sub_agent: Plan | None = None
    """The result is then this agent's last text."""
    waste: str | None = None
    """The detector that should name this call; None for a call that was needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One answer of the model: text, tool calls or both."""

    key: str
    calls: tuple[PlannedCall, ...] = ()
    text: str = ""
    reasoning: int = 0
    """Tokens of hidden reasoning in the output."""
    seconds: float = 2.0
    pause: float = 0.0
    """Seconds nobody did anything before this turn; they pass also where the turn is not taken."""
    missed: bool = False
    """The provider's cache failed for no reason of the agent's."""
    user: str = ""
    """What the user says after this turn."""


class Compaction(StrEnum):
    """What an agent does with a prompt that became too long."""

    SUMMARY = "summary"
    """A call summarises it, and the work goes on from the summary."""
    CLEAR = "clear"
    """Old results give way to a placeholder."""
    WINDOW = "window"
    """The oldest turns are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that one agent does."""

    key: str
    agent: str
    system: str
    task: str
    turns: tuple[Turn, ...]
    compact_above: int | None = None
    """Prompt tokens above which the agent makes room."""
    compaction: Compaction = Compaction.SUMMARY
    summary: str = ""
    small_model: bool = False
    resend_reasoning: bool = False
    """The provider keeps reasoning in the prompt."""
    used: frozenset[str] = frozenset()
    """The calls of which a later text says something."""

    def every_used(self) -> frozenset[str]:
        """Name the calls of this agent and its sub-agents whose results were used."""
        inner = (call.sub_agent.every_used() for turn in self.turns for call in turn.calls if call.sub_agent)
        return self.used.union(*inner)

    def every_call(self) -> tuple[PlannedCall, ...]:
        """List the tool calls of this agent and its sub-agents, in order."""
        found: list[PlannedCall] = []
        for turn in self.turns:
            for call in turn.calls:
                found.append(call)
                if call.sub_agent is not None:
                    found.extend(call.sub_agent.every_call())
        return tuple(found)
