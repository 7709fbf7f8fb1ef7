"""What a command can fail with. `app.main` is the one place where it becomes a line on stderr and an exit code."""

from __future__ import annotations


class CliError(Exception):
    """The request failed; the message says what to do, in one sentence a user understands."""


class TlsError(CliError):
    """A server answers, but one side does not accept the other's certificate."""


class UsageError(CliError):
    """The options do not go together, or one of them lacks another; the exit code is that of wrong usage."""
