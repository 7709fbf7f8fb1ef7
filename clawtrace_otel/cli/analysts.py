"""The analysts that `clawtrace distill` was asked for, wired to prices, a budget and a cache."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from clawtrace_otel.cli.errors import CliError

if TYPE_CHECKING:
    from clawtrace_otel.cli.spark import Spark
    from costcraft.ablation import Ablation
    from costcraft.analysts import Analyst
    from costcraft.llm import PriceOf
    from costcraft.progress import Progress
    from processors.model import Usage


class AnalystName(StrEnum):
    """Who proposes patches."""

    RULES = "rules"
    LLM = "llm"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystSettings:
    """What the command line says to analysts."""

    model: str | None
    budget_usd: float | None
    answer_seconds: float
    prices: Path | None
    cache: Path
    """Where answers are kept."""
    ablation: Ablation
    progress: Progress
    spark: Spark | None = None
    """The cluster to look at sessions on, where it is not this process."""


def build_analysts(names: list[AnalystName], settings: AnalystSettings) -> list[Analyst]:
    """Return the analysts, in the order given. Raises `CliError` where `llm` lacks a model or its extra."""
    built: list[Analyst] = []
    for name in dict.fromkeys(names):
        if name is AnalystName.RULES:
            built.append(_rules(settings))
            continue
        if settings.spark is not None:
            raise CliError("--engine spark works only with the rules analyst: models are called from this machine")
        if settings.model is None:
            raise CliError("--analyst llm needs --model, for example --model openai:gpt-5-mini")
        try:
            from costcraft.analysts.llm import LlmAnalyst
            from costcraft.llm import Models
        except ModuleNotFoundError as error:
            raise CliError("--analyst llm needs its extra: pip install 'clawtrace-otel[llm]'") from error
        models = Models(
            settings.model,
            price_of(settings.prices),
            settings.cache,
            None if settings.budget_usd is None else Decimal(str(settings.budget_usd)),
            timeout_s=settings.answer_seconds,
            progress=settings.progress,
        )
        built.append(LlmAnalyst(models, settings.ablation))
    return built


def _rules(settings: AnalystSettings) -> Analyst:
    if settings.spark is None:
        from costcraft.analysts import RulesAnalyst

        return RulesAnalyst(settings.ablation)
    from clawtrace_otel.cli.spread_rules import SpreadRulesAnalyst

    return SpreadRulesAnalyst(settings.ablation, spark=settings.spark)


def price_of(prices: Path | None) -> PriceOf:
    """Return what prices a call to `provider:model` now, with the user's overrides first."""
    from processors.model import ModelCall
    from processors.pricing import Cost, price_book

    book = price_book(prices)
    now = time.time_ns()

    def price(named: str, usage: Usage) -> Decimal | None:
        provider, _, model = named.rpartition(":")
        vendor = provider.partition("-")[0] or None
        call = ModelCall(
            step_id="", name=model, model=model, provider=vendor, started_at=now, ended_at=now, dialect="", usage=usage
        )
        priced = book.reprice(call, usage)
        return priced.total if isinstance(priced, Cost) else None

    return price
