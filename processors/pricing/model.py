"""The price of one model call, by token class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, TypeAlias

from processors.model import ModelCall, Usage

USD_QUANTUM = Decimal("1e-12")
"""Money is kept in whole pico-dollars: every published per-token rate is a multiple, so sums are exact."""


class TokenClass(StrEnum):
    """The classes a provider prices apart, disjoint: `INPUT` was neither read from nor written to a cache."""

    INPUT = "input"
    CACHE_READ = "cache_read"
    CACHE_WRITE = "cache_write"
    CACHE_WRITE_1H = "cache_write_1h"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """USD of one model call, exact to `USD_QUANTUM`."""

    tokens: Mapping[TokenClass, int]
    """Billed tokens per class; classes with no tokens may be absent."""
    usd: Mapping[TokenClass, Decimal]
    """The bill per class, same keys as `tokens`."""
    source: str
    """Where the rates are from, with version: `genai-prices 0.2.3`, `override prices.yaml line 12`."""
    effective_from: str | None = None
    """ISO date since which the rates hold, where the source says so."""
    note: str | None = None

    @property
    def total(self) -> Decimal:
        """The whole bill in USD."""
        return sum(self.usd.values(), Decimal(0))


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A call that could not be priced."""

    reason: str
    """A short stable word and its subject: `unknown_model foo-1`, `usage_not_reported`, `no_model`."""


Price: TypeAlias = Cost | Unpriced


class PriceBook(Protocol):
    """Prices calls. Implementations resolve rates once per (provider, model, date, tier), not per call."""

    @property
    def description(self) -> str:
        """What a card names as its price source, for example `genai-prices 0.2.3`."""
        ...

    def price(self, call: ModelCall) -> Price:
        """Price a call at the time it ran and in its service tier."""
        ...

    def reprice(self, call: ModelCall, usage: Usage) -> Price:
        """Price the same call as if its usage had been `usage`."""
        ...
