"""A session and its prices to the ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from processors.ledger.bills import Bill, Currency, bills
from processors.ledger.carrying import carried, carriers
from processors.ledger.cuts import Registry
from processors.ledger.entries import output_shares
from processors.ledger.model import INITIAL_CONTEXT, Ledger, StepMoney
from processors.ledger.outputs import output_of
from processors.ledger.prompt import Output, Prompt, PromptCall
from processors.ledger.splits import ResultSizes, Splitter
from processors.ledger.stretches import Walk
from processors.ledger.threads import find_threads
from processors.ledger.turns import fit_ratios, hidden_request_cap, turns_of
from processors.model import ModelCall, Session, ToolCall
from processors.pricing.model import Cost, Price, Unpriced
from processors.structure import Structure

NO_TOOL_PRICES: Mapping[str, Decimal] = MappingProxyType({})


def attribute(
    session: Session,
    prices: Mapping[str, Price],
    tool_prices: Mapping[str, Decimal] = NO_TOOL_PRICES,
    structure: Structure | None = None,
) -> Ledger:
    """Redistribute a session's bill to the steps that caused it.

    `prices` are by step id of the model calls, chat and embeddings; a call without one counts as unpriced.
    `tool_prices` are USD per call by tool name. Sums are exact; source: design/ledger.md.
    """
    structure = structure or Structure.of(session)
    currency = Currency.for_amounts(_amounts(prices, tool_prices))
    counted = [s for s in structure.by_id.values() if isinstance(s, ModelCall) and s.counted_by is None]
    billed = bills(prices, (call.step_id for call in counted), currency)
    prompts, splitter = _prompts(session, structure, billed)
    books = _Books(structure, currency)
    for call in counted:
        books.bill(call.step_id, billed[call.step_id].units if call.step_id in billed else None)
    for tool in structure.by_id.values():
        if isinstance(tool, ToolCall) and tool.counted_by is None and tool.name in tool_prices:
            books.bill(tool.step_id, currency.units(tool_prices[tool.name]))
    books.attribute_prompts(prompts)
    embeddings = tuple(_embedding(call, billed) for call in counted if call.operation != "chat")
    books.attribute_rest(embeddings)
    return books.close(session, prompts, embeddings, _unpriced(counted, prices), splitter)


def _embedding(call: ModelCall, billed: Mapping[str, Bill]) -> PromptCall:
    bill = billed.get(call.step_id)
    if bill is None:
        return PromptCall(step_id=call.step_id, length=None, output=Output())
    output = Output(hidden=bill.output_tokens)
    units = bill.output_units + bill.flat_units
    return PromptCall(step_id=call.step_id, length=bill.length, ranges=bill.ranges, output_units=units, output=output)


def _amounts(prices: Mapping[str, Price], tool_prices: Mapping[str, Decimal]) -> Iterator[Decimal]:
    for price in prices.values():
        if isinstance(price, Cost):
            yield from price.usd.values()
    yield from tool_prices.values()


def _prompts(session: Session, structure: Structure, billed: Mapping[str, Bill]) -> tuple[tuple[Prompt, ...], Splitter]:
    threads = find_threads(session, structure)
    turns = [turns_of(thread, structure, billed) for thread in threads]
    every_turn = [turn for of_thread in turns for turn in of_thread]
    ratios = fit_ratios(every_turn)
    cap = hidden_request_cap(every_turn, structure)
    outputs = {call.step_id: output_of(call, structure, ratios, cap) for call in structure.calls}
    sizes = ResultSizes(structure)
    sizes.learn(every_turn, outputs)
    splitter = Splitter(structure, ratios, outputs, sizes)
    prompts: list[Prompt] = []
    for thread, of_thread in zip(threads, turns, strict=True):
        walk = Walk(structure, ratios, billed, splitter, Registry(structure))
        prompts.append(walk.walk(thread, of_thread))
    return tuple(prompts), splitter


def _unpriced(counted: Sequence[ModelCall], prices: Mapping[str, Price]) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for call in counted:
        price = prices.get(call.step_id, Unpriced("not_priced"))
        if isinstance(price, Unpriced):
            reasons[price.reason] += 1
    return dict(sorted(reasons.items()))


@dataclass(slots=True)
class _Books:
    """Units by step, while a ledger is being written."""

    structure: Structure
    currency: Currency
    billed: dict[str, int | None] = field(default_factory=dict)
    own: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    carried: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    carriers: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def bill(self, step_id: str, units: int | None) -> None:
        """Enter what the provider bills for a step; None where it is unknown."""
        self.billed[step_id] = units

    def attribute_prompts(self, prompts: Sequence[Prompt]) -> None:
        """Give input to the producers of segments and output to what it wrote."""
        for prompt in prompts:
            for stretch in prompt.stretches:
                for segment, units, count in zip(stretch.segments, carried(stretch), carriers(stretch), strict=True):
                    self.carried[segment.producer] += units
                    self.carriers[segment.producer] = max(self.carriers[segment.producer], count)
                for call in stretch.calls:
                    for producer, _, units in output_shares(call):
                        self.own[producer] += units

    def attribute_rest(self, embeddings: Sequence[PromptCall]) -> None:
        """Leave with the steps themselves what no prompt is behind: embeddings, and tools that cost per call."""
        for call in embeddings:
            self.own[call.step_id] += call.units
        for step_id, units in self.billed.items():
            if isinstance(self.structure.by_id[step_id], ToolCall):
                self.own[step_id] += units or 0

    def close(
        self,
        session: Session,
        prompts: tuple[Prompt, ...],
        embeddings: tuple[PromptCall, ...],
        unpriced: Mapping[str, int],
        splitter: Splitter,
    ) -> Ledger:
        """Sum up."""
        known = [units for units in self.billed.values() if units is not None]
        nothing_to_price = not unpriced
        steps = dict(self._money(self._subtrees()))
        if INITIAL_CONTEXT in self.carried:
            steps[INITIAL_CONTEXT] = self._one(INITIAL_CONTEXT, 0, 0)
        return Ledger(
            session_id=session.session_id,
            steps=steps,
            total=self.currency.usd(sum(known)) if known or nothing_to_price else None,
            priced=sum(isinstance(self.structure.by_id[i], ModelCall) for i, u in self.billed.items() if u is not None),
            unpriced=unpriced,
            prompts=prompts,
            embeddings=embeddings,
            gaps=tuple(sorted(splitter.gaps)),
            result_tokens=splitter.sizes.exact,
            places=self.currency.places,
        )

    def _money(self, subtrees: Mapping[str, int | None]) -> Iterator[tuple[str, StepMoney]]:
        for step_id, step in self.structure.by_id.items():
            if step.counted_by is None:
                yield step_id, self._one(step_id, self.billed.get(step_id, 0), subtrees[step_id])

    def _one(self, step_id: str, billed: int | None, subtree: int | None) -> StepMoney:
        usd, carried_units = self.currency.usd, self.carried.get(step_id, 0)
        return StepMoney(
            billed=None if billed is None else usd(billed),
            attributed=usd(self.own.get(step_id, 0) + carried_units),
            carried=usd(carried_units),
            subtree=None if subtree is None else usd(subtree),
            carried_calls=self.carriers.get(step_id, 0),
        )

    def _subtrees(self) -> dict[str, int | None]:
        sums: dict[str, int | None] = {step_id: self.billed.get(step_id, 0) for step_id in self.structure.by_id}
        billed = set(self.billed)
        for step_id in self._leaves_first():
            above = self.structure.parents.get(step_id)
            if above is not None and step_id in billed:
                sums[above] = _sum(sums[above] if above in billed else None, sums[step_id])
                billed.add(above)
        return sums

    def _leaves_first(self) -> list[str]:
        roots = [step_id for step_id in self.structure.by_id if step_id not in self.structure.parents]
        order = [below for root in roots for below in self.structure.under(root)]
        return order[::-1]


def _sum(*known: int | None) -> int | None:
    """Add what is known; None where nothing is."""
    units = [each for each in known if each is not None]
    return sum(units) if units else None
