"""Attributes whose keys spell out a structure (`llm.input_messages.0.message.role`), put together again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collector.model import Attributes, AttributeValue
from processors.normalise.values import Json, plain

_MAX_SEGMENTS = 16
"""More than any producer's keys have; the rest of a longer key stays one segment."""


def list_at(attributes: Attributes, prefix: str) -> list[Json]:
    """Return the list under `prefix`, in the order of its indices; empty when nothing was sent."""
    tree: dict[str, object] = {}
    start = prefix + "."
    for key, value in attributes.items():
        if key.startswith(start):
            _insert(tree, key[len(start) :].split(".", _MAX_SEGMENTS), value)
    return [_structure(tree[index]) for index in _ordered(tree)]


def _insert(tree: dict[str, object], path: list[str], value: AttributeValue) -> None:
    for segment in path[:-1]:
        inner = tree.setdefault(segment, {})
        if not isinstance(inner, dict):
            return
        tree = inner
    tree.setdefault(path[-1], value)


def _ordered(tree: Mapping[str, object]) -> list[str]:
    return sorted(
        (key for key in tree if key.isdecimal()), key=lambda key: (len(key.lstrip("0")), key.lstrip("0"), key)
    )


def _structure(node: object) -> Json:
    """Turn mappings whose keys are all indices into lists."""
    if not isinstance(node, dict):
        return plain(node)
    if node and all(key.isdecimal() for key in node):
        return [_structure(node[key]) for key in _ordered(node)]
    return {key: _structure(value) for key, value in node.items()}


def without_wrappers(value: Json, wrappers: Iterable[str]) -> Json:
    """Lift what stands under the keys `wrappers` into the mapping around it, at every depth."""
    names = frozenset(wrappers)
    if isinstance(value, Mapping):
        lifted: dict[str, Json] = {}
        for key, item in value.items():
            inner = without_wrappers(item, names)
            if key in names and isinstance(inner, Mapping):
                lifted.update(inner)
            else:
                lifted[key] = inner
        return lifted
    if isinstance(value, list):
        return [without_wrappers(item, names) for item in value]
    return value
