"""What evaluators call good and bad, in one place: labels, and the names of what they measure."""

from __future__ import annotations

import re
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PASS_LABELS: Final = _words(
    "pass passed passing true yes success successful succeeded correct right good ok okay accept accepted positive "
    "resolved complete completed relevant factual grounded faithful helpful safe valid satisfied adherent"
)
FAIL_LABELS: Final = _words(
    "fail failed failing failure false no error unsuccessful incorrect wrong bad reject rejected negative unresolved "
    "incomplete irrelevant hallucinated ungrounded unfaithful unhelpful unsafe toxic invalid unsatisfied"
)
_NEGATIONS: Final = frozenset(("not", "non", "un", "in"))

SUCCESS_NAMES: Final = _words(
    "pass passed success successful succeeded correct correctness accuracy accurate completion completed resolved "
    "resolution reward outcome solved done achieved match exact"
)
FAILURE_NAMES: Final = _words(
    "fail failed failure error errors hallucination hallucinated hallucinations toxicity toxic bias harm harmful "
    "unsafe jailbreak refusal incorrect leak leakage violation violations"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def verdict_of_label(label: str) -> bool | None:
    """Return whether a label says pass or fail, None where it says neither; `not_relevant` is no `relevant`."""
    words = [word.lower() for word in _WORD.findall(label)]
    if not words:
        return None
    negated = words[0] in _NEGATIONS and len(words) > 1
    said = words[-1] if negated else "".join(words)
    if said in PASS_LABELS:
        return not negated
    if said in FAIL_LABELS:
        return negated
    return None


def about_success(name: str) -> bool | None:
    """Return whether a high value of what is measured is success (True), failure (False), or neither is known."""
    words = {word.lower() for word in _WORD.findall(name)}
    good, bad = bool(words & SUCCESS_NAMES), bool(words & FAILURE_NAMES)
    return None if good == bad else good
