"""Agents' own session files to spans, the same that telemetry of the run would have sent.

Lines come from files under a user's home and go as `Span` objects to the ordinary ingest path, so that imported
sessions are stored, compiled and priced like any other. Formats differ by version: a line that is not understood is
skipped and counted, never guessed.
"""

from processors.session_logs.claude_agents import Delegations
from processors.session_logs.claude_code import read_claude_code
from processors.session_logs.codex import read_codex
from processors.session_logs.codex_threads import Threads
from processors.session_logs.lines import split
from processors.session_logs.openclaw import Spawns, read_openclaw
from processors.session_logs.trace import Claims, Imported

__all__ = [
    "Claims",
    "Delegations",
    "Imported",
    "Spawns",
    "Threads",
    "read_claude_code",
    "read_codex",
    "read_openclaw",
    "split",
]
