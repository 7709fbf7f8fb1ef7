"""What a call would have cost with a different prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from processors.ledger.bills import Currency
from processors.ledger.prompt import PromptCall
from processors.model import ModelCall, Usage
from processors.pricing.model import Cost, PriceBook, TokenClass

Rate = tuple[int, int]
"""Units for so many tokens."""
Key = tuple[str | None, str | None, str | None]

SAME = 100
"""Rates that differ by less than one part in this many are the same rate, rounded."""
SAMPLE = 1_000
"""Tokens that a price book is asked to price, to learn a rate."""


@dataclass(slots=True)
class Rates:
    """The rates of a session's calls, derived from their own bills; the price book is the fallback.

    For a model whose rates vary within the session, as when they depend on the prompt's length, the price book is
    always asked.
    """

    calls: Mapping[str, ModelCall]
    book: PriceBook
    currency: Currency
    _own: dict[str, dict[TokenClass, Rate]] = field(default_factory=dict)
    _shared: dict[tuple[Key, TokenClass], Rate | None] = field(default_factory=dict)
    _stepped: set[Key] = field(default_factory=set)

    def learn(self, billed: Iterable[PromptCall]) -> None:
        """Derive the rates from some priced calls."""
        for prompt_call in billed:
            key = _key(self.calls[prompt_call.step_id])
            own = {part.token_class: (part.units, part.end - part.start) for part in prompt_call.ranges}
            self._own[prompt_call.step_id] = own
            for token_class, rate in own.items():
                known = self._shared.setdefault((key, token_class), rate)
                if known is not None and _differ(known, rate):
                    self._stepped.add(key)

    def prompt_units(self, step_id: str, tokens: Mapping[TokenClass, int]) -> int:
        """Price a prompt of so many tokens per class for one call; classes without a known rate cost nothing."""
        call = self.calls[step_id]
        if self._stepped and _key(call) in self._stepped:
            price = self.book.reprice(call, _prompt_usage(tokens))
            if isinstance(price, Cost):
                return sum(map(self.currency.units, price.usd.values()))
        own, units = self._own[step_id], 0
        for token_class, count in tokens.items():
            rate = (own.get(token_class) or self._known(call, token_class)) if count > 0 else None
            units += rate[0] * count // rate[1] if rate is not None else 0
        return units

    def _known(self, call: ModelCall, token_class: TokenClass) -> Rate | None:
        place = (_key(call), token_class)
        if place not in self._shared:
            price = self.book.reprice(call, _prompt_usage({token_class: SAMPLE}))
            usd = price.usd.get(token_class) if isinstance(price, Cost) else None
            self._shared[place] = None if usd is None else (self.currency.units(usd), SAMPLE)
        return self._shared[place]


def _key(call: ModelCall) -> Key:
    return (call.provider, call.model, call.service_tier)


def _differ(left: Rate, right: Rate) -> bool:
    difference = abs(left[0] * right[1] - right[0] * left[1])
    return difference * SAME > abs(right[0] * left[1])


def _prompt_usage(tokens: Mapping[TokenClass, int]) -> Usage:
    one_hour = tokens.get(TokenClass.CACHE_WRITE_1H, 0)
    return Usage(
        input_tokens=sum(tokens.values()),
        cache_read_input_tokens=tokens.get(TokenClass.CACHE_READ, 0),
        cache_write_input_tokens=tokens.get(TokenClass.CACHE_WRITE, 0) + one_hour,
        cache_write_1h_input_tokens=one_hour,
        output_tokens=0,
    )
