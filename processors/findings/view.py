"""A session as detectors see it: tool calls in order, the prompts their results went into, the writes in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from processors.counterfactual import Counterfactual
from processors.effects import Access, Effect, Effects, ToolRule
from processors.findings.another_look import AnotherLook
from processors.findings.answers import steady_answer, unchanged
from processors.findings.arguments import plain
from processors.findings.changes import Changes
from processors.findings.usage import Usage
from processors.ledger import Ledger
from processors.ledger.pieces import result_text
from processors.ledger.prompt import PromptCall, Stretch
from processors.model import ModelCall, Session, ToolCall, ToolResponse
from processors.structure import Structure

MOST_OF = 0.5
"""A result of which a prompt shows less than this share was cleared or truncated."""
SAME_TOKENS = 0.02, 4
"""Two results whose content is unknown differ if their token counts do, by more than this share plus this many."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the session's prompts a model call stands."""

    prompt: int
    stretch: int
    """Counted over the session, not over the prompt."""
    position: int


class View:
    """What detectors may ask about one session."""

    def __init__(
        self,
        session: Session,
        ledger: Ledger,
        what_if: Counterfactual | None,
        rules: Sequence[ToolRule] = (),
        structure: Structure | None = None,
    ) -> None:
        self.session = session
        self.ledger = ledger
        self.what_if = what_if
        self.structure = structure or Structure.of(session)
        self.effects = Effects.of(session, rules)
        self.changes = Changes(self.structure.tools, self.effects, self._delegations())
        self.stretches: list[Stretch] = []
        self.calls: dict[str, PromptCall] = {}
        self.places: dict[str, Place] = {}
        self._carried_in: dict[str, set[int]] = defaultdict(set)
        for prompt_number, prompt in enumerate(ledger.prompts):
            for stretch in prompt.stretches:
                self._index(prompt_number, stretch)
        self.anything_priced = any(call.ranges for call in self.calls.values())
        self.loops = {call.step_id: self._loop(call.step_id, call.step_id) for call in self.structure.calls}
        for tool in self.tools:
            self.loops[tool.step_id] = self._loop(tool.step_id, self.structure.asked_by.get(tool.step_id))
        self._another_look = AnotherLook(self.structure.calls, self.loops)
        self._usage: Usage | None = None
        self._answers: dict[str, str | None] = {}

    def _index(self, prompt_number: int, stretch: Stretch) -> None:
        number = len(self.stretches)
        self.stretches.append(stretch)
        for position, call in enumerate(stretch.calls):
            self.calls[call.step_id] = call
            self.places[call.step_id] = Place(prompt_number, number, position)
        for segment in stretch.segments:
            self._carried_in[segment.producer].add(number)

    @property
    def tools(self) -> tuple[ToolCall, ...]:
        """The session's tool calls by time."""
        return self.structure.tools

    def loop_of(self, tool: ToolCall) -> str:
        """Name the prompt that a tool's result went into: calls of one loop can see each other's results."""
        return self.loops[tool.step_id]

    def _delegations(self) -> frozenset[str]:
        """Name the tool calls that started a sub-agent of which more than its name was captured."""
        children = self.structure.children
        return frozenset(tool for tool, agent in self.structure.sub_agents.items() if children.get(agent.step_id))

    def _loop(self, step_id: str, call_step_id: str | None) -> str:
        place = self.places.get(call_step_id or "")
        return f"owner {self.structure.owners.get(step_id)}" if place is None else f"prompt {place.prompt}"

    @property
    def usage(self) -> Usage:
        """How much of each result was used, computed once."""
        if self._usage is None:
            self._usage = Usage(self.structure.calls, self.tools, self.loops)
        return self._usage

    def answer(self, tool: ToolCall) -> str | None:
        """Return a call's result with its volatile parts masked; None where it was not captured."""
        if tool.step_id not in self._answers:
            self._answers[tool.step_id] = steady_answer(tool)
        return self._answers[tool.step_id]

    def sub_agent_answer(self, tool: ToolCall) -> str | None:
        """Return the answer of the sub-agent that a tool started: as the agent reported it, else the tool's result."""
        agent = self.structure.sub_agents.get(tool.step_id)
        return result_text(tool) if agent is None or agent.answer is None else agent.answer

    def still_there(self, earlier: ToolCall, later: ToolCall) -> bool:
        """Whether an earlier answer was still in the prompt that led to a later call."""
        before = self.places.get(self.structure.asked_by.get(earlier.step_id, ""))
        after = self.places.get(self.structure.asked_by.get(later.step_id, ""))
        if before is None or after is None or before.stretch == after.stretch:
            return True
        if after.stretch not in self._carried_in[self.structure.producer_of_result(earlier)]:
            return False
        asker = self.structure.by_id[self.structure.asked_by[later.step_id]]
        return not isinstance(asker, ModelCall) or _shown(earlier, asker)

    def asked_for_again(self, earlier: ToolCall, later: ToolCall) -> bool:
        """Whether the user wanted another look, or another try, after an earlier call and before a later one."""
        asked_by = self.structure.asked_by
        return self._another_look.wished_between(
            self.loop_of(later), asked_by.get(earlier.step_id), asked_by.get(later.step_id)
        )

    def effect(self, tool: ToolCall) -> Effect:
        """Find what a tool call does."""
        return self.effects.of_call(tool)

    def writes(self, tool: ToolCall) -> bool:
        """Whether a tool call is known to write."""
        return self.effect(tool).access is Access.WRITE

    def only_reads(self, tool: ToolCall) -> bool:
        """Whether a tool call is known to only read."""
        return self.effect(tool).access is Access.READ

    def same_calls(self) -> Iterator[list[ToolCall]]:
        """List groups of two or more equal tool calls of one loop, each in order."""
        groups: dict[tuple[str, str, str], list[ToolCall]] = defaultdict(list)
        for tool in self.tools:
            if tool.arguments is not None:
                groups[self.loop_of(tool), tool.name, plain(tool.arguments)].append(tool)
        return (group for group in groups.values() if len(group) > 1)

    def changed_between(self, earlier: ToolCall, later: ToolCall) -> ToolCall | None:
        """Find a call between two equal calls that excuses the second.

        Where both answers were captured only a known write does, as equal answers show that nothing else changed
        them; else anything does that may have written.
        """
        if self.answer(earlier) is None or self.answer(later) is None:
            return self.changes.possible_write(earlier, later)
        return self.changes.known_write(earlier, later)

    def answered_alike(self, earlier: ToolCall, later: ToolCall) -> bool:
        """Whether two results are equal or, where not captured, of equal token counts as far as known."""
        before, after = self.answer(earlier), self.answer(later)
        if before is not None and after is not None:
            return before == after or unchanged(after)
        tokens = self.ledger.result_tokens
        if earlier.step_id not in tokens or later.step_id not in tokens:
            return True
        left, right = tokens[earlier.step_id], tokens[later.step_id]
        return abs(left - right) <= SAME_TOKENS[0] * max(left, right) + SAME_TOKENS[1]

    def model_calls(self) -> Iterator[ModelCall]:
        """List the counted chat calls by time."""
        return iter(self.structure.calls)


def _shown(tool: ToolCall, call: ModelCall) -> bool:
    """Whether a prompt still shows a tool's result rather than a placeholder; True where unknown."""
    parts = (part for message in call.input_messages or () for part in message.parts)
    shown = [part for part in parts if isinstance(part, ToolResponse) and part.tool_call_id == tool.tool_call_id]
    given = result_text(tool)
    if not tool.tool_call_id or given is None or not shown:
        return True
    return any(part.result is None or len(part.result) >= MOST_OF * len(given) for part in shown)
