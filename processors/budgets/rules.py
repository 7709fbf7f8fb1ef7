"""A user's budgets: a YAML file of limits on cost and on findings.

```yaml
webhook: https://hooks.example.com/T0/secret   # optional; or `webhook_from: NAME` of an environment variable
budgets:
- rule: one-session              # its name in the view, the metric and the webhook
  per: session
  limit_usd: 0.50
- rule: research-a-day
  per: day                       # all sessions that began on a day, in UTC
  agent: research-*              # optional: a glob on the agent's name, case ignored
  limit_usd: 20
- rule: each-agent
  per: agent                     # each agent by itself, also by the day
  limit_usd: 5
- rule: rereading
  per: session
  finding: repeated_call         # a detector's name, or `any`
  limit_count: 3                 # or limit_usd: what the findings wasted
```
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from collector import strict_yaml
from collector.errors import DocumentError
from processors.errors import BudgetFileError
from processors.findings import DETECTORS

ANY_FINDING = "any"
MOST_RULES = 200
"""Each rule is a label of a metric."""

Per: TypeAlias = Literal["session", "day", "agent"]
_Usd = Annotated[Decimal, Field(ge=0, le=1_000_000_000, max_digits=21, decimal_places=12)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Rule(_Model):
    """One limit. It is breached by more than the limit, not by exactly the limit."""

    rule: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    per: Per
    agent: Annotated[str, Field(min_length=1)] | None = None
    finding: str | None = None
    limit_usd: _Usd | None = None
    limit_count: Annotated[int, Field(ge=0, le=2**53)] | None = None

    @field_validator("limit_usd", mode="before")
    @classmethod
    def _whole_numbers_are_decimals(cls, value: object) -> object:
        return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("finding")
    @classmethod
    def _known_finding(cls, value: str | None) -> str | None:
        known = (ANY_FINDING, *(detector.name for detector in DETECTORS))
        if value is not None and value not in known:
            raise ValueError(f"there is no such finding; write one of {', '.join(known)}")
        return value

    @model_validator(mode="after")
    def _one_limit(self) -> Rule:
        if (self.limit_usd is None) == (self.limit_count is None):
            raise ValueError("give either limit_usd or limit_count")
        if self.limit_count is not None and self.finding is None:
            raise ValueError("limit_count counts findings: say which with finding")
        return self

    def concerns(self, agent_name: str | None) -> bool:
        """Return whether the rule is about an agent; one without a name is met only by a rule without a glob."""
        if self.agent is None:
            return True
        return agent_name is not None and fnmatch.fnmatchcase(agent_name.lower(), self.agent.lower())


class _File(_Model):
    webhook: str | None = None
    webhook_from: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    budgets: Annotated[list[Rule], Field(min_length=1, max_length=MOST_RULES)]

    @field_validator("webhook")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None:
            check_webhook(value)
        return value

    @model_validator(mode="after")
    def _one_webhook(self) -> _File:
        if self.webhook is not None and self.webhook_from is not None:
            raise ValueError("webhook and webhook_from both name a webhook: give one of them")
        return self


def check_webhook(url: str) -> None:
    """Raise ValueError, which never repeats the secret that an address may hold, unless it is http(s)://HOST..."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isprintable() or " " in url:
        raise ValueError("a webhook is an address that begins with https:// or http://")


@dataclass(frozen=True, slots=True)
class Budgets:
    """The rules of one file, and whom to tell."""

    rules: tuple[Rule, ...]
    webhook: str | None = None
    """The address, which may hold a secret: never to be written anywhere."""
    webhook_from: str | None = None
    """The environment variable that holds the address instead."""

    @classmethod
    def read(cls, path: Path) -> Budgets:
        """Read a file. Raises `BudgetFileError` with its name and line."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BudgetFileError(f"{path}: cannot be read as UTF-8 text: {error}") from error
        return cls.parse(text, name=str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> Budgets:
        """Read a file's text. Raises `BudgetFileError` with `name` and the line."""
        try:
            document = strict_yaml.load(text)
        except DocumentError as error:
            raise BudgetFileError(f"{name}: {error}") from error
        try:
            file = _File.model_validate(document.data)
        except ValidationError as error:
            # Not chained: pydantic's own error repeats what it was given, also a webhook's secret.
            raise BudgetFileError(strict_yaml.explained(name, document, error)) from None
        _refuse_same_names(file.budgets, document, name)
        return cls(tuple(file.budgets), file.webhook, file.webhook_from)


def _refuse_same_names(rules: list[Rule], document: strict_yaml.Document, name: str) -> None:
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.rule in seen:
            line = document.line(("budgets", index, "rule"))
            raise BudgetFileError(f"{name} line {line}: the rule {rule.rule!r} is there twice; name each differently")
        seen.add(rule.rule)
