"""The `tools:` section of a user's price file: what a call of a tool costs, whether it writes, and to what.

```yaml
tools:
- tool: web_search*              # a glob on the tool's name
  usd_per_call: 0.01             # optional: what every call of it costs
- tool: crm_*
  effect: read                   # optional: `read` or `write`; else read from hints, names and arguments
  targets: [account_id]          # optional: the arguments that name what it works on
```

The first entry that says something about a tool counts, separately for its price and for its effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from processors.effects import Access, ToolRule
from processors.model import Session, ToolCall

_Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=21, decimal_places=12)]
_Name = Annotated[str, Field(min_length=1, max_length=300)]


class ToolEntry(BaseModel):
    """One entry of the section."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tool: _Name
    usd_per_call: _Usd | None = None
    effect: Literal["read", "write"] | None = None
    targets: list[_Name] = []

    @field_validator("usd_per_call", mode="before")
    @classmethod
    def _whole_numbers_are_decimals(cls, value: object) -> object:
        return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _says_something(self) -> ToolEntry:
        if self.usd_per_call is None and self.effect is None and not self.targets:
            raise ValueError("give usd_per_call, effect or targets")
        return self

    def rule(self, source: str) -> ToolRule:
        """Return the entry as findings and ledger take it."""
        return ToolRule(
            pattern=self.tool,
            access=None if self.effect is None else Access(self.effect),
            target_arguments=tuple(self.targets),
            usd_per_call=self.usd_per_call,
            source=source,
        )


@dataclass(frozen=True, slots=True)
class ToolPrice:
    """USD of one call of a tool, and where that is from."""

    usd: Decimal
    source: str


def tool_prices(session: Session, rules: Sequence[ToolRule]) -> dict[str, ToolPrice]:
    """Return what one call of each tool of a session costs, by its name; tools without a price are absent."""
    priced = [rule for rule in rules if rule.usd_per_call is not None]
    names = {step.name for step in session.steps if isinstance(step, ToolCall)} if priced else set[str]()
    found = {name: _first(priced, name) for name in names}
    return {
        name: ToolPrice(rule.usd_per_call, rule.source)
        for name, rule in sorted(found.items())
        if rule is not None and rule.usd_per_call is not None
    }


def _first(rules: Iterable[ToolRule], name: str) -> ToolRule | None:
    return next((rule for rule in rules if fnmatchcase(name, rule.pattern)), None)
