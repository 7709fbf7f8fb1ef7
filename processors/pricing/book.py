"""The price book: a chain of rate sources, each asked in turn, and the rules for incomplete usage."""

from __future__ import annotations

from pathlib import Path

from processors.effects import ToolRule
from processors.model import Media, ModelCall, Usage
from processors.pricing.genai import GenaiPrices
from processors.pricing.model import Price, TokenClass, Unpriced
from processors.pricing.overrides import Overrides, PriceText
from processors.pricing.rates import Rates, RateSource, Subject, bill, complete

CACHE_NOT_REPORTED = "cached tokens not reported: priced as none, an upper bound"
WRITES_NOT_REPORTED = "cache writes not reported: priced as none, a lower bound"

PLAUSIBLE_TOKENS = 10**12
"""No call has more tokens than this; a count above it is not a measurement."""

_DAY_NS = 86_400_000_000_000
_CACHED_SUBJECTS = 10_000
_NAME_LENGTH = 160


class ChainedPriceBook:
    """Asks its sources in order. Looks rates up once per model, vendor, tier and day; remembers nothing else."""

    def __init__(self, sources: tuple[RateSource, ...], tools: tuple[ToolRule, ...] = ()) -> None:
        self._sources = sources
        self.tools = tools
        """What the user's file says about tools."""
        self._known: dict[tuple[Subject, int], Rates | Unpriced] = {}

    @property
    def description(self) -> str:
        """The sources in the order they are asked."""
        return ", ".join(source.description for source in self._sources)

    def price(self, call: ModelCall) -> Price:
        """Price a call at its own time and tier; `Unpriced` says what is missing."""
        if call.usage is None:
            return Unpriced("usage_not_reported")
        return self.reprice(call, call.usage)

    def reprice(self, call: ModelCall, usage: Usage) -> Price:
        """Price a call as if its usage had been `usage`."""
        name = call.model or call.request_model
        if not name or not name.strip():
            return Unpriced("no_model")
        if problem := _unusable(call, usage):
            return Unpriced(problem)
        request_model = call.request_model if call.request_model != name else None
        rates = self._rates(
            Subject(
                provider=_short(call.provider),
                model=_short(name) or "",
                request_model=_short(request_model),
                tier=_short(call.service_tier),
            ),
            call.started_at,
        )
        if isinstance(rates, Unpriced):
            return rates
        if kind := _unsplit_modality(call, rates):
            return Unpriced(f"{kind}_tokens_not_reported {_short(name)}")
        return _bill(call, rates, usage)

    def _rates(self, subject: Subject, at_ns: int) -> Rates | Unpriced:
        key = (subject, at_ns // _DAY_NS)
        if (known := self._known.get(key)) is not None:
            return known
        rates = self._ask(subject, at_ns)
        if isinstance(rates, Unpriced) or not rates.intraday:
            if len(self._known) >= _CACHED_SUBJECTS:
                self._known.clear()
            self._known[key] = rates
        return rates

    def _ask(self, subject: Subject, at_ns: int) -> Rates | Unpriced:
        for source in self._sources:
            if (rates := source.rates(subject, at_ns)) is not None:
                return rates
        return Unpriced(f"unknown_model {subject.model}")


def price_book(overrides: Path | PriceText | None = None) -> ChainedPriceBook:
    """Return list prices, with a user's override file before them. Raises `PriceFileError`."""
    if overrides is None:
        return ChainedPriceBook((GenaiPrices(),))
    own = Overrides.read(overrides)
    return ChainedPriceBook((own, GenaiPrices()), own.tools)


def _unusable(call: ModelCall, usage: Usage) -> str | None:
    if usage.input_tokens is None:
        return "usage_incomplete input_tokens"
    if usage.output_tokens is None and call.operation != "embeddings":
        return "usage_incomplete output_tokens"
    if max(usage.input_tokens, usage.output_tokens or 0) > PLAUSIBLE_TOKENS:
        return "usage_implausible"
    return None


def _bill(call: ModelCall, rates: Rates, usage: Usage) -> Price:
    """Price complete usage; where the cache split is missing and would matter, add a note or refuse."""
    by_class = complete(rates.by_class)
    fresh, size = by_class[TokenClass.INPUT], usage.input_tokens or 0
    read, written = usage.cache_read_input_tokens, usage.cache_write_input_tokens
    note = None
    if size >= rates.cache_minimum:
        if read is None and written is None and by_class[TokenClass.CACHE_READ] != fresh:
            if call.usage_missing:
                return Unpriced("usage_incomplete cached tokens")
            note = CACHE_NOT_REPORTED
        elif written is None and by_class[TokenClass.CACHE_WRITE] != fresh:
            note = WRITES_NOT_REPORTED
    return bill(rates, usage, note)


def _unsplit_modality(call: ModelCall, rates: Rates) -> str | None:
    if not rates.modalities:
        return None
    for messages in (call.input_messages, call.output_messages):
        for message in messages or ():
            for part in message.parts:
                if isinstance(part, Media) and part.modality in rates.modalities:
                    return part.modality
    return None


def _short(name: str | None) -> str | None:
    """Limit a name that an agent sent to short printable text, since it is shown in reasons and on cards."""
    if name is None:
        return None
    printable = "".join(letter for letter in name.strip() if letter.isprintable())
    return printable[:_NAME_LENGTH] or None
