"""The JSON encoding of attribute values."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import AttributeValue
from collector.values import decode_attributes, decode_value, encode_attributes, encode_value

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
KEYS = st.sampled_from(["$bytes", "$double", "$map", "a"]) | st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)


def same(left: AttributeValue, right: AttributeValue) -> bool:
    """Whether two values are equal in type and content, NaN equal to itself and 0.0 unequal to -0.0."""
    if isinstance(left, float) and isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@given(VALUES)
def test_any_value_survives(value: AttributeValue) -> None:
    """Decoding what was encoded gives back the same value of the same type, whatever the nesting."""
    assert same(decode_value(encode_value(value)), value)


@given(st.dictionaries(KEYS, VALUES))
def test_any_attributes_survive(attributes: dict[str, AttributeValue]) -> None:
    """Attributes come back as they were, also where a key looks like an escape."""
    assert same(decode_attributes(encode_attributes(attributes)), attributes)


@given(VALUES)
def test_text_is_standard_json(value: AttributeValue) -> None:
    """Every encoded value is JSON that any strict parser reads: no NaN literals."""

    def refuse(literal: str) -> None:
        raise AssertionError(literal)

    json.loads(encode_value(value), parse_constant=refuse)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", '"x"'),
        (1, "1"),
        (1.0, "1.0"),
        (b"\x00\xff", '{"$bytes":"AP8="}'),
        (math.inf, '{"$double":"Infinity"}'),
        ({"$bytes": "AP8="}, '{"$map":{"$bytes":"AP8="}}'),
        ({"a": [True, None]}, '{"a":[true,null]}'),
    ],
)
def test_encoding_is_what_a_person_would_write(value: AttributeValue, text: str) -> None:
    """JSON's own kinds stand for themselves; the others carry a one-key escape."""
    assert encode_value(value) == text


def test_what_otlp_cannot_hold_is_refused() -> None:
    """A value that is no AnyValue raises instead of being turned into something else."""
    with pytest.raises(TypeError, match="set is not an OTLP attribute value"):
        encode_value({1, 2})  # type: ignore[arg-type]
