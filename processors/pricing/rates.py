"""Rates, and what a call costs at them. Exact: Decimal from the rate to the bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from processors.model import Usage
from processors.pricing.model import USD_QUANTUM, Cost, TokenClass, Unpriced

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Rate:
    """USD per million tokens of one class."""

    base: Decimal
    steps: tuple[tuple[int, Decimal], ...] = ()
    """Ascending `(threshold, rate)`: the rate for the whole call when its input tokens exceed the threshold."""

    def at(self, input_tokens: int) -> Decimal:
        """Return the rate for a call with that many input tokens, cached ones included."""
        rate = self.base
        for threshold, stepped in self.steps:
            if input_tokens > threshold:
                rate = stepped
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one model costs at one time in one tier."""

    by_class: Mapping[TokenClass, Rate]
    """Has `INPUT`; a class that is absent is billed at its parent's rate, see `complete`."""
    source: str
    effective_from: str | None = None
    note: str | None = None
    intraday: bool = False
    """True where the rates change within a day, so that they hold for this call only."""
    modalities: frozenset[str] = frozenset()
    """Kinds of input that cost other than text; usage does not split them."""
    cache_minimum: int = 0
    """The shortest prompt, in tokens, that the provider caches."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What rates are looked up for. Everything but the time."""

    provider: str | None
    model: str
    request_model: str | None = None
    tier: str | None = None


class RateSource(Protocol):
    """Somewhere that rates are known from."""

    @property
    def description(self) -> str:
        """Name and version, as a card shows it."""
        ...

    def rates(self, subject: Subject, at_ns: int) -> Rates | Unpriced | None:
        """Look up rates at a time in nanoseconds; None leaves the question to the next source in the chain."""
        ...


def complete(known: Mapping[TokenClass, Rate]) -> dict[TokenClass, Rate]:
    """Fill in what a provider does not price apart: it bills a cache read or write like any other input."""
    filled = dict(known)
    for token_class, parent in (
        (TokenClass.CACHE_READ, TokenClass.INPUT),
        (TokenClass.CACHE_WRITE, TokenClass.INPUT),
        (TokenClass.CACHE_WRITE_1H, TokenClass.CACHE_WRITE),
    ):
        if token_class not in filled and parent in filled:
            filled[token_class] = filled[parent]
    return filled


def billable(usage: Usage) -> dict[TokenClass, int]:
    """Split complete usage into the disjoint classes that are priced apart; empty classes are left out."""
    read = usage.cache_read_input_tokens or 0
    written = usage.cache_write_input_tokens or 0
    written_1h = usage.cache_write_1h_input_tokens or 0
    split = {
        TokenClass.INPUT: (usage.input_tokens or 0) - read - written,
        TokenClass.CACHE_READ: read,
        TokenClass.CACHE_WRITE: written - written_1h,
        TokenClass.CACHE_WRITE_1H: written_1h,
        TokenClass.OUTPUT: usage.output_tokens or 0,
    }
    return {token_class: tokens for token_class, tokens in split.items() if tokens}


def bill(rates: Rates, usage: Usage, note: str | None = None) -> Cost | Unpriced:
    """Price usage; `Unpriced` where there are tokens of a class that the source has no rate for."""
    tokens = billable(usage)
    by_class = complete(rates.by_class)
    missing = [token_class.value for token_class in tokens if token_class not in by_class]
    if missing:
        return Unpriced(f"no_rate {missing[0]}")
    size = usage.input_tokens or 0
    return Cost(
        tokens=tokens,
        usd={
            token_class: (count * by_class[token_class].at(size) / _MILLION).quantize(USD_QUANTUM)
            for token_class, count in tokens.items()
        },
        source=rates.source,
        effective_from=rates.effective_from,
        note="; ".join(filter(None, (rates.note, note))) or None,
    )
