"""The same call made again although its result was still in the prompt and nothing had changed it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from processors.effects import Access
from processors.findings.answers import failed, informative
from processors.findings.arguments import ALIKE, plain, same_meaning
from processors.findings.detector import Draft
from processors.findings.polling import asks_for_state, is_polling, moves_on, tells_the_moment
from processors.findings.view import View
from processors.model import ToolCall
from processors.similarity import similar_pairs

ON_END = 3


class RepeatedCall:
    """Needs tool arguments; without results anything that may have written excuses the repeat."""

    name = "repeated_call"

    def gap(self, view: View) -> str | None:
        """Say so where no arguments were captured."""
        if view.tools and all(tool.arguments is None for tool in view.tools):
            return "tool arguments not captured: repeated calls cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look at every group of calls that ask the same."""
        for group in _groups(view):
            repeats: list[tuple[ToolCall, ToolCall]] = []
            reverted: list[tuple[ToolCall, ToolCall]] = []
            for run in _runs(view, group):
                if _may_be_a_poll(view, run):
                    yield _draft(view, list(pairwise(run)), "", soft=True)
                    continue
                for earlier, later in pairwise(run):
                    if is_polling(view, later) or not view.still_there(earlier, later):
                        continue
                    if view.asked_for_again(earlier, later):
                        continue
                    if view.changed_between(earlier, later) is None:
                        repeats.append((earlier, later))
                    elif _was_reverted(view, earlier, later):
                        reverted.append((earlier, later))
            if repeats:
                yield _draft(view, repeats, "same arguments, same result, nothing written between")
            if reverted:
                yield _draft(
                    view, reverted, "same result as before although its target was written: changed back", soft=True
                )


def _groups(view: View) -> list[list[ToolCall]]:
    """Group calls that may repeat each other: equal arguments, or similar ones with one informative answer."""
    candidates = [tool for tool in view.tools if tool.arguments is not None and _may_repeat(view, tool)]
    by_question: dict[tuple[str, str, str], list[ToolCall]] = defaultdict(list)
    for tool in candidates:
        by_question[view.loop_of(tool), tool.name, plain(tool.arguments or "")].append(tool)
    merged = _merge(view, by_question)
    return [group for group in merged if len(group) > 1]


def _may_repeat(view: View, tool: ToolCall) -> bool:
    if failed(tool) or tells_the_moment(tool):
        return False
    if view.answer(tool) is None and asks_for_state(tool):
        return False
    access = view.effect(tool).access
    if access is Access.UNKNOWN:
        given = view.answer(tool)
        return given is not None and informative(given)
    return access is Access.READ


def _merge(view: View, by_question: dict[tuple[str, str, str], list[ToolCall]]) -> list[list[ToolCall]]:
    """Join groups whose arguments differ only in ways that carry no meaning, and whose results are equal."""
    by_answer: dict[tuple[str, str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for question, tools in by_question.items():
        given = {text for tool in tools if (text := view.answer(tool)) is not None and informative(text)}
        for text in given:
            by_answer[question[0], question[1], text].append(question)
    leader = {question: question for question in by_question}
    for questions in by_answer.values():
        for i, j in similar_pairs([question[2] for question in questions], ALIKE) if len(questions) > 1 else ():
            if same_meaning(questions[i][2], questions[j][2]):
                first, second = _lead(leader, questions[i]), _lead(leader, questions[j])
                leader[max(first, second)] = min(first, second)
    joined: dict[tuple[str, str, str], list[ToolCall]] = defaultdict(list)
    for question, tools in by_question.items():
        joined[_lead(leader, question)].extend(tools)
    return [sorted(tools, key=lambda tool: (tool.started_at, tool.step_id)) for tools in joined.values()]


def _lead(
    leader: dict[tuple[str, str, str], tuple[str, str, str]], question: tuple[str, str, str]
) -> tuple[str, str, str]:
    while leader[question] != question:
        question = leader[question]
    return question


def _runs(view: View, group: Sequence[ToolCall]) -> Iterator[list[ToolCall]]:
    """Split a group where the result changes; a run that ends in a change which no write explains was polling."""
    run: list[ToolCall] = []
    for tool in group:
        if run and not view.answered_alike(run[-1], tool):
            if not moves_on(view, run[-1], tool):
                yield run
            run = []
        run.append(tool)
    yield run


def _may_be_a_poll(view: View, run: Sequence[ToolCall]) -> bool:
    """Whether a call was made three times in a row and no result was captured: the results may have shown progress."""
    at = [view.changes.position(tool) for tool in run]
    on_end = all(after - before == 1 for before, after in pairwise(at))
    return len(run) >= ON_END and on_end and all(view.answer(tool) is None for tool in run)


def _was_reverted(view: View, earlier: ToolCall, later: ToolCall) -> bool:
    """Whether the target was written more than once in between and the result is the same as before."""
    given = view.answer(later)
    return given is not None and informative(given) and view.changes.written_twice(earlier, later)


def _draft(view: View, pairs: Sequence[tuple[ToolCall, ToolCall]], note: str, *, soft: bool = False) -> Draft:
    wasted = {later.step_id for _, later in pairs}
    originals = dict.fromkeys(earlier.step_id for earlier, _ in pairs if earlier.step_id not in wasted)
    first, last = pairs[0][0], pairs[-1][1]
    return Draft(
        step_ids=tuple(dict.fromkeys(later.step_id for _, later in pairs)),
        related_step_ids=tuple(originals),
        note=note if view.answer(last) is not None else "same arguments, nothing written between; results not captured",
        soft=soft,
        evidence={"tool": first.name, "arguments": first.arguments or "", "count": len(wasted) + len(originals)},
    )
