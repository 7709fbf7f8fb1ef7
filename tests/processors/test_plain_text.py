"""Plain data as text."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from collector.strict_yaml import Value, load
from processors.plain_text import fixed, flow, to_json, to_yaml

TEXT = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.from_regex(r"[0-9a-fx_.:+-]{1,16}", fullmatch=True)
    | st.from_regex(r"[a-zA-Z?!=%&*#:,\[\]{} '\"-]{1,8}", fullmatch=True)
    | st.sampled_from(["1e5", "0x1f", "0b101", "1_0", "on", "No", "~", ".inf", "1:30", "<<", "=", "2026-01-01", "---"])
)


@given(TEXT)
def test_text_stays_text_for_every_reader(text: str) -> None:
    """Any text, as a value, in a list, in a mapping and as a key, is the same text to our and to an ordinary reader."""
    shapes: tuple[dict[str, Value], ...] = ({"a": text}, {"a": [text, {"b": text}]}, {text: {text: text}})
    for data in shapes:
        written = to_yaml(data)
        assert load(written).data == data
        assert yaml.safe_load(written) == data
        assert json.loads(to_json(data)) == data


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**15), max_value=10**15))
def test_money_keeps_its_digits(amount: Decimal) -> None:
    """An amount is written without exponent and read back as exactly the same number, in YAML and in JSON."""
    assert "E" not in fixed(amount)
    assert load(f"a: {fixed(amount)}").data == {"a": amount}
    assert json.loads(to_json(amount), parse_float=Decimal) == amount


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("read_file", "read_file"),
        ("same arguments (twice)", "same arguments (twice)"),
        ("00f067aa0ba902b7", "00f067aa0ba902b7"),
        ("12345678", '"12345678"'),
        ("a, b", '"a, b"'),
        ('{"path":"it\'s"}', "'{\"path\":\"it''s\"}'"),
        ("two\nlines", '"two\\nlines"'),
        ("\u2028\U000e0001", '"\\u2028\\U000e0001"'),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("2.500"), "2.5"),
        (True, "true"),
        ([1, "a"], "[1, a]"),
        ({}, "{}"),
    ],
)
def test_values_look_as_simple_as_is_safe(value: Value, text: str) -> None:
    """Quotes and escapes stand only where a reader would otherwise see something else."""
    assert flow(value) == text
