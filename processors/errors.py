"""What can go wrong here, and what a caller should do about it. None of it is worth a retry."""

from __future__ import annotations


class ProcessorError(Exception):
    """Root of this package's errors; the sentence it carries is meant for the user."""


class PriceFileError(ProcessorError):
    """A price override file cannot be used; names file and line."""


class BudgetFileError(ProcessorError):
    """A file of budgets cannot be used; names file and line."""


class TraceCardError(ProcessorError):
    """A document is not a TraceCard of a version that this program reads."""
