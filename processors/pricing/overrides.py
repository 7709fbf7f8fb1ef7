"""A user's own prices: a dated YAML file, asked before any list.

```yaml
prices:
- model: our-llama-*               # a glob on the model id, case ignored
  provider: azure*                 # optional glob; without it any provider, or none
  tier: batch                      # optional; without it the standard tier
  effective_from: 2026-10-01       # optional; the entry with the latest date that is not after the call wins
  usd_per_million_tokens:
    input: 0.25
    output: 1.00
    cache_read: 0.025              # optional, like cache_write and cache_write_1h: else billed as input
```

The file may also hold a `tools:` section, see `processors.pricing.tools`.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from collector import strict_yaml
from collector.errors import DocumentError
from processors.effects import ToolRule
from processors.errors import PriceFileError
from processors.pricing.genai import STANDARD_TIERS
from processors.pricing.model import TokenClass
from processors.pricing.rates import Rate, Rates, Subject
from processors.pricing.tools import ToolEntry

_Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=18, decimal_places=6)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class UsdPerMillionTokens(_Model):
    """Rates in USD per million tokens. `output` may be left out for embedding models."""

    input: _Usd
    output: _Usd | None = None
    cache_read: _Usd | None = None
    cache_write: _Usd | None = None
    cache_write_1h: _Usd | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _whole_numbers_are_decimals(cls, value: object) -> object:
        return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Override(_Model):
    """One entry of the file."""

    model: Annotated[str, Field(min_length=1)]
    provider: Annotated[str, Field(min_length=1)] | None = None
    tier: Annotated[str, Field(min_length=1)] | None = None
    effective_from: date | None = None
    usd_per_million_tokens: UsdPerMillionTokens

    @field_validator("effective_from", mode="before")
    @classmethod
    def _iso_date(cls, value: object) -> object:
        return date.fromisoformat(value) if isinstance(value, str) else value

    def applies(self, subject: Subject, day: date) -> bool:
        """Return whether this entry prices `subject` on `day`."""
        if self.effective_from is not None and day < self.effective_from:
            return False
        if _tier(self.tier) != _tier(subject.tier):
            return False
        if self.provider is not None and not _matches(self.provider, subject.provider):
            return False
        return _matches(self.model, subject.model) or _matches(self.model, subject.request_model)


class _File(_Model):
    prices: Annotated[list[Override], Field(min_length=1)] = []
    tools: Annotated[list[ToolEntry], Field(min_length=1)] = []

    @model_validator(mode="after")
    def _says_something(self) -> _File:
        if not self.prices and not self.tools:
            raise ValueError("give prices, tools or both")
        return self


@dataclass(frozen=True, slots=True)
class PriceText:
    """The text of a user's file, for a machine that does not have the file."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path) -> PriceText:
        """Read a file. Raises `PriceFileError` with its name."""
        try:
            return cls(str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise PriceFileError(f"{path}: cannot be read as UTF-8 text: {error}") from error


@dataclass(frozen=True, slots=True)
class Overrides:
    """The entries of one file, with the line each stands on."""

    name: str
    entries: tuple[tuple[int, Override], ...]
    tools: tuple[ToolRule, ...] = ()

    @classmethod
    def read(cls, file: Path | PriceText) -> Overrides:
        """Read a file, or what was read of one. Raises `PriceFileError` with its name and line."""
        read = PriceText.read(file) if isinstance(file, Path) else file
        return cls.parse(read.text, name=read.name)

    @classmethod
    def parse(cls, text: str, name: str) -> Overrides:
        """Read a file's text. Raises `PriceFileError` with `name` and the line."""
        try:
            document = strict_yaml.load(text)
        except DocumentError as error:
            raise PriceFileError(f"{name}: {error}") from error
        try:
            file = _File.model_validate(document.data)
        except ValidationError as error:
            raise PriceFileError(strict_yaml.explained(name, document, error)) from error
        short = Path(name).name
        return cls(
            name=short,
            entries=tuple((document.line(("prices", index)), override) for index, override in enumerate(file.prices)),
            tools=tuple(
                entry.rule(source=f"override {short} line {document.line(('tools', index))}")
                for index, entry in enumerate(file.tools)
            ),
        )

    @property
    def description(self) -> str:
        """The file's name."""
        return f"override {self.name}"

    def rates(self, subject: Subject, at_ns: int) -> Rates | None:
        """Return the newest entry that applies; of several from one day the one that stands last."""
        day = datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).date()
        applying = [(entry.effective_from or date.min, line, entry) for line, entry in self.entries]
        best = max(
            ((since, line, entry) for since, line, entry in applying if entry.applies(subject, day)),
            key=lambda candidate: candidate[:2],
            default=None,
        )
        if best is None:
            return None
        since, line, entry = best
        return Rates(
            by_class={
                token_class: Rate(rate)
                for token_class in TokenClass
                if (rate := getattr(entry.usd_per_million_tokens, token_class.value)) is not None
            },
            source=f"{self.description} line {line}",
            effective_from=None if since == date.min else since.isoformat(),
        )


def _tier(name: str | None) -> str | None:
    lowered = (name or "").strip().lower()
    return lowered if lowered and lowered not in STANDARD_TIERS else None


def _matches(pattern: str, name: str | None) -> bool:
    return name is not None and fnmatch.fnmatchcase(name.lower(), pattern.lower())


__all__ = ["Override", "Overrides", "UsdPerMillionTokens"]
