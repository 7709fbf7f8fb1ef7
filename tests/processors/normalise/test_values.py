"""Attribute values of any shape: numbers as text, structures as JSON or Python literals, and what is neither."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import AttributeValue
from processors.normalise.printed import printed_counts
from processors.normalise.values import as_count, canonical, flag, parse, plain, structured, texts, usd

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("sent", "read"),
    [(12, 12), ("12", 12), (12.0, 12), ("12.0", 12), (" 7 ", 7), (-3, -3), (True, None), ("x", None), (None, None),
     (float("nan"), None), (float("inf"), None), (2**60, None), ("9" * 40, None), ("1e400", None), ([], None)],
)  # fmt: skip
def test_counts_are_read_from_numbers_and_text(sent: object, read: int | None) -> None:
    """A count may come as a number or its text; a boolean, a fraction or an absurd size is none."""
    assert as_count(sent) == read


@given(json_values)
def test_structures_survive_as_json_as_python_and_as_themselves(value: object) -> None:
    """JSON text, a Python literal and the structure itself are the same value, and canonical text is stable."""
    if isinstance(value, (dict, list)):
        assert structured(json.dumps(value)) == plain(value)
        assert structured(repr(value)) == plain(value)
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.text())
def test_any_text_is_read_without_an_error(value: str) -> None:
    """Text that is no structure stays the text that it is."""
    assert parse(value) is None or structured(value) == parse(value)


@given(st.dictionaries(st.text(), st.integers()))
def test_canonical_json_does_not_depend_on_order(value: dict[str, int]) -> None:
    """Equal mappings have equal canonical text."""
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@pytest.mark.parametrize("sent", ["[" * 100_000, "{'a':" * 5_000, '{"a":' * 50_000, "(" * 10_000, '"\\ud800"', "[1,"])
def test_hostile_text_stays_text(sent: str) -> None:
    """Nesting without end, broken JSON and lone surrogates are not structures and stop nothing."""
    assert structured(sent) in (sent, "\ud800")
    assert canonical({"text": sent})


def test_bytes_and_surrogates_have_canonical_text() -> None:
    """Canonical text exists for values that JSON does not have."""
    assert canonical({"a": b"\x00\xff"}) == '{"a":"AP8="}'
    assert canonical("\ud800")
    assert canonical({"a": float("nan")}) == '{"a":null}'


@pytest.mark.parametrize(("sent", "read"), [("true", True), ("False", False), (True, True), ("yes", None), (1, None)])
def test_flags_are_read_from_text(sent: AttributeValue, read: bool | None) -> None:  # noqa: FBT001 - a table's column
    """`"false"` is false, and what is neither is unknown."""
    assert flag(sent) is read


@pytest.mark.parametrize(
    ("sent", "read"), [('["stop"]', ("stop",)), (["a", 1], ("a",)), ("stop", ("stop",)), (None, ())]
)
def test_lists_of_texts_come_as_arrays_and_json(sent: AttributeValue, read: tuple[str, ...]) -> None:
    """A list of texts may be an array, JSON text, or a single text."""
    assert texts(sent) == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [(0.25, Decimal("0.25")), ("0.25", Decimal("0.25")), (-1, None), (float("nan"), None), ("x", None), (True, None)],
)
def test_money_is_exact_and_never_negative(sent: AttributeValue, read: Decimal | None) -> None:
    """An amount keeps the digits that were sent."""
    assert usd({"cost": sent}, "cost") == read


@pytest.mark.parametrize("digits", [16, 5_000])
def test_a_printed_number_too_long_for_a_count_is_none(digits: int) -> None:
    """Digits without end, which Python does not even read, are left out; the counts beside them are kept."""
    printed = f"Usage(prompt_tokens={'9' * digits}, completion_tokens=7)"
    assert printed_counts(printed) == {"output": 7}
