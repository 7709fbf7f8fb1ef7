"""What a tool's arguments name: paths, addresses, ids, tables; and when two of them are the same thing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

from processors.effects.names import SEARCH_ARGUMENTS

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

NAMING_KEY = re.compile(
    r"(^|_)(path|paths|file|files|filename|filepath|dir|directory|folder|cwd|url|uri|href|link|endpoint|id|ids|uuid|key|"
    r"name|table|collection|bucket|repo|repository|branch|issue|ticket|number|code|symbol|account|user|email|job|handle|"
    r"resource|document|doc|page_id|city|location|country|currency)s?$",
    re.IGNORECASE,
)
SQL_KEYS = frozenset({"", "sql", "query", "q", "statement", "stmt", "command"})
SQL_TABLE = re.compile(r"\b(?:from|join|into|update|table|describe)\s+([\w.\"`\[\]]+)", re.IGNORECASE)
SQL = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:explain\s+(?:analyze\s+)?)?"
    r"(?P<verb>select\b.+\bfrom\b|insert\s+(?:or\s+\w+\s+)?into\b|update\s+\S+\s+set\b|delete\s+from\b|merge\s+into\b"
    r"|(?:create|drop|alter|truncate)\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:table|view|index)\b"
    r"|with\s+(?:recursive\s+)?\w+\s*(?:\([^)]*\)\s*)?as\s*\(|describe\s+\w+\s*;?\s*$)",
    re.IGNORECASE | re.DOTALL,
)
SQL_CHANGE = re.compile(r"\b(insert|update|delete|merge)\b", re.IGNORECASE)
GRAPHQL = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?P<operation>query|mutation|subscription)\b[^{}]{0,2000}\{", re.IGNORECASE)
PLACE = re.compile(r"(?:[\w.~@+-]*/)+[\w.@+-]+/?|[\w-]+\.\w{1,5}")
PLACE_KEY = re.compile(r"(^|_)(path|paths|file|files|filename|dir|directory|folder|cwd|url|uri|id|ids)$", re.IGNORECASE)
PATCH_FILE = re.compile(
    r"^(?:\*\*\* (?:Add|Update|Delete) File:|\*\*\* Move to:|(?:---|\+\+\+)(?= \S+(?:\t.*)?$))"
    r" (?:[ab]/)?(?P<file>\S[^\t\n]*)",
    re.MULTILINE,
)
"""The files of a patch: in the format of Codex, and in unified diffs."""
LONGEST = 300
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=4096)
def parse(arguments: str | None) -> Json:
    """Parse canonical arguments; text that is no JSON stands for itself."""
    if arguments is None:
        return None
    try:
        parsed: Json = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return parsed


def leaves(value: Json, key: str = "") -> Iterator[tuple[str, str]]:
    """List the scalar values of some arguments with the key that each stands under."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from leaves(inner, name)
        case list():
            for inner in value:
                yield from leaves(inner, key)
        case bool() | None:
            return
        case _:
            yield key, str(value)


def named(arguments: str | None) -> frozenset[str]:
    """Name what some arguments point to: the values of naming keys, else every short value."""
    pairs = [(CAMEL.sub("_", key), text) for key, text in leaves(parse(arguments)) if 0 < len(text) <= LONGEST]
    pointed = [text for key, text in pairs if NAMING_KEY.search(key) or "://" in text]
    return frozenset(canonical(text) for text in pointed or (text for _, text in pairs))


def names_place(arguments: str | None) -> bool:
    """Whether some arguments say where to look, by their key or as a path that is no pattern."""
    return any(
        PLACE_KEY.search(CAMEL.sub("_", key)) or (key.lower() not in SEARCH_ARGUMENTS and PLACE.fullmatch(text))
        for key, text in leaves(parse(arguments))
    )


def patched(text: str) -> frozenset[str]:
    """Name the files that a patch changes; none where the text is no patch."""
    found = (match["file"] for match in PATCH_FILE.finditer(text)) if "*** " in text or "+++ " in text else ()
    return frozenset(canonical(file) for file in found if file != "/dev/null")


def canonical(target: str) -> str:
    """Write a path or address in one way."""
    text = target.strip().strip("\"'`").replace("\\", "/")
    while text.startswith("./"):
        text = text[2:]
    while "/./" in text or ("//" in text and "://" not in text):
        text = text.replace("/./", "/").replace("//", "/")
    return text.rstrip("/") or "/"


def sql_tables(text: str) -> frozenset[str]:
    """Name the tables of a statement."""
    return frozenset(name.strip('"`[]').lower() for name in SQL_TABLE.findall(text))


def graphql(text: str) -> str | None:
    """Name the operation of a GraphQL document: query, mutation or subscription; None for any other text."""
    found = GRAPHQL.match(text)
    return None if found is None else found["operation"].lower()
