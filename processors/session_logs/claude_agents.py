"""Which of Claude Code's tool calls started which sub-agent.

Releases tell it in different places: in the tool's result, in progress lines, in notices of finished tasks, or only
by giving the sub-agent the prompt that the tool call holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from processors.session_logs.claude_responses import Line, Response
from processors.session_logs.lines import Record, part, record, text

AGENT_TOOLS: Final = frozenset({"Task", "Agent"})
_AGENT_IN_RESULT: Final = re.compile(r"^agentId: ([\w-]+)", re.MULTILINE)
_TAIL: Final = 2_000
"""Characters at the end of a sub-agent's answer in which the program names it."""
_TASK: Final = re.compile(r"<task-id>([^<]+)</task-id>")
_TOOL_USE: Final = re.compile(r"<tool-use-id>([^<]+)</tool-use-id>")


@dataclass(slots=True)
class Delegations:
    """Who started which sub-agent, for all files of one import: a parent's file tells it, or one beside the agent's."""

    tool_of: dict[str, str] = field(default_factory=dict)
    """Tool calls by the id of the sub-agent that they started."""
    kind_of: dict[str, str] = field(default_factory=dict)
    """Names of kinds of sub-agents, `Explore` for one, by sub-agent."""

    def note(self, agent_id: str, call_id: str, kind: str | None = None) -> None:
        """Note that a tool call started a sub-agent; what was noted first stands."""
        self.tool_of.setdefault(agent_id, call_id)
        if kind is not None:
            self.kind_of.setdefault(agent_id, kind)

    def note_progress(self, line: Line) -> None:
        """Take in a line that tells how far a sub-agent is."""
        call_id = text(line.parent_tool_use)
        if call_id is not None and b'"agent_progress"' in bytes(line.data):
            agent_id = text(part(line.data).get("agentId"))
            if agent_id is not None:
                self.note(agent_id, call_id)

    def note_queued(self, line: Line) -> None:
        """Take in a notice, queued as input for the model, that a sub-agent has finished."""
        said = bytes(line.content).decode("utf-8", "replace")
        task, call = _TASK.search(said), _TOOL_USE.search(said)
        if task is not None and call is not None:
            self.note(task[1], call[1])

    def note_requests(self, responses: Iterable[Response], prompts: Mapping[str, str]) -> None:
        """Find what an agent's tool calls say of sub-agents: their kinds, and by their prompts those without an id.

        `prompts` holds what each sub-agent without an id was asked.
        """
        started = {call_id: agent_id for agent_id, call_id in self.tool_of.items()}
        for response in responses:
            for call_id, (_, name, arguments) in response.asked.items():
                if name not in AGENT_TOOLS:
                    continue
                given = record(arguments)
                agent_id = started.get(call_id) or self._unnamed(text(given.get("prompt")), prompts)
                if agent_id is not None:
                    self.note(agent_id, call_id, text(given.get("subagent_type")))

    def _unnamed(self, prompt: str | None, prompts: Mapping[str, str]) -> str | None:
        return next((root for root, asked in prompts.items() if asked == prompt and root not in self.tool_of), None)


def agent_of_result(line: Line) -> Record:
    """Return what a tool result's line says of the sub-agent that gave the result; empty for other tools."""
    return part(line.tool_use_result) if b'"agentId"' in bytes(line.tool_use_result) else {}


def agent_named_in(answer: str) -> str | None:
    """Return the id of the sub-agent that the end of its answer names."""
    found = _AGENT_IN_RESULT.search(answer[-_TAIL:])
    return found[1] if found is not None else None
