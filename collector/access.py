"""Who may do what: bearer tokens with names and scopes.

Tokens are kept and compared as SHA-256 digests, every one of them for every request, in constant time: neither memory
nor the time an answer takes tells how much of a guess was right.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from collector import strict_yaml
from collector.errors import DocumentError, ForbiddenError, TokenFileError, UnauthorizedError

_FIELDS: Final = frozenset({"name", "scopes", "token", "sha256"})
_MIN_TOKEN: Final = 16


class Scope(StrEnum):
    """What a token lets its bearer do; `admin` includes the others."""

    INGEST = "ingest"
    """Send telemetry."""
    READ = "read"
    """Ask questions, read cards and metrics."""
    ADMIN = "admin"
    """Also compile, record outcomes and delete."""


@dataclass(frozen=True, slots=True)
class Token:
    """One bearer's name, the SHA-256 digest of the token, and what it is good for."""

    name: str
    digest: bytes
    scopes: frozenset[Scope]

    @classmethod
    def of(cls, name: str, secret: str, scopes: Iterable[Scope] = (Scope.ADMIN,)) -> Token:
        """Make a token from its secret, good for everything unless told otherwise."""
        return cls(name, _digest(secret), frozenset(scopes))

    def allows(self, scope: Scope) -> bool:
        """Whether the token is good for `scope`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True, slots=True)
class Access:
    """The tokens that are let in; without any, everybody is."""

    tokens: tuple[Token, ...] = ()

    def check(self, header: str | None, scope: Scope) -> None:
        """Raise UnauthorizedError without a known token in the `authorization` header, ForbiddenError for its scope."""
        if not self.tokens:
            return
        scheme, _, given = (header or "").partition(" ")
        bearer = self._bearer(given.strip()) if scheme.lower() == "bearer" else None
        if bearer is None:
            raise UnauthorizedError("send the header 'authorization: Bearer TOKEN' with a token of this collector")
        if not bearer.allows(scope):
            raise ForbiddenError(f"the token {bearer.name!r} lacks the scope {scope.value!r}")

    def _bearer(self, given: str) -> Token | None:
        digest = _digest(given)
        found = None
        for token in self.tokens:
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found


class _Entry(BaseModel):
    """One token of the file: the secret itself, or its SHA-256 so that the file holds none."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Field(min_length=1)]
    token: Annotated[str, Field(min_length=_MIN_TOKEN, pattern=r"^[!-~]+$")] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> _Entry:
        if (self.token is None) == (self.sha256 is None):
            raise ValueError("give either 'token' or 'sha256'")
        return self

    def made(self) -> Token:
        digest = bytes.fromhex(self.sha256) if self.sha256 is not None else _digest(self.token or "")
        return Token(self.name, digest, frozenset(self.scopes))


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    tokens: Annotated[list[_Entry], Field(min_length=1)]


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Return the tokens of a YAML file. Raises TokenFileError with file and line, never with what stands there."""
    try:
        document = strict_yaml.load(path.read_text(encoding="utf-8"))
        file = _File.model_validate(document.data)
    except (OSError, UnicodeDecodeError) as error:
        raise TokenFileError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    except DocumentError as error:
        raise TokenFileError(f"{path}: {error}") from None
    except ValidationError as error:
        raise TokenFileError(strict_yaml.explained(str(path), document, error, _known)) from None
    tokens = tuple(entry.made() for entry in file.tokens)
    for twice in ("name", "digest"):
        if len({getattr(token, twice) for token in tokens}) < len(tokens):
            what = "a name" if twice == "name" else "a token"
            raise TokenFileError(f"{path}: {what} appears twice: every entry needs its own name and its own token")
    return tokens


def _known(place: strict_yaml.Path) -> strict_yaml.Path:
    """Leave out an unknown key's name: it may be a token that was typed in the wrong place."""
    return tuple(part for part in place if isinstance(part, int) or part in _FIELDS | {"tokens"})


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", errors="surrogateescape")).digest()
