"""List prices from genai-prices, at the time of the call and in its service tier.

Source: https://github.com/pydantic/genai-prices, the data that comes with the package; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
from genai_prices import data_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from processors.pricing.ids import NOT_A_HOST, OPEN_WEIGHTS, SELF_HOSTED, Reading, owner_of, readings, vendor_of
from processors.pricing.model import TokenClass, Unpriced
from processors.pricing.rates import Rate, Rates, Subject

STANDARD_TIERS = frozenset({"auto", "default", "on_demand", "standard", "standard_only"})
"""What vendors call the tier of the list price; `auto` is what a request says when it leaves the choice to them."""

CACHE_MINIMUM = {"openai": 1024, "azure": 1024, "anthropic": 1024, "aws": 1024, "google": 1024}
"""Tokens below which a prompt is not cached, per vendor; the lowest of its models. Source: the vendors' prompt
caching guides."""

_PRICE_KEYS = {
    TokenClass.INPUT: "input_mtok",
    TokenClass.CACHE_READ: "cache_read_mtok",
    TokenClass.CACHE_WRITE: "cache_write_mtok",
    TokenClass.CACHE_WRITE_1H: "cache_write_1h_mtok",
    TokenClass.OUTPUT: "output_mtok",
}
_FEES_BEYOND_TOKENS = ("requests_kcount", "output_reasoning_mtok", "output_citation_mtok")
"""Fees that some models charge and usage does not report: tokens alone would give too low a figure."""
_MODALITIES = ("audio", "image", "video")
_ONE_HOUR_WRITE = Decimal(2)
"""Anthropic bills a one-hour cache write at twice the input rate, on every cloud.
Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing"""


class GenaiPrices:
    """List prices by vendor and model id; the last source of the chain, so it says why when it knows none."""

    def __init__(self) -> None:
        self._snapshot = data_snapshot.get_snapshot()

    def __reduce__(self) -> tuple[type[GenaiPrices], tuple[()]]:
        """Travel to a worker process by name: the data is in the package there too."""
        return GenaiPrices, ()

    @property
    def description(self) -> str:
        """The package and its version, which is the version of its data."""
        return f"genai-prices {genai_prices.__version__}"

    def rates(self, subject: Subject, at_ns: int) -> Rates | Unpriced:
        """Look up rates; `Unpriced` names what is not known."""
        if subject.provider is not None and SELF_HOSTED.search(subject.provider.lower()):
            return Unpriced(f"self_hosted {subject.provider}")
        if at_ns <= 0:
            return Unpriced("time_not_reported")
        found = self._find(subject)
        if isinstance(found, Unpriced):
            return found
        provider, model, note = found
        at = datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC)
        context = _tier_context(provider, model, subject.tier, at)
        if isinstance(context, Unpriced):
            return context
        prices = model.get_prices(at, context)
        by_class = _rates_by_class(prices, model)
        if TokenClass.INPUT not in by_class:
            return Unpriced(f"no_token_rates {model.id}")
        if any(getattr(prices, key) for key in _FEES_BEYOND_TOKENS):
            return Unpriced(f"fees_beyond_tokens {model.id}")
        return Rates(
            by_class=by_class,
            source=self.description,
            effective_from=_effective_from(model, at),
            note=note,
            intraday=_intraday(model),
            modalities=_modalities(prices),
            cache_minimum=CACHE_MINIMUM.get(provider.id, 0),
        )

    def _find(self, subject: Subject) -> tuple[Provider, ModelInfo, str | None] | Unpriced:
        for name in filter(None, (subject.model, subject.request_model)):
            for reading in readings(subject.provider, name):
                if found := self._look_up(reading):
                    return *found, self._say_reading(subject, found)
        if vendor_of(subject.provider) in NOT_A_HOST and OPEN_WEIGHTS.search(subject.model.lower()):
            return Unpriced(f"ambiguous_vendor {subject.model}")
        if vendor_of(subject.provider) is not None and self._vendor_id(subject.provider) is None:
            return Unpriced(f"unknown_provider {subject.provider}")
        return Unpriced(f"unknown_model {subject.model}")

    def _look_up(self, reading: Reading) -> tuple[Provider, ModelInfo] | None:
        for vendor in self._vendors(reading):
            try:
                return self._snapshot.find_provider_model(reading.model, None, vendor, None)
            except LookupError:
                continue
        return None

    def _vendors(self, reading: Reading) -> Iterator[str | None]:
        open_weights = OPEN_WEIGHTS.search(reading.model) is not None
        if reading.vendor is not None and not (open_weights and reading.vendor in NOT_A_HOST):
            yield reading.vendor
        if owner := owner_of(reading.model):
            yield owner
        elif reading.vendor is None and not open_weights:
            yield None

    def _vendor_id(self, provider: str | None) -> str | None:
        try:
            return self._snapshot.find_provider(None, vendor_of(provider), None).id
        except LookupError:
            return None

    def _say_reading(self, subject: Subject, found: tuple[Provider, ModelInfo]) -> str | None:
        """Return a note where the price is not literally that of the named model at the named provider."""
        provider, model = found
        named = subject.provider is None or self._vendor_id(subject.provider) == provider.id
        if named and model.is_match(subject.model.lower()):
            return None
        return f"priced as {model.id} of {provider.id}"


def _tier_context(
    provider: Provider, model: ModelInfo, tier: str | None, at: datetime
) -> Mapping[str, str] | Unpriced | None:
    """Return what selects the tier's rates, or `Unpriced`: another tier's rates would be a wrong figure."""
    name = (tier or "").strip().lower()
    if not name or name in STANDARD_TIERS:
        return None
    contexts = ({"service_tier": name}, {"processing": name}, {"speed": name})
    if any(own is model for own in provider.models):
        for context in contexts:
            for variant in model.price_variants or ():
                active = variant.constraint is None or variant.constraint.active(at)
                if active and variant.when == context:
                    return context
    return Unpriced(f"no_rate_for_tier {name} {model.id}")


def _rates_by_class(prices: ModelPrice, model: ModelInfo) -> dict[TokenClass, Rate]:
    known = {
        token_class: _rate(value)
        for token_class, key in _PRICE_KEYS.items()
        if (value := getattr(prices, key)) is not None
    }
    if TokenClass.CACHE_WRITE_1H not in known and TokenClass.CACHE_WRITE in known and "claude" in model.id:
        fresh = known[TokenClass.INPUT]
        known[TokenClass.CACHE_WRITE_1H] = Rate(
            fresh.base * _ONE_HOUR_WRITE, tuple((start, rate * _ONE_HOUR_WRITE) for start, rate in fresh.steps)
        )
    return known


def _rate(value: Decimal | TieredPrices) -> Rate:
    if isinstance(value, TieredPrices):
        return Rate(value.base, tuple((tier.start, tier.price) for tier in value.tiers))
    return Rate(value)


def _modalities(prices: ModelPrice) -> frozenset[str]:
    return frozenset(
        modality
        for modality in _MODALITIES
        for key in (f"input_{modality}_mtok", f"output_{modality}_mtok")
        if (value := getattr(prices, key)) is not None and value != getattr(prices, key.replace(f"_{modality}", ""))
    )


def _conditions(model: ModelInfo) -> list[ConditionalPrice]:
    return model.prices if isinstance(model.prices, list) else []


def _intraday(model: ModelInfo) -> bool:
    return any(isinstance(price.constraint, TimeOfDateConstraint) for price in _conditions(model))


def _effective_from(model: ModelInfo, at: datetime) -> str | None:
    active = [
        price.constraint.start_date
        for price in _conditions(model)
        if isinstance(price.constraint, StartDateConstraint) and price.constraint.active(at)
    ]
    return max(active).isoformat() if active else None
