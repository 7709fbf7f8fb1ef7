"""What is redacted: the configuration, and the YAML file that it may come from.

```yaml
secrets: true                  # the built-in patterns of keys, tokens and passwords; on unless said otherwise
content: keep                  # or `hash`, or `drop`: what was said to and by models and tools
pii: [email, credit_card, iban]
attributes:                    # by name, or by its beginning with `*`; the first that fits counts
- name: user.email
  action: hash                 # a keyed hash in its place: equal values stay equal
- name: http.request.header.*
  action: drop
- name: app.build_token
  action: keep                 # as it is, whatever it looks like
patterns:                      # your own, in RE2's syntax; a group, where there is one, is the part to take out
- name: employee
  regex: EMP-[0-9]{6}
```
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import re2
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from collector import strict_yaml
from collector.errors import DocumentError, RedactionFileError
from collector.redaction.patterns import Pattern
from collector.redaction.personal import PersonalKind

Action: TypeAlias = Literal["keep", "hash", "drop"]
_NAME: Final = r"^[a-z][a-z0-9_]{0,39}$"


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """What happens to attributes of a name; one that ends in `*` stands for every name that begins so."""

    name: str
    action: Action

    def fits(self, name: str) -> bool:
        """Whether the rule is about an attribute."""
        return name.startswith(self.name[:-1]) if self.name.endswith("*") else name == self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """What is redacted."""

    secrets: bool = True
    content: Action = "keep"
    personal: tuple[PersonalKind, ...] = ()
    attributes: tuple[AttributeRule, ...] = ()
    patterns: tuple[Pattern, ...] = ()


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Attribute(_Strict):
    name: Annotated[str, Field(min_length=1, pattern=r"^[^*]*\*?$")]
    action: Action


class _Pattern(_Strict):
    name: Annotated[str, Field(pattern=_NAME)]
    regex: Annotated[str, Field(min_length=1, max_length=10_000)]

    @field_validator("regex")
    @classmethod
    def _compiles(cls, regex: str) -> str:
        try:
            compiled = re2.compile(regex, _quiet())
        except re2.error as error:
            reason = error.args[0] if error.args else error
            raise ValueError(f"not a regular expression of RE2: {_text(reason)}") from error
        if compiled.groups > 1:
            raise ValueError("more than one group: write the others as (?:...)")
        if compiled.search("") is not None:
            raise ValueError("it matches where there is nothing")
        return regex


class _File(_Strict):
    secrets: bool = True
    content: Action = "keep"
    pii: list[PersonalKind] = []
    attributes: list[_Attribute] = []
    patterns: list[_Pattern] = []


def read_redaction(path: Path) -> Redaction:
    """Return what a YAML file says. Raises RedactionFileError with file and line."""
    try:
        document = strict_yaml.load(path.read_text(encoding="utf-8"))
        file = _File.model_validate(document.data)
    except (OSError, UnicodeDecodeError) as error:
        raise RedactionFileError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    except DocumentError as error:
        raise RedactionFileError(f"{path}: {error}") from error
    except ValidationError as error:
        raise RedactionFileError(strict_yaml.explained(str(path), document, error)) from error
    return Redaction(
        secrets=file.secrets,
        content=file.content,
        personal=tuple(dict.fromkeys(file.pii)),
        attributes=tuple(AttributeRule(rule.name, rule.action) for rule in file.attributes),
        patterns=tuple(Pattern(own.name, _grouped(own.regex), anchor=None) for own in file.patterns),
    )


def _grouped(regex: str) -> str:
    return regex if re2.compile(regex, _quiet()).groups else f"({regex})"


def _quiet() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


def _text(reason: object) -> str:
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


__all__ = ["Action", "AttributeRule", "Redaction", "read_redaction"]
