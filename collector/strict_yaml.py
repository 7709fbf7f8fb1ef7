"""YAML from outside, read strictly: plain data or a clear error, never an object, an alias bomb or a lost digit.

Numbers with a fraction are `Decimal`, exactly as written; dates stay text. Anchors, aliases, tags, merge keys and
duplicate keys are refused, and so is a document that is too long or too deep to be one of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import yaml
from pydantic import ValidationError

from collector.errors import DocumentError

Value: TypeAlias = "str | int | Decimal | bool | list[Value] | dict[str, Value] | None"
Path: TypeAlias = tuple[str | int, ...]

MAX_CHARACTERS = 4_000_000
MAX_DEPTH = 32
MAX_DIGITS = 60

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FRACTION = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?|[-+]?[0-9]+[eE][-+]?[0-9]{1,3}")
_CONSTANTS: Mapping[str, bool | None] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "~": None,
    "": None,
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document's data, and the line (from 1) on which each part of it starts."""

    data: Value
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of the innermost part of `path` that the document has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str) -> Document:
    """Read one document. Raises `DocumentError` naming the line."""
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(f"document of {len(text)} characters; at most {MAX_CHARACTERS} are read")
    try:
        _refuse_before_composing(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DocumentError(f"line {line}: {error.problem or 'not YAML'}") from error
    except yaml.YAMLError as error:
        raise DocumentError(f"not YAML: {error}") from error
    if root is None:
        raise DocumentError("the document is empty")
    lines: dict[Path, int] = {}
    return Document(_construct(root, (), lines), lines)


def explained(
    name: str, document: Document, error: ValidationError, repeatable: Callable[[Path], Path] = lambda path: path
) -> str:
    """Return what pydantic found wrong, each problem with the file's name and line, and nothing of what it was given.

    `repeatable` returns the part of a problem's place that may be named, where a key may be a secret itself.
    """
    return "; ".join(
        f"{name} line {document.line(problem['loc'])}: "
        f"{'.'.join(map(str, repeatable(problem['loc']))) or 'document'}: {_in_words(problem['msg'])}"
        for problem in error.errors()
    )


def _in_words(message: str) -> str:
    return message.removeprefix("Value error, ").replace("an instance of Decimal", "a number")


def _refuse_before_composing(text: str) -> None:
    """Scan the flat event stream, since composing recurses with the document's depth and expands aliases."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise DocumentError(f"line {line}: anchors and aliases are not allowed; write the value out")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            raise DocumentError(f"line {line}: the tag {event.tag!r} is not allowed; write plain data")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise DocumentError(f"line {line}: nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _construct(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Value:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*path, index), lines) for index, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> Value:
    data: dict[str, Value] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise DocumentError(f"line {line}: a key must be text")
        key = str(key_node.value)
        if key == "<<" and key_node.style is None:
            raise DocumentError(f"line {line}: merge keys are not allowed; write the keys out")
        if key in data:
            raise DocumentError(f"line {line}: the key {key!r} is there twice")
        data[key] = _construct(value_node, (*path, key), lines)
        lines[(*path, key)] = line
    return data


def _scalar(node: yaml.Node) -> str | int | Decimal | bool | None:
    text = str(node.value)
    if getattr(node, "style", None) is not None:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text) or _FRACTION.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise DocumentError(f"line {node.start_mark.line + 1}: a number of {len(text)} digits")
        return int(text) if _INTEGER.fullmatch(text) else Decimal(text)
    return text
