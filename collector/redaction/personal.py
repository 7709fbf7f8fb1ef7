"""What personal data looks like, as far as a format and its check digits tell; names and places are not found.

The libraries that know the check digits and numbering plans come with the extra `pii`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, Literal, TypeAlias

from collector.errors import RedactionFileError
from collector.redaction.patterns import Pattern

PersonalKind: TypeAlias = Literal["email", "credit_card", "iban", "phone"]
_EMAIL: Final = r"([A-Za-z0-9.!#$%&*+=?^_{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})"
_CARD: Final = r"\b(\d(?:[ -]?\d){12,18})\b"
_IBAN: Final = r"\b([A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30})\b"
_PHONE: Final = r"(\+\d(?:[ ().-]{0,2}\d){6,14})\b"


def personal_patterns(kinds: tuple[PersonalKind, ...]) -> tuple[Pattern, ...]:
    """Return the patterns of these kinds. Raises RedactionFileError where a library that one needs is not installed."""
    return tuple(_MADE[kind]() for kind in kinds)


def _email() -> Pattern:
    return Pattern("email", _EMAIL, r"[\w}~-]@[A-Za-z0-9]")


def _credit_card() -> Pattern:
    valid = _checker("stdnum.luhn", "is_valid")
    return Pattern(
        "credit_card", _CARD, r"\d(?:[ -]?\d){12}", lambda text: valid(text.replace(" ", "").replace("-", ""))
    )


def _iban() -> Pattern:
    return Pattern("iban", _IBAN, r"[A-Z]{2}\d{2} ?[A-Z0-9]", _checker("stdnum.iban", "is_valid"))


def _phone() -> Pattern:
    library = _library("phonenumbers")
    parse, valid = library.parse, library.is_valid_number

    def check(text: str) -> bool:
        try:
            return bool(valid(parse(text)))
        except library.NumberParseException:
            return False

    return Pattern("phone", _PHONE, r"\+\d", check)


def _checker(module: str, name: str) -> Callable[[str], bool]:
    check: Callable[[str], bool] = getattr(_library(module), name)
    return check


def _library(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the extra ships no types
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise RedactionFileError(
            f"redaction of personal data needs {error.name}: pip install 'clawtrace-otel[pii]'"
        ) from error


_MADE: Final[dict[PersonalKind, Callable[[], Pattern]]] = {
    "email": _email,
    "credit_card": _credit_card,
    "iban": _iban,
    "phone": _phone,
}
