"""A line of a Codex session file: which types there are, and what is read of each."""

from __future__ import annotations

from typing import Final

import msgspec

from processors.session_logs.lines import Record

WRAPPED: Final = frozenset({"session_meta", "turn_context", "response_item", "event_msg"})
"""Types of lines whose payload is read."""
PASSED_OVER: Final = frozenset(
    {"compacted", "world_state", "inter_agent_communication", "inter_agent_communication_metadata"}
    | {"token_usage_record", "security_risk_score", "realtime_item", "ghost_snapshot"}
)
CALLS: Final = frozenset({"function_call", "custom_tool_call", "local_shell_call", "tool_search_call"})
OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output", "tool_search_output"})
BARE_ITEMS: Final = CALLS | OUTPUTS | {"message", "reasoning", "web_search_call"}
"""Types of lines of before September 2025, which are response items themselves."""
_ITEM: Final = ("id", "role", "content", "summary", "call_id", "name", "arguments", "input", "action", "output")
_RAW: Final = msgspec.Raw(b"null")


class Line(msgspec.Struct, gc=False):
    """What is read of a line. A payload is decoded only where its line's type is one that matters."""

    timestamp: object = None
    type: object = None
    payload: msgspec.Raw = _RAW
    id: object = None
    record_type: object = None
    role: object = None
    content: object = None
    summary: object = None
    call_id: object = None
    name: object = None
    arguments: object = None
    input: object = None
    action: object = None
    output: object = None

    def item(self) -> Record:
        """Return a line that is itself a response item, without the fields that it lacks."""
        return {name: value for name in _ITEM if (value := getattr(self, name)) is not None}
