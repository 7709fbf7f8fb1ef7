"""What can go wrong here, and what a caller should do about it. None of it is worth a retry."""

from __future__ import annotations


class ProcessorError(Exception):
    """Root of this package's errors; the sentence it carries is meant for the user."""


class DocumentError(ProcessorError):
    """A YAML document that was handed in cannot be read; names the line where it can."""


class PriceFileError(DocumentError):
    """A price override file cannot be used; names file and line."""


class TraceCardError(DocumentError):
    """A document is not a TraceCard of a version that this program reads."""
