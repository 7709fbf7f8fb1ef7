"""GitHub Copilot: the chat extension of VS Code and its command line, with the conventions' names.

Input counts include cached tokens; `invoke_agent` and two log events repeat the usage. A sub-agent's chat names its
parent session. Source: exports of @github/copilot 1.0.102; for the extension the monitoring documents of
microsoft/vscode, 2026.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.model import LogRecord, Span
from processors.model import StepError
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi, event_name
from processors.normalise.dialects.reader import Kind
from processors.normalise.dialects.spoken import DETAILS_EVENT
from processors.normalise.sighting import Reading
from processors.normalise.usage import Counting
from processors.normalise.values import as_count, text

_PREFIXES = ("copilot_chat.", "github.copilot.")


class Copilot(GenAi):
    """Reads GitHub Copilot."""

    name = "copilot"
    cached_input: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by keys or events of its own."""
        if signal.scope.name.startswith(("copilot", "github.copilot")):
            return True
        if isinstance(signal, LogRecord) and event_name(signal).startswith(_PREFIXES):
            return True
        return has_key(signal, _PREFIXES)

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; hooks are no steps."""
        return None if text(span.attributes, "gen_ai.operation.name") == "execute_hook" else super().kind(span)

    def conversation_id(self, span: Span) -> str | None:
        """Return the chat session."""
        return text(span.attributes, "copilot_chat.chat_session_id") or super().conversation_id(span)

    def error(self, span: Span) -> StepError | None:
        """Return a failure; a command that ended with an error is a success to Copilot, but for its exit code."""
        code = as_count(span.attributes.get("process.exit.code"))
        failed = StepError(f"exit_code_{code}", (self.tool_result(span) or "")[:500]) if code else None
        return super().error(span) or failed

    def read_log(self, record: LogRecord) -> Iterable[Reading]:
        """Return the details of a call; the events about turns and tools repeat spans."""
        return super().read_log(record) if event_name(record) == DETAILS_EVENT else ()
