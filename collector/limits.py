"""How many attributes a record may have and how long each may be; the excess is dropped, counted and reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from collector.losses import Losses, MalformedFieldError
from collector.values import Json, write_json

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class AttributeLimits:
    """Of every set of attributes: its size, and the bytes of one value (in JSON: its characters)."""

    count: int = 10_000
    value_bytes: int = 16 * 1024 * 1024

    def first(self, entries: Sequence[_T], losses: Losses) -> Sequence[_T]:
        """Return no more entries than allowed."""
        if len(entries) <= self.count:
            return entries
        losses.drop(f"attributes past the first {self.count} of a record")
        return entries[: self.count]

    def check_key(self, key: str) -> None:
        """Raise MalformedFieldError for a key that is itself too long."""
        if len(key) > self.value_bytes:
            raise MalformedFieldError(f"a key of more than {self.value_bytes} bytes")

    def fitting(self, value: Json, losses: Losses) -> Json:
        """Return a value, text cut to the limit. Raises MalformedFieldError for a structure that is too large."""
        if isinstance(value, str):
            if len(value) <= self.value_bytes:
                return value
            losses.drop(f"text cut after {self.value_bytes} bytes")
            return value.encode(errors="replace")[: self.value_bytes].decode(errors="ignore")
        if isinstance(value, list | dict) and len(write_json(value)) > self.value_bytes:
            raise MalformedFieldError(f"larger than {self.value_bytes} bytes")
        return value
