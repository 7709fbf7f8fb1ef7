"""`clawtrace import claude-code|codex|openclaw`: an agent's own session files, sent in as spans."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clawtrace_otel.cli.import_ import imports as imports  # noqa: PLC0414 - `app` adds the group with these commands in it
from clawtrace_otel.cli.options import DatabaseOption, EndpointOption
from clawtrace_otel.cli.session_files import SessionFile, beside, session_files
from clawtrace_otel.cli.session_import import load

if TYPE_CHECKING:
    from clawtrace_otel.cli.session_import import Lines, Read, ReaderOf, Stored
    from processors.session_logs import Delegations, Imported, Spawns

PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Session files, or directories to search.")
]
_CODEX_HOME: Final = "codex-home"
"""The folder in which OpenClaw lets Codex keep its own sessions."""


@imports.command("claude-code")
def claude_code(paths: PathsArgument, db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Load Claude Code's session files, for example ~/.claude/projects."""
    files, reader_of = claude_reader(paths)
    load(files, reader_of, db, endpoint)


@imports.command("codex")
def codex(paths: PathsArgument, db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Load Codex's session files, for example ~/.codex/sessions."""
    from processors.session_logs import Threads, read_codex

    threads = Threads()
    # The names begin with the time at which a session started, and parents start before their children.
    files = sorted(session_files(paths), key=lambda file: file.name)
    load(files, lambda _: lambda file, lines: read_codex(lines, _thread_id(file), threads), db, endpoint)


@imports.command("openclaw")
def openclaw(paths: PathsArgument, db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Load OpenClaw's sessions, from files or its database, for example ~/.openclaw/agents."""
    from processors.session_logs import Claims, Spawns, Threads, read_codex, read_openclaw

    spawns, threads = Spawns(), Threads()
    files = sorted(session_files(paths, databases=True), key=lambda file: not _is_codex(file))
    for folder in sorted({file.path.parent for file in files}):
        _note_spawns(beside(folder / "sessions.json"), spawns)

    def reader(stored: Stored) -> Read:
        claims = Claims(stored)

        def read(file: SessionFile, lines: Lines) -> Imported:
            if not _is_codex(file):
                return read_openclaw(lines, file.name, spawns, claims)
            spawns.codex_threads.add(_thread_id(file))
            return read_codex(lines, _thread_id(file), threads)

        return read

    load(files, reader, db, endpoint)


def claude_reader(paths: Iterable[Path]) -> tuple[list[SessionFile], ReaderOf]:
    """Return Claude Code's files in the order in which they must be read, and what makes their reader."""
    from processors.session_logs import Claims, Delegations, read_claude_code

    delegations = Delegations()
    # A parent's file says which tool call started a sub-agent, so it is read before the sub-agent's.
    files = sorted(session_files(paths), key=_is_sub_agent)
    for file in filter(_is_sub_agent, files):
        _note_agent(file, delegations)

    def reader_of(stored: Stored) -> Read:
        claims = Claims(stored)
        return lambda file, lines: read_claude_code(lines, file.name, delegations, claims, _session_above(file))

    return files, reader_of


def _is_sub_agent(file: SessionFile) -> bool:
    return file.path.name.startswith("agent-")


def _session_above(file: SessionFile) -> str | None:
    """Return the session in whose folder a sub-agent's file lies, where it has one."""
    folders = file.path.parent.parts
    return folders[folders.index("subagents") - 1] if "subagents" in folders[1:] else None


def _note_agent(file: SessionFile, delegations: Delegations) -> None:
    told, agent_id = beside(file.path.with_name(f"{file.name}.meta.json")), file.name.removeprefix("agent-")
    for known, value in ((delegations.tool_of, told.get("toolUseId")), (delegations.kind_of, told.get("agentType"))):
        if isinstance(value, str) and value:
            known[agent_id] = value


def _note_spawns(index: dict[str, object], spawns: Spawns) -> None:
    for key, entry in index.items():
        if isinstance(entry, dict) and isinstance(session_id := entry.get("sessionId"), str):
            spawns.key_of[session_id] = key
            above = entry.get("spawnedBy") or entry.get("parentSessionKey")
            if isinstance(above, str):
                spawns.spawned_by[key] = above


def _thread_id(file: SessionFile) -> str:
    """Return the id in `rollout-2026-03-01T10-00-00-ID`."""
    return file.name[len("rollout-2026-03-01T10-00-00-") :] if file.name.startswith("rollout-") else file.name


def _is_codex(file: SessionFile) -> bool:
    return _CODEX_HOME in file.path.parts
