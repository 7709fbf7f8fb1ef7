"""What a session would have cost without some of its steps.

The answer is computed from the ledger's prompts by pricing them again, not by running anything. Source:
design/ledger.md, 'What leaving a step out would have saved'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal

from processors.ledger.bills import Currency
from processors.ledger.caching import cache_of, rules
from processors.ledger.model import Ledger, Saving
from processors.ledger.prompt import PromptCall, Segment
from processors.ledger.rates import Rates
from processors.ledger.rewrite import Rewrite
from processors.model import AgentRun, Session, ToolCall
from processors.pricing.model import PriceBook, TokenClass
from processors.structure import Structure

LEAD_IN = 64
"""Visible tokens up to which text beside tool requests is an announcement: the turn vanishes with its tools."""
CACHED = "turns that only asked for these steps are not taken; cache hits follow the observed policy"
UNCACHED = "turns that only asked for these steps are not taken; no cache was seen"
PARTLY = "; {} model calls without a price count for nothing"


@dataclass(frozen=True, slots=True)
class _Gone:
    """What a removal takes with it."""

    steps: frozenset[str]
    """The steps themselves and everything under the sub-agents that they start."""
    vanished: frozenset[str]
    """Model calls outside those sub-agents that are not made."""
    shortened: frozenset[str]
    """Model calls that ask for fewer tools."""


class Counterfactual:
    """Answers what leaving steps out of one session would have saved."""

    def __init__(self, session: Session, ledger: Ledger, book: PriceBook, structure: Structure | None = None) -> None:
        self._structure = structure or Structure.of(session)
        self._currency = Currency(ledger.places)
        self._steps = ledger.steps
        calls = {call.step_id: call for call in self._structure.calls}
        self._rates = Rates(calls, book, self._currency)
        caches = rules(self._structure.calls)
        cached = any(call.usage and call.usage.cache_read_input_tokens for call in self._structure.calls)
        unpriced = sum(ledger.unpriced.values())
        self._assumption = (CACHED if cached else UNCACHED) + (PARTLY.format(unpriced) if unpriced else "")
        self._all_priced = not unpriced
        self._rewrites: list[Rewrite] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._segments: dict[str, list[tuple[int, Segment]]] = defaultdict(list)
        self._calls: dict[str, PromptCall] = {}
        for prompt in ledger.prompts:
            for stretch in prompt.stretches:
                self._rates.learn(stretch.calls)
                rule = caches[cache_of(calls[stretch.calls[0].step_id])]
                self._index(Rewrite(stretch, rule, self._rates))
        self._anything_priced = any(call.ranges for call in self._calls.values())
        self._savings: dict[frozenset[str], Saving | None] = {}
        """Answers given so far: findings and single steps ask for the same removals."""

    def _index(self, rewrite: Rewrite) -> None:
        number = len(self._rewrites)
        self._rewrites.append(rewrite)
        for position, call in enumerate(rewrite.stretch.calls):
            self._places[call.step_id] = number, position
            self._calls[call.step_id] = call
        for segment in rewrite.stretch.segments:
            self._segments[segment.producer].append((number, segment))

    def saving(self, step_ids: Iterable[str]) -> Saving | None:
        """Price the session without these tool calls and sub-agents, all removed together.

        Returns USD saved; None where none of them can be removed, or where only unpriced calls paid for them.
        A negative saving says that the session would have cost more, as when a cache entry would not have been long
        enough to be used.
        """
        asked = frozenset(step_ids)
        if asked not in self._savings:
            self._savings[asked] = self._saving(asked)
        return self._savings[asked]

    def _saving(self, step_ids: frozenset[str]) -> Saving | None:
        gone = self._gone(step_ids)
        if gone is None or not self._anything_priced:
            return None
        affected = self._affected(gone)
        if not self._paid_for(gone, affected):
            return None
        units = sum(self._bill(step_id) for step_id in gone.steps)
        units += sum(self._fewer_requests(step_id, gone.steps) for step_id in gone.shortened)
        for number, (segments, vanished) in affected.items():
            units += self._rewrites[number].saved(segments, vanished)
        return Saving(
            usd=self._currency.usd(units),
            assumption=self._assumption,
        )

    def cached_saving(self, call_step_id: str, more: int) -> Decimal | None:
        """Price one call as if it had read `more` further tokens from the cache.

        Returns USD saved; None for an unpriced call.
        """
        call = self._calls.get(call_step_id)
        if call is None or not call.ranges:
            return None
        tokens = {part.token_class: part.end - part.start for part in call.ranges}
        paid = sum(part.units for part in call.ranges)
        for fresh in (TokenClass.CACHE_WRITE, TokenClass.CACHE_WRITE_1H, TokenClass.INPUT):
            moved = min(more, tokens.get(fresh, 0))
            tokens[fresh] = tokens.get(fresh, 0) - moved
            tokens[TokenClass.CACHE_READ] = tokens.get(TokenClass.CACHE_READ, 0) + moved
            more -= moved
        return self._currency.usd(paid - self._rates.prompt_units(call_step_id, tokens))

    def _gone(self, step_ids: Iterable[str]) -> _Gone | None:
        tools = {tool for step_id in step_ids for tool in self._tools(step_id)}
        if not tools:
            return None
        steps = {below for tool in tools for below in self._structure.under(tool)}
        askers = {self._structure.asked_by[tool] for tool in tools if tool in self._structure.asked_by}
        outside = {call for call in askers if call not in steps and call in self._calls}
        vanished = {call for call in outside if self._only_asked(self._calls[call], steps)}
        return _Gone(frozenset(steps), frozenset(vanished), frozenset(outside - vanished))

    def _tools(self, step_id: str) -> Iterator[str]:
        """Name the step to remove: the tool call itself, or the tool call that started the sub-agent."""
        step = self._structure.by_id.get(step_id)
        if isinstance(step, ToolCall):
            yield step_id
        elif isinstance(step, AgentRun) and step_id in self._structure.parents:
            starters = (tool for tool, agent in self._structure.sub_agents.items() if agent.step_id == step_id)
            yield next(starters, step_id)

    def _only_asked(self, call: PromptCall, steps: set[str]) -> bool:
        return call.output.text <= LEAD_IN and all(tool in steps for tool in call.asked)

    def _bill(self, step_id: str) -> int:
        """Units that a step inside a removed sub-agent, or a tool with a price per call, was billed."""
        money = self._steps.get(step_id)
        return 0 if money is None or money.billed is None else self._currency.units(money.billed)

    def _paid_for(self, gone: _Gone, affected: Mapping[int, tuple[Sequence[Segment], AbstractSet[int]]]) -> bool:
        """Whether a priced call asked for what is removed, carried it or is part of it, or every call has a price."""
        if self._all_priced:
            return True
        calls = (
            self._calls[step_id] for step_id in gone.steps | gone.vanished | gone.shortened if step_id in self._calls
        )
        return (
            any(call.ranges for call in calls)
            or any(self._bill(step_id) for step_id in gone.steps)
            or any(self._rewrites[n].paid_for(segment) for n, (segments, _) in affected.items() for segment in segments)
        )

    def _fewer_requests(self, call_step_id: str, steps: frozenset[str]) -> int:
        call = self._calls[call_step_id]
        fewer = sum(tokens for tool, tokens in call.output.requests if tool in steps)
        return call.output_units * fewer // call.output.total if call.output.total else 0

    def _affected(self, gone: _Gone) -> dict[int, tuple[list[Segment], set[int]]]:
        found: dict[int, tuple[list[Segment], set[int]]] = defaultdict(lambda: ([], set()))
        for producer in gone.steps | gone.vanished:
            for number, segment in self._segments.get(producer, ()):
                found[number][0].append(segment)
        for call in gone.vanished:
            number, position = self._places[call]
            found[number][1].add(position)
        for number in self._inside(gone.steps):
            found.pop(number, None)
        return found

    def _inside(self, steps: frozenset[str]) -> set[int]:
        """Name the stretches of removed sub-agents: their calls are deducted as a whole."""
        return {self._places[step_id][0] for step_id in steps if step_id in self._places}
