"""`clawtrace import claude-code|codex|openclaw`: an agent's own session files, sent in as spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.import_ import imports as imports  # noqa: PLC0414 - `app` adds the group with these commands in it
from clawtrace_otel.cli.import_progress import compiled, shown
from clawtrace_otel.cli.options import DatabaseOption, EndpointOption
from clawtrace_otel.cli.session_files import (
    DATABASE,
    SessionFile,
    UnreadableError,
    beside,
    database_sessions,
    lines_of,
    session_files,
)
from collector.errors import CollectorError

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader
    from processors.session_logs import Delegations, Imported, Spawns

PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Session files, or directories to search.")
]
Lines = Iterable[bytes]
Read = Callable[[SessionFile, Lines], "Imported"]
Stored = Callable[[str], str | None]
"""Tells the session under which a response is stored already."""
ReaderOf = Callable[[Stored], Read]
_NAMED: Final = 3
_PAGE: Final = 50_000
_STORED_RESPONSES: Final = """
    SELECT request_id, min(session_id) AS session_id FROM steps
    WHERE kind = 'llm' AND counted_by IS NULL AND request_id > '{after}'
    GROUP BY request_id ORDER BY request_id LIMIT {page}
"""
_CODEX_HOME: Final = "codex-home"
"""The folder in which OpenClaw lets Codex keep its own sessions."""


@imports.command("claude-code")
def claude_code(paths: PathsArgument, db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Load Claude Code's session files, for example ~/.claude/projects."""
    files, reader_of = claude_reader(paths)
    _load(files, reader_of, db, endpoint)


@imports.command("codex")
def codex(paths: PathsArgument, db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Load Codex's session files, for example ~/.codex/sessions."""
    from processors.session_logs import Threads, read_codex

    threads = Threads()
    # The names begin with the time at which a session started, and parents start before their children.
    files = sorted(session_files(paths), key=lambda file: file.name)
    _load(files, lambda _: lambda file, lines: read_codex(lines, _thread_id(file), threads), db, endpoint)


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

    _load(files, reader, db, endpoint)


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


@dataclass(slots=True)
class Outcome:
    """What an import came to, in figures."""

    files: int = 0
    spans: int = 0
    traces: set[str] = field(default_factory=set)
    """One for each session."""
    copied: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Files with no line of the agent's."""

    def add(self, file: SessionFile, imported: Imported) -> None:
        """Count what a file held."""
        self.copied += imported.copied
        self.spans += len(imported.spans)
        self.traces.update(span.trace_id for span in imported.spans)
        if imported.skipped and not imported.understood:
            self.foreign.append(str(file.path))
        else:
            self.files += 1
            self.reasons.update(imported.reasons)


def _load(
    files: list[SessionFile],
    reader_of: ReaderOf,
    db: Path | None,
    endpoint: str | None,
) -> None:
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint, create=True) as store:
        outcome = store_sessions(store, files, reader_of(stored_in(store)))
        if not outcome.spans and not outcome.copied:
            raise CliError(f"nothing in {len(files)} files was understood: {_why(outcome)}")
        counts = compiled(store, len(outcome.traces))
    typer.echo(
        f"{outcome.files} files, {outcome.spans} spans imported, {outcome.reasons.total()} lines skipped; "
        f"{counts.compiled} sessions compiled, {counts.failed} failed"
    )
    _explain(outcome)


def store_sessions(store: SessionReader, files: list[SessionFile], read: Read) -> Outcome:
    """Store what the files hold, and return what it came to."""
    from clawtrace_otel.cli.span_outbox import SpanOutbox

    outcome = Outcome()
    with SpanOutbox(store.deliver, _complain) as outbox:
        for file in shown(files):
            for imported in _imported(file, read, outcome):
                outcome.add(file, imported)
                outbox.add(imported.spans)
    return outcome


def _imported(file: SessionFile, read: Read, outcome: Outcome) -> Iterator[Imported]:
    """Yield what a file holds. A file that breaks off gives what came before; one that cannot be read gives nothing."""

    def guarded(session: SessionFile, lines: Lines) -> Imported:
        try:
            return read(session, lines)
        except (CliError, CollectorError):
            raise
        except Exception as error:  # noqa: BLE001 - a file is foreign data: whatever it provokes must cost only itself
            outcome.unreadable.append(f"{file.path}: {type(error).__name__}: {error}")
            return Imported()

    def lines() -> Iterator[bytes]:
        try:
            yield from lines_of(file)
        except UnreadableError as error:
            outcome.unreadable.append(f"{file.path}: {error}")

    from processors.session_logs import Imported

    if file.path.name != DATABASE:
        yield guarded(file, lines())
        return
    try:
        for session_id, events in database_sessions(file):
            yield guarded(SessionFile(Path(session_id), file.size, file.modified), events)
    except UnreadableError as error:
        outcome.unreadable.append(f"{file.path}: {error}")


def stored_in(store: SessionReader) -> Stored:
    """Return a look-up of the session under which a response is stored already; the store is asked at the first."""

    @cache
    def known() -> dict[str, str]:
        return dict(_stored_responses(store))

    return lambda response: known().get(response)


def _stored_responses(store: SessionReader) -> Iterator[tuple[str, str]]:
    last = ""
    while True:
        page = store.query(_STORED_RESPONSES.format(after=last.replace("'", "''"), page=_PAGE)).table
        if not page.num_rows:
            return
        found = page.column("request_id").to_pylist()
        yield from zip(found, page.column("session_id").to_pylist(), strict=True)
        last = found[-1]


def _why(outcome: Outcome) -> str:
    reasons = [f"{number} lines {reason}" for reason, number in outcome.reasons.most_common(_NAMED)]
    foreign = [f"no lines of this agent in {_some(outcome.foreign)}"] if outcome.foreign else []
    broken = [f"could not be read: {_some(outcome.unreadable)}"] if outcome.unreadable else []
    return "; ".join([*reasons, *foreign, *broken]) or "they are empty"


def _explain(outcome: Outcome) -> None:
    """Say on stderr what was left out, and why."""
    if outcome.copied:
        _complain(f"{outcome.copied} responses are copies of other sessions' and counted there")
    for reason, number in outcome.reasons.most_common():
        _complain(f"{number} lines skipped: {reason}")
    if outcome.foreign:
        _complain(f"{len(outcome.foreign)} files skipped, no lines of this agent in them: {_some(outcome.foreign)}")
    if outcome.unreadable:
        _complain(f"{len(outcome.unreadable)} files could not be read to the end: {_some(outcome.unreadable)}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")


def _complain(said: str) -> None:
    typer.echo(said, err=True)
