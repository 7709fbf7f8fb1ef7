"""Whether two calls ask the same thing: arguments are stripped of explanations, normalised, and compared by meaning."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache

from processors.effects.names import word_set
from processors.effects.targets import CAMEL, NAMING_KEY, Json, canonical, leaves, parse
from processors.similarity import similarity

EXPLAINING = word_set(
    "comment description explanation intent justification motivation purpose rationale reason reasoning thought"
)
"""Arguments that explain why a call is made and do not affect its result."""
PAGING = re.compile(
    r"(^|_)(after|before|begin|cursor|date|day|end|first|from|index|last|length|limit|line|lines|max|min|offset|page|"
    r"range|since|size|skip|start|start_line|step|take|to|top|until|view_range|width)($|_)",
    re.IGNORECASE,
)
"""Arguments that select a part of a result, such as a page or a range."""
WORD = re.compile(r"\w+")
FILLERS = word_set(
    """a about all an and any are as at be by can do for from give how i in info information into is it its list me my
    of on or our please show tell that the their them there these this those to up us was what when where which who
    with"""
)
PATH = re.compile(r"[\w.~@+:\\/-]*[A-Za-z][\w.~@+:\\/-]*")
PROSE_WORDS = 3
ALIKE = 0.8
"""Normalised Levenshtein similarity of arguments, source: design/tracecard.md."""


@lru_cache(maxsize=8192)
def plain(arguments: str) -> str:
    """Normalise arguments: no explanations, one spelling of paths and whitespace."""
    parsed = parse(arguments)
    if isinstance(parsed, dict):
        kept = {key: value for key, value in parsed.items() if key.lower() not in EXPLAINING}
        parsed = kept or parsed
    return json.dumps(_tidy(parsed), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _tidy(value: Json) -> Json:
    match value:
        case dict():
            return {key: _tidy(inner) for key, inner in value.items() if inner is not None}
        case list():
            return [_tidy(inner) for inner in value]
        case str():
            return canonical(value) if PATH.fullmatch(value) else " ".join(value.split())
        case _:
            return value


def same_meaning(left: str, right: str) -> bool:
    """Whether two normalised argument strings that differ still ask the same thing.

    They must be similar as text, and what differs must carry no meaning: filler words, the order of a search's words,
    a plural, the folder before a path, or an option that neither names nor limits anything. A different number, name or
    id is a different question.
    """
    if left == right:
        return True
    if similarity(left, right, ALIKE) < ALIKE:
        return False
    mine, theirs = _by_key(left), _by_key(right)
    if any(_chooses(key) for key in mine.keys() ^ theirs.keys()):
        return False
    return all(_same_value(mine[key], theirs[key]) for key in mine.keys() & theirs.keys())


def _by_key(arguments: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, text in leaves(parse(arguments)):
        found[key] = f"{found[key]}\n{text}" if key in found else text
    return found


def _chooses(key: str) -> bool:
    spelled = CAMEL.sub("_", key)
    return not key or bool(PAGING.search(spelled) or NAMING_KEY.search(spelled))


def _same_value(left: str, right: str) -> bool:
    if left == right or left.endswith(f"/{right}") or right.endswith(f"/{left}"):
        return True
    mine, theirs = words(left), words(right)
    if len(left.split()) < PROSE_WORDS or len(right.split()) < PROSE_WORDS:
        return False
    return mine == theirs


def words(text: str) -> Counter[str]:
    """Count the words that carry a text's meaning, without fillers and plural endings."""
    found = (word.lower() for word in WORD.findall(text))
    return Counter(_stem(word) for word in found if word not in FILLERS)


def _stem(word: str) -> str:
    longest = 3
    return word[:-1] if len(word) > longest and word.endswith("s") and not word.endswith("ss") else word
