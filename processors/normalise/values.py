"""Attribute values of any shape as plain values: a number may come as text, a structure as JSON or a Python literal.

Nothing here raises on foreign input: what cannot be read is None.
"""

from __future__ import annotations

import ast
import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

import msgspec

from collector.model import Attributes, AttributeValue

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

_MAX_TOKENS = 2**53
"""No counter beyond this is a count: it is the limit up to which every producer's number type is exact."""
_MAX_LITERAL = 1_000_000
"""Python literals are parsed by the compiler, whose memory grows with their length."""
_MAX_DEPTH = 100
"""Deeper than any message; a structure beyond it is kept as its text."""


REDACTED = frozenset({"<REDACTED>", "[REDACTED]", "__REDACTED__", "REDACTED", "[redacted]", "<redacted>"})
"""What producers write in the place of content that is switched off."""


def first(attributes: Attributes, *keys: str) -> AttributeValue:
    """Return the first value that was sent under one of `keys`, empty and redacted text counting as not sent."""
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "" and not (isinstance(value, str) and value in REDACTED):
            return value
    return None


def text(attributes: Attributes, *keys: str) -> str | None:
    """Return the first scalar under one of `keys` as text."""
    for key in keys:
        value = attributes.get(key)
        if isinstance(value, str):
            if value:
                return value
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    return None


def count(attributes: Attributes, *keys: str) -> int | None:
    """Return the first value under one of `keys` that is a count, sign kept."""
    for key in keys:
        number = as_count(attributes.get(key))
        if number is not None:
            return number
    return None


def as_count(value: object) -> int | None:
    """Read an integer from a number or its text."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        try:
            value = int(value) if len(value) <= 20 else None  # noqa: PLR2004 - the digits of a 64-bit number
        except ValueError:
            return _integral(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _MAX_TOKENS else None
    return value if isinstance(value, int) and abs(value) <= _MAX_TOKENS else None


def _integral(value: object) -> int | None:
    """Read `"12.0"`: some formatters print every number as a float."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    whole = number.is_finite() and abs(number) <= _MAX_TOKENS and number == number.to_integral_value()
    return int(number) if whole else None


def flag(value: AttributeValue) -> bool | None:
    """Read a boolean from itself or its text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def usd(attributes: Attributes, *keys: str) -> Decimal | None:
    """Return the first amount of money under one of `keys`; never negative, NaN or infinite."""
    for key in keys:
        value = attributes.get(key)
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                amount = Decimal(str(value))
            except InvalidOperation:
                continue
            if amount.is_finite() and amount >= 0:
                return amount
    return None


def texts(value: AttributeValue) -> tuple[str, ...]:
    """Read a list of texts from an array, from JSON text, or from a single text."""
    plain = structured(value)
    if isinstance(plain, str):
        return (plain,) if plain else ()
    if isinstance(plain, Sequence):
        return tuple(item for item in plain if isinstance(item, str))
    return ()


def structured(value: object) -> Json:
    """Return a structure from an attribute that holds it as itself, as JSON text, or as a Python literal.

    Text that is none of these is returned as it is.
    """
    if isinstance(value, str):
        parsed = parse(value)
        return value if parsed is None and value.strip() != "null" else parsed
    return plain(value)


def parse(value: str) -> Json:
    """Parse text that looks like JSON or a Python literal; None when it is neither."""
    stripped = value.strip()
    if not stripped or stripped[0] not in "{[\"'(0123456789-tfn":
        return None
    try:
        parsed: Json = msgspec.json.decode(stripped)
    except (msgspec.DecodeError, RecursionError):
        return _literal(stripped)
    return parsed


def _literal(value: str) -> Json:
    if value[0] not in "{['(" or len(value) > _MAX_LITERAL:
        return None
    try:
        return plain(ast.literal_eval(value))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def plain(value: object, depth: int = 0) -> Json:
    """Return a value as JSON has it: keys are text, bytes are base64, tuples and sets are lists."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, depth + 1) for item in value), key=canonical)
    return str(value)


def canonical(value: object) -> str:
    """Return JSON with sorted keys and no spaces, the same for equal values whatever they came as."""
    try:
        return msgspec.json.encode(value, order="sorted", enc_hook=plain).decode()
    except (msgspec.EncodeError, RecursionError, TypeError, ValueError, UnicodeError):
        return msgspec.json.encode(str(plain(value)).encode("utf-8", "replace").decode()).decode()


def mapping(value: object) -> Mapping[str, Json]:
    """Return a structure's fields, empty when it is not a mapping."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Json]:
    """Return a structure's items, empty when it is not a list."""
    return value if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else ()
