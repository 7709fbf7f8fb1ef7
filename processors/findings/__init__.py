"""Avoidable cost in a session: a ledger and its session to findings, one detector per file.

The session comes from `normalise`, money from the ledger and the counterfactual; findings go to the card, to the
`findings` view and to CostCraft.
"""

from processors.findings.flag import DETECTORS, flag, gaps, wasted_usd
from processors.findings.model import EvidenceValue, Finding
from processors.findings.repairs import Failure, failures
from processors.findings.view import View

__all__ = [
    "DETECTORS",
    "EvidenceValue",
    "Failure",
    "Finding",
    "View",
    "failures",
    "flag",
    "gaps",
    "wasted_usd",
]
