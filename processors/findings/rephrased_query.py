"""A search that was reworded and found the same results."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from processors.effects import words_of
from processors.effects.names import SEARCH_ARGUMENTS, SEARCH_WORDS
from processors.effects.targets import leaves, parse
from processors.findings.answers import failed, informative
from processors.findings.arguments import WORD, plain, same_meaning, words
from processors.findings.detector import Draft
from processors.findings.view import View
from processors.model import ToolCall
from processors.similarity import alike

NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w-]+|\w*\d\w*")
"""A proper name or a word with a digit."""


NEAR = 0.6
"""Two words this similar, such as Austria and Australia, are easily taken for one another and mean different things."""


class RephrasedQuery:
    """Needs tool arguments and results. A search for another name, number or single word is a different question."""

    name = "rephrased_query"

    def gap(self, view: View) -> str | None:
        """Say so where searches were made and their results were not captured."""
        searches = [tool for tool in view.tools if _query(tool) is not None]
        if searches and all(view.answer(tool) is None for tool in searches):
            return "tool results not captured: rephrased searches cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Group searches of one loop by what they found."""
        groups: dict[tuple[str, str, str], list[ToolCall]] = defaultdict(list)
        for tool in view.tools:
            found = None if _query(tool) is None else view.answer(tool)
            if found is not None and informative(found) and not failed(tool):
                groups[view.loop_of(tool), tool.name, found].append(tool)
        for group in groups.values():
            reworded = [tool for index, tool in enumerate(group) if index and _rewords(view, group[index - 1], tool)]
            if reworded:
                yield Draft(
                    step_ids=tuple(tool.step_id for tool in reworded),
                    related_step_ids=(group[0].step_id,),
                    note="searched again in other words and found the same",
                    evidence={"tool": group[0].name, "queries": tuple(_query(tool) or "" for tool in group)},
                )


def _query(tool: ToolCall) -> str | None:
    """Return what a search-like call looks for; None for other calls."""
    if tool.arguments is None or SEARCH_WORDS.isdisjoint(words_of(tool.name)):
        return None
    texts = [text for key, text in leaves(parse(tool.arguments)) if not key or key.lower() in SEARCH_ARGUMENTS]
    return " ".join(texts) or None


def _rewords(view: View, earlier: ToolCall, later: ToolCall) -> bool:
    before, after = _query(earlier), _query(later)
    if before is None or after is None or not view.still_there(earlier, later):
        return False
    if view.changed_between(earlier, later) is not None:
        return False
    same = same_meaning(plain(earlier.arguments or ""), plain(later.arguments or ""))
    return not same and _same_options(earlier, later) and _asks_alike(before, after)


def _same_options(earlier: ToolCall, later: ToolCall) -> bool:
    return _options(earlier) == _options(later)


def _options(tool: ToolCall) -> Counter[tuple[str, str]]:
    pairs = leaves(parse(tool.arguments))
    return Counter((key, text) for key, text in pairs if key and key.lower() not in SEARCH_ARGUMENTS)


def _asks_alike(before: str, after: str) -> bool:
    """Whether two queries share their names and numbers, and differ in more than one swapped word."""
    if set(NAME.findall(before)) != set(NAME.findall(after)):
        named_before = {word.lower() for word in WORD.findall(before)}
        named_after = {word.lower() for word in WORD.findall(after)}
        names = {word.lower() for word in NAME.findall(before) + NAME.findall(after)}
        if not names <= named_before & named_after:
            return False
    left, right = words(before), words(after)
    only_before, only_after = list((left - right).elements()), list((right - left).elements())
    if len(only_before) != 1 or len(only_after) != 1:
        return True
    in_order = [only_after[0] if word == only_before[0] else word for word in words(before)]
    return in_order != list(words(after)) and not alike(only_before[0], only_after[0], NEAR)
