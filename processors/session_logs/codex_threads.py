"""Which Codex session started which, as the files of one import tell it."""

from __future__ import annotations

from dataclasses import dataclass, field

from processors.session_logs.codex_usage import Counts


@dataclass(slots=True)
class Threads:
    """What is known of sessions that start others, for all files of one import; parents' files come first."""

    parent_of: dict[str, str] = field(default_factory=dict)
    call_of: dict[str, str] = field(default_factory=dict)
    """By sub-agent, the tool call that started it."""
    totals_of: dict[str, set[Counts]] = field(default_factory=dict)
    """By session, the running totals that its file has, by which a copy of its history is known."""

    def root(self, thread_id: str) -> str:
        """Return the session at the top of the sub-agents."""
        seen = {thread_id}
        while (above := self.parent_of.get(thread_id)) is not None and above not in seen:
            seen.add(above)
            thread_id = above
        return thread_id
