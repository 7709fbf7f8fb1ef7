"""Recognises polling: calls that are repeated to see whether something has changed."""

from __future__ import annotations

from processors.effects import words_of
from processors.effects.effect import command_of
from processors.effects.names import word_set
from processors.findings.answers import pending
from processors.findings.view import View
from processors.model import ToolCall

WAITING = word_set("await delay pause sleep wait")
STATE = word_set("build check health job monitor output poll progress queue state status tail task tasks watch")
MOMENT = word_set("clock dice now random roll sample shuffle time timestamp today uuid")


def is_polling(view: View, tool: ToolCall) -> bool:
    """Whether a call waits, or its result reports work in progress."""
    said = words_of(tool.name)
    if not WAITING.isdisjoint(said) or _sleeps(tool):
        return True
    given = view.answer(tool)
    return given is not None and pending(given)


def asks_for_state(tool: ToolCall) -> bool:
    """Whether a tool's name says that it reports a state, which may change between calls."""
    return not STATE.isdisjoint(words_of(tool.name))


def tells_the_moment(tool: ToolCall) -> bool:
    """Whether a tool's result is different by nature on every call: the time, a random number."""
    return not MOMENT.isdisjoint(words_of(tool.name))


def _sleeps(tool: ToolCall) -> bool:
    command = command_of(tool.arguments) or ""
    return command.lstrip().startswith(("sleep ", "wait"))


def moves_on(view: View, earlier: ToolCall, later: ToolCall) -> bool:
    """Whether the result changed between two equal calls without a write by the agent that explains it."""
    if view.answer(earlier) is None or view.answer(later) is None:
        return False
    return view.changes.possible_write(earlier, later) is None
