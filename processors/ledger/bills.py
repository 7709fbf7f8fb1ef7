"""A call's price as whole units: which range of its prompt was paid at which rate, and what its output cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from processors.ledger.prompt import PricedRange
from processors.pricing.model import USD_QUANTUM, Cost, Price, TokenClass

PROMPT_ORDER = (TokenClass.CACHE_READ, TokenClass.CACHE_WRITE_1H, TokenClass.CACHE_WRITE, TokenClass.INPUT)
"""How the classes lie in a prompt: reads first, then what was written, the longer lifetime before the shorter, then
the rest."""


@dataclass(frozen=True, slots=True)
class Bill:
    """One priced call in units of the ledger's quantum."""

    ranges: tuple[PricedRange, ...]
    length: int
    """Prompt tokens billed."""
    output_tokens: int
    output_units: int
    flat_units: int
    """Charges that come with no tokens."""

    @property
    def units(self) -> int:
        """The whole bill."""
        return sum(part.units for part in self.ranges) + self.output_units + self.flat_units


@dataclass(frozen=True, slots=True)
class Currency:
    """Money as whole units of `10 ** -places` USD, of which every amount of a session is a multiple."""

    places: int

    @classmethod
    def for_amounts(cls, amounts: Iterable[Decimal]) -> Currency:
        """Choose units fine enough for all amounts, and no coarser than `USD_QUANTUM`."""
        return cls(max(map(_places, (USD_QUANTUM, *amounts))))

    def units(self, usd: Decimal) -> int:
        """Convert USD to units, exactly."""
        return int(usd.scaleb(self.places, WIDE))

    def usd(self, units: int) -> Decimal:
        """Convert units to USD, exactly."""
        return Decimal(units).scaleb(-self.places, WIDE)


WIDE = Context(prec=200)
"""Wider than any sum of money, whatever precision the caller's context has."""


def _places(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, str):
        raise ValueError(f"a price is not a number: {amount}")  # noqa: TRY004 - it is a Decimal, of no value
    return -exponent


def bills(prices: Mapping[str, Price], counted: Iterable[str], currency: Currency) -> dict[str, Bill]:
    """Turn the prices of counted calls into bills; unpriced calls have none."""
    found: dict[str, Bill] = {}
    for step_id in counted:
        price = prices.get(step_id)
        if isinstance(price, Cost):
            found[step_id] = _bill(price, currency)
    return found


def _bill(cost: Cost, currency: Currency) -> Bill:
    ranges: list[PricedRange] = []
    position, flat = 0, 0
    for token_class in PROMPT_ORDER:
        units = currency.units(cost.usd.get(token_class, Decimal(0)))
        tokens = cost.tokens.get(token_class, 0)
        if tokens > 0:
            ranges.append(PricedRange(token_class, position, position + tokens, units))
            position += tokens
        else:
            flat += units
    output_tokens = max(0, cost.tokens.get(TokenClass.OUTPUT, 0))
    output_units = currency.units(cost.usd.get(TokenClass.OUTPUT, Decimal(0)))
    return Bill(tuple(ranges), position, output_tokens, output_units, flat)
