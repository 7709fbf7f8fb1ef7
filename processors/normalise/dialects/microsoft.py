"""Microsoft's frameworks: Agent Framework, Semantic Kernel and AutoGen, all with the conventions' names.

Agent Framework repeats a run's usage on `invoke_agent`; its conversation id is the previous response's id (see
`sessions`). Semantic Kernel sends content as log records, cached and reasoning tokens at best in a line of its log.
AutoGen sends no usage at all: its tokens come from the instrumentation of the vendor's SDK.
Source: agent-framework 1.23, semantic-kernel 1.45, autogen-core 0.7.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from collector.model import Attributes, LogRecord, Span
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.gen_ai_names import (
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    REASONING_TOKENS,
)
from processors.normalise.dialects.reader import Kind
from processors.normalise.dialects.records import as_span, from_record
from processors.normalise.printed import printed_counts
from processors.normalise.sighting import Reading
from processors.normalise.usage import Counting
from processors.normalise.values import text

_LOGGED_USAGE = "OpenAI usage: "
_USAGE_NAMES = {
    "input": INPUT_TOKENS[0],
    "output": OUTPUT_TOKENS[0],
    "cache_read": CACHE_READ_TOKENS[0],
    "cache_write": CACHE_WRITE_TOKENS[0],
    "reasoning": REASONING_TOKENS[0],
}


class AgentFramework(GenAi):
    """Reads Microsoft Agent Framework."""

    name = "agent_framework"
    cached_input: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by the framework's name in the vendor's place."""
        named = text(signal.attributes, "gen_ai.provider.name") or ""
        return signal.scope.name.startswith("agent_framework") or named.startswith("microsoft.agent")

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; the messages between a workflow's executors are no steps."""
        if text(span.attributes, "gen_ai.operation.name") is None:
            return "workflow" if span.name.startswith(("workflow.run", "executor.process")) else None
        return super().kind(span)


class SemanticKernel(GenAi):
    """Reads Semantic Kernel."""

    name = "semantic_kernel"
    cached_input: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope."""
        return signal.scope.name.startswith(("semantic_kernel", "Microsoft.SemanticKernel"))

    def tool_name(self, span: Span) -> str | None:
        """Return the function's name, which is joined to its plugin's."""
        return super().tool_name(span) or span.name.removeprefix("execute_tool ")

    def read_log(self, record: LogRecord) -> Iterable[Reading]:
        """Return what an event says, or the whole usage, which the connector logs as Python prints it."""
        if isinstance(record.body, str) and record.body.startswith(_LOGGED_USAGE):
            yield from_record(self.call(replace(as_span(record), attributes=_usage(record.body))), record)
        else:
            yield from super().read_log(record)


def _usage(logged: str) -> Attributes:
    counts = printed_counts(logged)
    return {name: counts[count] for count, name in _USAGE_NAMES.items() if count in counts}


class AutoGen(GenAi):
    """Reads AutoGen."""

    name = "autogen"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope; the runtime's messaging has one of its own."""
        return signal.scope.name.startswith("autogen") or text(signal.attributes, "gen_ai.system") == "autogen"

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; messages between agents are no steps."""
        return None if text(span.attributes, "gen_ai.operation.name") is None else super().kind(span)
