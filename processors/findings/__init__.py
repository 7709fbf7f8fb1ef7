"""Avoidable cost in a session: a ledger and its session to findings, one detector per file."""

from processors.findings.model import EvidenceValue, Finding

__all__ = ["EvidenceValue", "Finding"]
