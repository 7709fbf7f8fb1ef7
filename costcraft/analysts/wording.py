"""How rules are worded, one place for all: short, imperative, and with no fact of a single task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from costcraft.patch import EvidenceLevel


@dataclass(frozen=True, slots=True)
class Wording:
    """The rule that answers a detector; `{name}` is the tool."""

    rule: str
    root_cause: str
    section: str
    level: EvidenceLevel
    behaviour: str
    """What it is about; only a rule on `tool`, its use as such, can conflict with one that asks for the tool."""


PRUNES: Final[Mapping[str, Wording]] = {
    "repeated_call": Wording(
        "Do not call `{name}` again with the same arguments unless something that it reads was changed in between; "
        "reuse the earlier result.",
        "the same call was made again and gave the same result",
        "Cost control",
        EvidenceLevel.FLAGGED,
        "repeat",
    ),
    "failed_retry": Wording(
        "Do not repeat a failed `{name}` call unchanged; change the arguments or take another way.",
        "a call that had failed was repeated unchanged and failed again",
        "Stop rules",
        EvidenceLevel.FLAGGED,
        "retry",
    ),
    "rephrased_query": Wording(
        "Do not ask `{name}` the same thing in other words; work with the answer it gave.",
        "a rephrased query gave the same answer",
        "Cost control",
        EvidenceLevel.FLAGGED,
        "rephrasing",
    ),
    "unused_result": Wording(
        "Skip `{name}` unless its result is needed for a later step or for the answer.",
        "nothing of the result was used afterwards",
        "Cost control",
        EvidenceLevel.DATAFLOW,
        "tool",
    ),
}
"""Only what a reader of the rule can act on without harm; the other detectors inform a person, not a skill."""


def after_do(after: str, tool: str) -> str:
    """Word a repair that ties one tool to another."""
    return f"After `{after}`, call `{tool}` before you finish."


def use(tool: str) -> str:
    """Word a repair that asks for a tool."""
    return f"Call `{tool}` before you finish."
