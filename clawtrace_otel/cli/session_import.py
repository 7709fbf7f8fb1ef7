"""What an agent's session files hold, stored as spans and compiled; what was left out is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.import_progress import compiled, shown
from clawtrace_otel.cli.output import counted
from clawtrace_otel.cli.session_files import DATABASE, SessionFile, UnreadableError, database_sessions, lines_of
from collector.errors import CollectorError

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader
    from processors.session_logs import Imported

Lines: TypeAlias = Iterable[bytes]
Read: TypeAlias = "Callable[[SessionFile, Lines], Imported]"
Stored: TypeAlias = Callable[[str], str | None]
"""Tells the session under which a response is stored already."""
ReaderOf: TypeAlias = Callable[[Stored], Read]
_NAMED: Final = 3
_PAGE: Final = 50_000
_STORED_RESPONSES: Final = """
    SELECT request_id, min(session_id) AS session_id FROM steps
    WHERE kind = 'llm' AND counted_by IS NULL AND request_id > '{after}'
    GROUP BY request_id ORDER BY request_id LIMIT {page}
"""


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


def load(files: list[SessionFile], reader_of: ReaderOf, db: Path | None, endpoint: str | None) -> None:
    """Store and compile what the files hold, and say what it came to. Raises `CliError` where it is nothing."""
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint, create=True) as store:
        outcome = store_sessions(store, files, reader_of(stored_in(store)))
        if not outcome.spans and not outcome.copied:
            raise CliError(f"nothing in {counted(len(files), 'file')} was understood: {_why(outcome)}")
        counts = compiled(store, len(outcome.traces))
    imported = f"{counted(outcome.files, 'file')}, {counted(outcome.spans, 'span')} imported"
    skipped = f"{counted(outcome.reasons.total(), 'line')} skipped"
    typer.echo(f"{imported}, {skipped}; {counted(counts.compiled, 'session')} compiled, {counts.failed} failed")
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
    reasons = [f"{counted(number, 'line')} {reason}" for reason, number in outcome.reasons.most_common(_NAMED)]
    foreign = [f"no lines of this agent in {_some(outcome.foreign)}"] if outcome.foreign else []
    broken = [f"could not be read: {_some(outcome.unreadable)}"] if outcome.unreadable else []
    return "; ".join([*reasons, *foreign, *broken]) or "they are empty"


def _explain(outcome: Outcome) -> None:
    """Say on stderr what was left out, and why."""
    if outcome.copied:
        _complain(f"{counted(outcome.copied, 'response')} skipped: copied from other sessions and counted there")
    for reason, number in outcome.reasons.most_common():
        _complain(f"{counted(number, 'line')} skipped: {reason}")
    if outcome.foreign:
        files = counted(len(outcome.foreign), "file")
        _complain(f"{files} skipped without a line of this agent: {_some(outcome.foreign)}")
    if outcome.unreadable:
        files = counted(len(outcome.unreadable), "file")
        _complain(f"{files} could not be read to the end: {_some(outcome.unreadable)}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")


def _complain(said: str) -> None:
    typer.echo(said, err=True)
