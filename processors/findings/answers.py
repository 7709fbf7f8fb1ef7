"""Classifies tool results: equal, negative, pending, a bare verdict, or an acknowledgement."""

from __future__ import annotations

import re

from processors.ledger.pieces import result_text
from processors.model import ToolCall

VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b(?:(?=\d)(?:\d\d:\d\d:\d\d(?:[.,]\d+)?\b|\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s|sec|secs|seconds)\b)"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|(?=[cemprst])(?:call|chunk|correlation|event|message|msg|process|req|request|response|run|session|span|trace)"
    r"[ _-]?id[\"']?[:=] ?[\"']?[\w-]+)",
    re.IGNORECASE,
)
"""Parts of a result that differ on every call: timestamps, durations, request ids."""
VOLATILE_HINTS = (
    re.compile(r"-(?:\d\d-\d\d[t ]|[0-9a-f]{4}-)"),
    re.compile(r":\d\d:\d\d"),
    re.compile(r"s(?:(?<=\ds)\b|(?<=\d s)\b|(?<=[\d ][nm\u03bcu]s)\b|(?<=[\d ]s)ec)"),
    re.compile(r"id[\"']?[:=]"),
)
"""One of these stands, case folded, wherever the pattern matches. Each begins with a letter of its own, for which a
text is searched many times faster than for the pattern; most answers have no such part."""
STEADY = 0.5
"""A result with a smaller stable share is about the volatile part itself, such as the output of a clock."""
NEGATIVE = re.compile(
    r"\b(?:not? (?:\w+ ){0,2}(?:found|results?|match(?:es)?|such|exist\w*|available|records?|data|entries|items|rows)"
    r"|(?:doesn't|does not|didn't|did not) exist|0 (?:results?|matches|rows|items)|cannot|neither|none|nothing|unable"
    r"|empty|unknown|missing|unavailable|no)\b",
    re.IGNORECASE,
)
NEGATIVE_LENGTH = 200
VERDICT = re.compile(
    r"\b(?:accepted|allowed|approved|blocked|checked|clean|compatible|complete|confirmed|consistent|correct|denied|done"
    r"|eligible|expired|fine|forbidden|good|granted|healthy|identical|match(?:es)?|ok(?:ay)?|pass(?:ed|es)?|permitted"
    r"|ready|refused|rejected|right|safe|succeed(?:ed|s)?|success(?:ful(?:ly)?)?|true|unhealthy|valid|verified|wrong|yes)\b",
    re.IGNORECASE,
)
EMPTY = frozenset({"", "[]", "{}", "null", "none", "false", "0", '""'})
GOING_ON = (
    r"(?:pending|running|in[ _-]?progress|queued|processing|waiting|starting|scheduled|building|deploying|incomplete"
    r"|not (?:yet )?(?:ready|done|finished|complete\w*))"
)
STATES = ("state", "status", "phase", "progress", "result")
PENDING = re.compile(rf"\b(?:{'|'.join(STATES)})\b\W{{0,5}}(?:is\W+)?{GOING_ON}\b", re.IGNORECASE)
SHORT_PENDING = re.compile(rf"\b(?:{GOING_ON}|still)\b", re.IGNORECASE)
SHORT = 60
FAILED = re.compile(
    r"\s*(?:\{?\s*[\"']?(?:error|exception)[\"']?\s*[:=](?!\s*(?:null|none|false|\"\"|\{\}|\[\]))|traceback \(|fatal:)",
    re.IGNORECASE,
)
UNCHANGED = re.compile(r"\b(?:unchanged|not (?:been )?(?:changed|modified)) since\b.{0,40}\blast\b", re.IGNORECASE)
INFORMATIVE = 32
"""Length from which equal results show that two calls asked the same thing, not merely that both succeeded."""


def failed(tool: ToolCall) -> bool:
    """Whether a call failed, by its status or by what it answered."""
    return tool.error is not None or bool(FAILED.match((tool.result or "")[:200]))


def steady_answer(tool: ToolCall) -> str | None:
    """Return a call's result with its volatile parts masked; None where it was not captured.

    Detectors ask the view, which caches it.
    """
    text = result_text(tool)
    return None if text is None else steady(text)


def steady(text: str) -> str:
    """Mask timestamps, durations and request ids, unless they make up most of the text."""
    tidy = " ".join(text.split())
    folded = tidy.casefold()
    if not any(hint.search(folded) for hint in VOLATILE_HINTS):
        return tidy
    masked = VOLATILE.sub("#", tidy)
    return masked if len(masked.replace("#", "")) >= STEADY * len(tidy) else tidy


def error_of(tool: ToolCall) -> str | None:
    """Return the error of a failed call in comparable form; None where only the fact of the failure is known."""
    if tool.error is not None:
        said = tool.error.message or tool.result or ""
        return steady(f"{tool.error.type} {said}")
    return steady_answer(tool)


def negative(text: str) -> bool:
    """Whether a result says that there is nothing. That is useful to know, although nothing of it is ever repeated."""
    return text.strip().lower() in EMPTY or (len(text) <= NEGATIVE_LENGTH and bool(NEGATIVE.search(text)))


def verdict(text: str) -> bool:
    """Whether a result is a short verdict, which can be acted on without being repeated."""
    return negative(text) or (len(text) <= NEGATIVE_LENGTH and bool(VERDICT.search(text)))


def unchanged(text: str) -> bool:
    """Whether a result only says that it is unchanged since the last call."""
    return len(text) <= NEGATIVE_LENGTH and bool(UNCHANGED.search(text))


def pending(text: str) -> bool:
    """Whether a result reports work in progress, so that polling again makes sense."""
    beginning = text[:2_000]
    folded = beginning.casefold()
    told = any(state in folded for state in STATES) and PENDING.search(beginning)
    return bool(told or (len(text) <= SHORT and SHORT_PENDING.search(text)))


def informative(text: str) -> bool:
    """Whether a result is more than an acknowledgement."""
    return len(text) >= INFORMATIVE and not negative(text)
