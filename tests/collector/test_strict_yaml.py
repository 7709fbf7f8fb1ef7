"""YAML from outside."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import DocumentError
from collector.strict_yaml import load


def test_numbers_are_exact_and_dates_stay_text() -> None:
    """A fraction is the Decimal that was written, an integer an int, a date and a quoted number text."""
    data = load(
        "{a: 0.10, b: 12, c: 2026-01-02, d: '1.5', e: 1e-7, f: yes, g: null, h: true, i: 00f067aa0ba902b7}"
    ).data
    assert data == {
        "a": Decimal("0.10"),
        "b": 12,
        "c": "2026-01-02",
        "d": "1.5",
        "e": Decimal("1e-7"),
        "f": "yes",
        "g": None,
        "h": True,
        "i": "00f067aa0ba902b7",
    }


def test_every_part_knows_its_line() -> None:
    """Keys and list items have the line they start on; an unknown part has its parent's."""
    document = load("a: 1\nb:\n- x\n- y: 2\n")
    assert document.lines[("b", 1, "y")] == 4
    assert document.line(("b", 0)) == 3
    assert document.line(("b", 1, "missing", 7)) == 4
    assert document.line(("missing",)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("# only a comment\n", "empty"),
        ("a: 1\na: 2\n", "line 2: the key 'a' is there twice"),
        ("a: &x 1\nb: *x\n", "line 1: anchors"),
        ("a: !!python/name:os.system x\n", "tag"),
        ("a: !!binary aGk=\n", "tag"),
        ("<<: {a: 1}\n", "merge"),
        ("? [a, b]\n: 1\n", "a key must be text"),
        ("[" * 100 + "]" * 100, "nested deeper"),
        ("[" * 100_000, "nested deeper"),
        ("a: " + "9" * 100, "a number of 100 digits"),
        ("a: [1\n", "line 2"),
        ("a: 1\n--- \nb: 2\n", "line 2"),
        ("a: \x00", "not YAML"),
        ("x" * 4_000_001, "4000001 characters"),
    ],
)
def test_what_is_no_plain_data_is_refused(text: str, message: str) -> None:
    """Bombs, objects, duplicates and damage end in an error of one kind that says what is wrong."""
    with pytest.raises(DocumentError, match=message):
        load(text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the loader fail in another way than by its own error."""
    with contextlib.suppress(DocumentError):
        assert load(text).lines[()] >= 1
