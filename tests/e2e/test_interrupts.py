"""Ctrl-C in a command that takes long: it ends at once, says nothing odd, and nothing it did not finish is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.test_commands import said
from tests.support.session_lines import answer, lines, prompt, usage

SESSIONS = 6
INTERRUPTED = 130
PATIENCE_S = 60.0
UNDER_WAY_S = 0.3
"""After its first child started, when the command waits for it: Python itself may lose a signal between imports."""


def session_file(folder: Path, number: int) -> None:
    """Write a Claude Code session of one answered prompt."""
    session = f"00000000-0000-4000-8000-{number:012}"
    answered = answer(f"msg_{number:024}", 1, tokens=usage(20), session=session)
    (folder / f"{session}.jsonl").write_bytes(b"".join(lines(prompt(0, session=session), answered)))


@contextmanager
def terminal(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own, as a shell does, for Ctrl-C to reach all of it."""
    command = [sys.executable, "-m", "clawtrace_otel", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def await_child(process_id: int) -> None:
    """Return once a process has started another one, which an import does for compiling only."""
    threads = Path(f"/proc/{process_id}/task")
    deadline = time.monotonic() + PATIENCE_S
    while not any((thread / "children").read_text(encoding="ascii") for thread in threads.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_interrupted_import_loses_no_session(tmp_path: Path) -> None:
    """Sessions whose compiling Ctrl-C interrupts stay pending, and the next command compiles them."""
    folder, database = tmp_path / "sessions", tmp_path / "imported.duckdb"
    folder.mkdir()
    for number in range(SESSIONS):
        session_file(folder, number)
    with terminal("import", "claude-code", str(folder), "--db", str(database)) as process:
        await_child(process.pid)
        time.sleep(UNDER_WAY_S)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors.decode()) == (INTERRUPTED, "")
    said("compile", "--db", str(database))
    counted = said("sql", "SELECT count(*) FROM sessions", "--db", str(database), "--format", "csv")
    assert counted.splitlines()[1] == str(SESSIONS)
