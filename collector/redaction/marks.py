"""The mark that a redacted value leaves: what it was, and a keyed hash that is equal for equal values.

`[REDACTED:KIND#HASH]` is written so that no pattern of a secret fits it or anything in it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

_HEX_DIGITS: Final = 16
_MARK: Final = re.compile(r"\[REDACTED:[a-z0-9_]+#[0-9a-f]{16}\]")


class Marks:
    """Makes marks with one key. Source of the construction: RFC 2104, truncated to 64 bits."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def mark(self, kind: str, value: str) -> str:
        """Return the mark of a value of some kind."""
        keyed = self._keyed.copy()
        keyed.update(value.encode(errors="surrogatepass"))
        return f"[REDACTED:{kind}#{keyed.hexdigest()[:_HEX_DIGITS]}]"


def is_mark(text: str) -> bool:
    """Whether text is nothing but a mark."""
    return _MARK.fullmatch(text) is not None
