"""The questions that several commands ask of the stored sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.options import CardFormat

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader

LATEST: Final = "latest"
_PAGE: Final = 500
_LONGEST_NAME: Final = 80


def literal(text: str) -> str:
    """Return text as an SQL string; doubling the quote is the whole of the SQL standard's escaping."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def resolve_session(reader: SessionReader, named: str, *, or_what: str = "") -> str:
    """Return the id of the session that is named in full, by an unambiguous beginning, or as 'latest'.

    Raises `CliError` where it is none or several; `or_what` completes its "no session ...".
    """
    if _ids(reader, f"WHERE session_id = {literal(named)} LIMIT 1"):
        return named
    if named == LATEST:
        found = _ids(reader, "ORDER BY started_at DESC, session_id LIMIT 1")
        if not found:
            raise CliError("no session is stored yet: 'clawtrace compile' compiles what has arrived")
        return found[0]
    found = _ids(reader, f"WHERE starts_with(session_id, {literal(named)}) ORDER BY session_id LIMIT 4")
    if len(found) == 1:
        return found[0]
    if found:
        raise CliError(f"{named!r} could be {', '.join(found[:3])}{', ...' if len(found) > 3 else ''}: type more of it")  # noqa: PLR2004 - the three named
    raise CliError(
        f"no session{or_what} {named!r}: 'clawtrace sessions' lists them; new ones appear once they are quiet"
    )


def card_text(reader: SessionReader, session_id: str, form: CardFormat) -> str:
    """Return one session's card as text that ends in a newline. Raises `CliError` where it has none."""
    column = _column(form)
    result = reader.query(f"SELECT {column} FROM tracecards WHERE session_id = {literal(session_id)}")  # noqa: S608 - quoted
    texts = result.table.column(0).to_pylist()
    if not texts:
        raise CliError(f"session {session_id} has no card yet: 'clawtrace compile' makes it")
    return _finished(texts[0], form)


def every_card(reader: SessionReader, form: CardFormat) -> Iterator[tuple[str, str]]:
    """Yield (session id, card) for every session by id, in pages: a collector caps the rows of one answer."""
    last: str | None = None
    while True:
        after = "" if last is None else f"WHERE session_id > {literal(last)}"
        query = f"SELECT session_id, {_column(form)} FROM tracecards {after} ORDER BY session_id LIMIT {_PAGE}"  # noqa: S608 - quoted
        table = reader.query(query).table
        for session_id, text in zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True):
            yield session_id, _finished(text, form)
            last = session_id
        if table.num_rows == 0:
            return


def file_name(session_id: str, suffix: str) -> str:
    """Return a file name for a session: its id, or where that is no safe name a readable part and a hash of it."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", session_id).lstrip(".")[:_LONGEST_NAME]
    if safe != session_id:
        safe = f"{safe}-{sha256(session_id.encode()).hexdigest()[:12]}"
    return f"{safe}.{suffix}"


def _ids(reader: SessionReader, rest: str) -> list[str]:
    return [str(value) for value in reader.query(f"SELECT session_id FROM sessions {rest}").table.column(0).to_pylist()]  # noqa: S608 - quoted


def _column(form: CardFormat) -> str:
    return "yaml" if form is CardFormat.YAML else "card"


def _finished(text: str, form: CardFormat) -> str:
    if form is CardFormat.JSON:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    return text if text.endswith("\n") else text + "\n"
