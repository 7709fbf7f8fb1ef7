"""What can go wrong in the collector, and whether sending again can help.

`retryable` decides what an exporter is told (HTTP 503 or 429, gRPC UNAVAILABLE or RESOURCE_EXHAUSTED: send again;
HTTP 400 or 500: drop). The servers are the one border where these become status codes.
Source: OTLP specification, "Failures".
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias


class CollectorError(Exception):
    """Root of the collector's errors; the message says what to do."""

    retryable: bool = False


class MalformedRequestError(CollectorError):
    """The body is not what its content type says; sending it again cannot help."""


class RequestTooLargeError(CollectorError):
    """The body, as sent or unpacked, is over the configured limit."""


class UnauthorizedError(CollectorError):
    """The collector demands a bearer token that the request did not carry."""


class ForbiddenError(CollectorError):
    """The request's token is known and not good for what was asked."""


class QueueFullError(CollectorError):
    """More bytes wait to be stored than the configuration allows."""

    retryable = True

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoppingError(CollectorError):
    """The collector is shutting down and takes nothing new."""

    retryable = True


class StoreError(CollectorError):
    """The store did not commit."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class StoreLockedError(StoreError):
    """Another process, or another part of this one, has the database open."""

    def __init__(self, path: Path, process_id: int | None) -> None:
        holder = f"process {process_id}" if process_id is not None else "another process"
        super().__init__(
            f"{path} is in use by {holder}: read through the running collector with --endpoint URL, or stop it first",
            retryable=True,
        )
        self.process_id = process_id


class StoreUnwritableError(StoreError):
    """The system writes no more into the file: the disk is full, over its quota, read-only, not ours or failing."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be written ({reason}): make room there, or fix the disk or its permissions; what was"
            " acknowledged is safe, and senders retry the rest",
            retryable=True,
        )


class NotOurDatabaseError(StoreError):
    """The file is no database, not one of ours, damaged, or of a version that this program does not know."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


QueryStatus: TypeAlias = Literal[400, 404, 408, 413, 429]


class QueryError(CollectorError):
    """A query was refused (400), ran too long (408), grew too large (413) or met too many others (429)."""

    def __init__(self, message: str, *, status: QueryStatus) -> None:
        super().__init__(message)
        self.status = status


class UnknownSessionError(CollectorError):
    """No session of that id is stored."""


class StartError(CollectorError):
    """The collector cannot start: an address is taken, not ours or open to everybody, or TLS lacks a fitting file."""


class DocumentError(CollectorError):
    """A YAML document that was handed in cannot be read; names the line where it can."""


class TokenFileError(CollectorError):
    """A file of tokens cannot be used; names file and line, and never a token."""


class RedactionFileError(CollectorError):
    """What is to be redacted cannot be read from its file, or lacks a key or a library."""
