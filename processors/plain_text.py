"""Plain data as YAML and JSON text, byte for byte the same on every machine.

An emitter of our own, because the bytes of a card are compared and library emitters differ between versions and between
their C and Python halves. Money is written in fixed notation with every digit it has. Both texts are read back
exactly by `strict_yaml.load`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache

from collector.strict_yaml import Value

_PLAIN = re.compile(r"[^\W\d_][\w./()+%$=~;!'-]*(?: +[\w./()+%$=~;!'-]+)*|_[\w.-]+")
_HEX_ID = re.compile(r"(?!0b)[0-9][0-9a-f]*[a-df][0-9a-f]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_LAST_OF_PLANE_0 = 0xFFFF
_json = json.JSONEncoder(ensure_ascii=False).encode
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def to_yaml(data: Mapping[str, Value]) -> str:
    """Return one document: a block mapping whose values are single lines, or lists of single lines."""
    lines: list[str] = []
    for key, value in data.items():
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            lines.append(f"{scalar(key)}:")
            lines.extend(f"- {flow(item)}" for item in value)
        else:
            lines.append(f"{scalar(key)}: {flow(value)}")
    return "\n".join(lines) + "\n"


def to_json(value: Value) -> str:
    """Return compact JSON; money is a number."""
    if isinstance(value, Decimal):
        return fixed(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(key)}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return _json(value)


def flow(value: Value) -> str:
    """Return a value on one line of YAML."""
    if isinstance(value, dict):
        return "{" + _joined(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + _joined(map(flow, value)) + "]"
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, Decimal):
        return fixed(value)
    return json.dumps(value)


@lru_cache(maxsize=1024)
def scalar(text: str) -> str:
    """Return text as a YAML scalar that every reader takes for text: plain where that is safe, else quoted."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if _HEX_ID.fullmatch(text):
        return text
    if text.isprintable():
        if '"' in text:
            return "'" + text.replace("'", "''") + "'"
        if "\\" not in text:
            return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def fixed(number: Decimal) -> str:
    """Return every digit of a number, without exponent and without zeros that say nothing."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\u{code:04x}" if code <= _LAST_OF_PLANE_0 else f"\\U{code:08x}"
