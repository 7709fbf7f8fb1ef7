"""The session files of agents on disk: which exist, and their lines, compressed or not."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sqlite3
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from clawtrace_otel.cli.errors import CliError

_SESSION_FILE: Final = re.compile(r".+\.jsonl(\.(gz|zst)|\.(deleted|reset|bak)[^/]*)?")
"""OpenClaw renames what it deleted or reset; Codex compresses what is older than a week."""
_NO_SESSIONS: Final = frozenset({"history.jsonl", "session_index.jsonl", "journal.jsonl"})
"""Files of the agents that hold lists of prompts or names beside the sessions."""
DATABASE: Final = "openclaw-agent.sqlite"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BROKEN: Final = (OSError, EOFError, ValueError, zlib.error, sqlite3.Error)


@dataclass(frozen=True, slots=True)
class SessionFile:
    """A file, its size in bytes and when it was last written."""

    path: Path
    size: int
    modified: int

    @property
    def name(self) -> str:
        """The file's name without what tells its format."""
        return self.path.name.partition(".jsonl")[0]


class UnreadableError(Exception):
    """A file, or what is left of it, cannot be read; the message says why."""


def session_files(paths: Iterable[Path], *, databases: bool = False) -> list[SessionFile]:
    """Return the named files and the session files in the named folders, each once, oldest first.

    Links to folders are not followed; what is no regular file is left out. Raises `CliError` for a path that does not
    exist, and where nothing was found.
    """
    found: dict[tuple[int, int], SessionFile] = {}
    for path in paths:
        if not path.exists():
            raise CliError(f"{path} does not exist")
        for file in _inside(path, databases=databases) if path.is_dir() else (path,):
            status = _regular(file)
            if status is not None:
                found.setdefault((status.st_dev, status.st_ino), SessionFile(file, status.st_size, status.st_mtime_ns))
    if not found:
        raise CliError("no *.jsonl file found: give the folder of the agent's sessions")
    return sorted(found.values(), key=lambda file: (file.modified, str(file.path)))


def _inside(folder: Path, *, databases: bool) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            is_session = _SESSION_FILE.fullmatch(name) is not None and name not in _NO_SESSIONS
            if is_session or (databases and name == DATABASE):
                yield Path(root) / name


def _regular(file: Path) -> os.stat_result | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def lines_of(file: SessionFile) -> Iterator[bytes]:
    """Yield a file's lines. Raises `UnreadableError`, maybe after some of them."""
    from processors.session_logs import split

    try:
        with file.path.open("rb", buffering=1024 * 1024) as packed, _unpacked(packed) as stream:
            yield from split(stream)
    except _BROKEN as error:
        raise UnreadableError(str(error) or type(error).__name__) from error


def _unpacked(packed: BinaryIO) -> AbstractContextManager[BinaryIO]:
    magic = packed.read(len(_ZSTD))
    packed.seek(0)
    if magic.startswith(_GZIP):
        return cast("AbstractContextManager[BinaryIO]", gzip.GzipFile(fileobj=packed, mode="rb"))
    if magic == _ZSTD:
        import pyarrow as pa

        plain = pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")
        return io.BufferedReader(cast("io.RawIOBase", plain), 1024 * 1024)
    return nullcontext(packed)


def database_sessions(file: SessionFile) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the sessions in an OpenClaw database, each with its events. Raises `UnreadableError`."""
    try:
        with closing(sqlite3.connect(f"{file.path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            ids = [row[0] for row in database.execute("SELECT DISTINCT session_id FROM transcript_events ORDER BY 1")]
            for session_id in ids:
                query = "SELECT event_json FROM transcript_events WHERE session_id IS ? ORDER BY seq"
                rows = database.execute(query, [session_id])
                yield str(session_id), [line.encode() if isinstance(line, str) else bytes(line) for (line,) in rows]
    except _BROKEN as error:
        raise UnreadableError(str(error)) from error


def beside(path: Path) -> dict[str, object]:
    """Return the JSON object in a small file that an agent keeps beside its sessions, empty where there is none."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
