"""Session files on disk to stored sessions, by the command itself and in a real database file."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from clawtrace_otel.cli.app import main
from clawtrace_otel.cli.file_reader import open_file
from processors import session_logs
from tests.support.collector import running_collector
from tests.support.session_lines import (
    Fields,
    answer,
    counted,
    lines,
    made_at,
    meta,
    prompt,
    result,
    said,
    stamp,
    turn,
    usage,
    uses,
)

HISTORY = [prompt(0), answer("msg_of_the_first_one", 1, uses("t1"), tokens=usage(30)), result("t1", 2)]

STORED = "SELECT trace_id, span_id, start_time::VARCHAR AS start, attributes::VARCHAR AS said FROM spans ORDER BY 2, 3"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return where the sessions go."""
    return tmp_path / "stored" / "sessions.duckdb"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder for session files; the command must not find a collector of the user's."""
    folder = tmp_path / "projects"
    folder.mkdir()
    return folder


@dataclass(frozen=True)
class Done:
    """How a command ended, and all that it said."""

    exit_code: int
    output: str


def command(*arguments: str) -> Done:
    """Run a command line."""
    said_ = StringIO()
    with redirect_stdout(said_), redirect_stderr(said_):
        return Done(main(arguments), said_.getvalue())


def run(agent: str, *paths: Path, database: Path) -> Done:
    """Run an import into a file."""
    database.parent.mkdir(exist_ok=True)
    return command("import", agent, *map(str, paths), "--db", str(database))


def imported(agent: str, *paths: Path, database: Path) -> Done:
    """Run an import that must succeed."""
    done = run(agent, *paths, database=database)
    assert done.exit_code == 0, done.output
    return done


def rows(database: Path, query: str) -> list[dict[str, object]]:
    """Return the rows of a query on what is stored."""
    with open_file(database, write=False) as reader:
        return list(reader.query(query).table.to_pylist())


def sessions(database: Path) -> dict[object, tuple[object, ...]]:
    """Return calls, tools and tokens of each stored session."""
    columns = "llm_call_count, tool_call_count, sub_agent_count, input_tokens, output_tokens"
    found = rows(database, f"SELECT session_id, {columns} FROM sessions ORDER BY 1")
    return {row.pop("session_id"): tuple(row.values()) for row in found}


def write(file: Path, *content: Fields) -> Path:
    """Write a session file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(lines(*content)))
    return file


def test_importing_again_adds_nothing(logs: Path, database: Path) -> None:
    """The same folder twice leaves the same rows, and a session that went on brings only what is new."""
    file = write(logs / "p" / "s1.jsonl", *HISTORY)
    imported("claude-code", logs, database=database)
    before = sessions(database), rows(database, STORED)
    assert before[0] == {"s1": (1, 1, 0, 1210, 30)}
    imported("claude-code", logs, database=database)
    after = sessions(database), rows(database, STORED)
    assert after == before
    write(file, *HISTORY, answer("msg_of_the_next_one", 4, tokens=usage(5)))
    imported("claude-code", logs, database=database)
    assert sessions(database) == {"s1": (2, 1, 0, 2420, 35)}


def test_a_copy_is_not_counted_after_its_original_is_gone(logs: Path, database: Path) -> None:
    """Claude Code deletes old files: a fork imported later still repeats what the store knows of the first session."""
    original = write(logs / "p" / "s1.jsonl", *HISTORY)
    imported("claude-code", logs, database=database)
    original.unlink()
    own = answer("msg_of_the_second_one", 9, tokens=usage(40), session="s2")
    write(logs / "p" / "s2.jsonl", *[line | {"sessionId": "s2"} for line in HISTORY], own)
    done = imported("claude-code", logs, database=database)
    assert sessions(database) == {"s1": (1, 1, 0, 1210, 30), "s2": (1, 0, 0, 1210, 40)}
    assert "1 response skipped: copied" in done.output


def test_a_running_collector_is_given_the_sessions(logs: Path, database: Path) -> None:
    """Where a collector runs, the import goes through it."""
    write(logs / "s1.jsonl", *HISTORY)
    database.parent.mkdir()
    with running_collector(database) as collector:
        done = command("import", "claude-code", str(logs), "--endpoint", collector.http)
        assert done.exit_code == 0, done.output
        (row,) = collector.sql("SELECT session_id, llm_call_count FROM sessions")
    assert row == {"session_id": "s1", "llm_call_count": 1}


def test_sub_agents_in_their_folder_join_their_parent(logs: Path, database: Path) -> None:
    """The file beside a sub-agent's names the tool call and the kind, also for agents that agents start."""
    write(logs / "s1.jsonl", *HISTORY[:2])
    agents = logs / "s1" / "subagents"
    for name, tool, second in (("a1", "t1", 3), ("b1", "t3", 5)):
        more: Fields = {"isSidechain": True, "agentId": name}
        block = uses(f"t{second}", "Agent", prompt="more")
        write(agents / f"agent-{name}.jsonl", answer(f"m{name}", second, block, tokens=usage(second), **more))
        (agents / f"agent-{name}.meta.json").write_text(json.dumps({"toolUseId": tool, "agentType": f"Kind-{name}"}))
    imported("claude-code", logs, database=database)
    query = """
        SELECT agent.name AS agent, tool.tool_call_id AS tool FROM steps AS agent
        JOIN steps AS tool ON agent.parent_step_id = tool.step_id WHERE agent.kind = 'agent' ORDER BY 1
    """
    assert rows(database, query) == [{"agent": "Kind-a1", "tool": "t1"}, {"agent": "Kind-b1", "tool": "t3"}]


def test_a_folder_with_anything_in_it(logs: Path, database: Path) -> None:
    """Other files, loops of links, pipes and broken files cost nothing but a word, and no file is read twice."""
    kept = write(logs / "a" / "s1.jsonl", *HISTORY)
    write(logs / "history.jsonl", {"display": "x"})
    write(logs / "other.jsonl", {"some": "table"}, {"some": "row"})
    (logs / "notes.txt").write_text("no session")
    (logs / "empty.jsonl").touch()
    (logs / "cut.jsonl.gz").write_bytes(gzip.compress(b"".join(lines(*HISTORY)))[:-9])
    (logs / "noise.jsonl").write_bytes(os.urandom(4_000))
    (logs / "loop").symlink_to(logs, target_is_directory=True)
    (logs / "again.jsonl").symlink_to(kept)
    (logs / "gone.jsonl").symlink_to(logs / "nothing")
    os.mkfifo(logs / "pipe.jsonl")
    done = imported("claude-code", logs, database=database)
    assert sessions(database) == {"s1": (1, 1, 0, 1210, 30)}
    assert "2 files skipped without a line of this agent" in done.output
    assert "1 file could not be read to the end" in done.output
    assert "cut.jsonl.gz" in done.output


def test_a_file_that_breaks_its_reader_costs_only_itself(
    logs: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a file provokes, the others are imported and the file is named with the reason."""
    write(logs / "s1.jsonl", *HISTORY)
    write(logs / "s2.jsonl", *[line | {"sessionId": "s2"} for line in HISTORY])
    honest = session_logs.read_claude_code

    def breaks(content: Iterable[bytes], name: str, *shared: Any) -> Any:
        if name == "s1":
            raise TypeError("unhashable type: 'list'")
        return honest(content, name, *shared)

    monkeypatch.setattr(session_logs, "read_claude_code", breaks)
    done = imported("claude-code", logs, database=database)
    assert list(sessions(database)) == ["s2"]
    assert "s1.jsonl: TypeError: unhashable type" in done.output


@pytest.mark.parametrize(
    ("content", "said_"),
    [(b"", "they are empty"), (b"hello\n", "no lines of this agent"), (b'{"type":"unheard-of"}\n', "no lines of this")],
)
def test_nothing_to_import_is_an_error_in_words(content: bytes, said_: str, logs: Path, database: Path) -> None:
    """A file that holds no session ends with exit code 1 and the reason."""
    file = logs / "file.jsonl"
    file.write_bytes(content)
    done = run("claude-code", file, database=database)
    assert done.exit_code == 1
    assert said_ in done.output


def test_a_path_that_is_not_there_is_named(logs: Path, database: Path) -> None:
    """A wrong path and an empty folder are errors that say what to give."""
    assert "does not exist" in run("codex", logs / "none", database=database).output
    assert "give the folder" in run("codex", logs, database=database).output


def test_packed_files_and_their_originals_count_once(logs: Path, database: Path) -> None:
    """Codex packs old rollouts with zstd and moves archived ones: each session counts once wherever it lies."""
    parent, child = made_at(0), made_at(100)
    rollout = [meta(parent), turn(1, made_at(1)), counted(2, 1_000, 1_000)]
    fork = [meta(child, 100, forked_from_id=parent), *rollout, turn(101, made_at(101)), counted(102, 3_000, 2_000)]
    name = f"rollout-2026-03-01T10-00-00-{parent}.jsonl"
    write(logs / "archived_sessions" / name, *rollout)
    packed = logs / "sessions" / "2026" / "03" / "01" / f"{name}.zst"
    packed.parent.mkdir(parents=True)
    with pa.CompressedOutputStream(str(packed), "zstd") as stream:
        stream.write(b"".join(lines(*rollout)))
    write(packed.parent / f"rollout-2026-03-01T10-01-40-{child}.jsonl", *fork)
    imported("codex", logs, database=database)
    found = {name: figures[3] for name, figures in sessions(database).items()}
    assert found == {parent: 1_000, child: 2_000}


def openclaw_message(key: str, second: float, size: int) -> Fields:
    """Return an assistant message with so many input tokens."""
    used = {"input": size, "output": 5, "cacheRead": 0, "cacheWrite": 0}
    spoken = {"role": "assistant", "provider": "anthropic", "model": "claude-sonnet-4-5", "usage": used}
    return {"type": "message", "id": key, "timestamp": stamp(second), "message": spoken | {"content": [said()]}}


def test_openclaw_keeps_sessions_in_files_archives_and_a_database(logs: Path, database: Path) -> None:
    """Reset sessions are renamed, new releases store events in SQLite, and Codex's own sessions lie inside."""
    folder, home = logs / "main" / "sessions", logs / "main" / "agent"
    write(folder / "o1.jsonl.reset.2026-03-01T10", {"type": "session", "id": "o1"}, openclaw_message("e1", 1, 10))
    home.mkdir(parents=True)
    with closing(sqlite3.connect(home / "openclaw-agent.sqlite")) as events, events:
        events.execute(
            "CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER)"
        )
        for session_id, number in (("o1", 1), ("o2", 2)):
            event = json.dumps(openclaw_message(f"e{number}", number, number * 10))
            events.execute("INSERT INTO transcript_events VALUES (?, ?, ?, 0)", [session_id, number, event])
    rollout = [meta("c1"), turn(1), counted(2, 700, 700)]
    write(home / "codex-home" / "sessions" / "rollout-2026-03-01T10-00-00-c1.jsonl", *rollout)
    imported("openclaw", logs, database=database)
    assert {name: figures[3] for name, figures in sessions(database).items()} == {"o1": 10, "o2": 20, "c1": 700}


def test_a_database_that_is_none_is_named(logs: Path, database: Path) -> None:
    """A file that only has a database's name costs a word."""
    write(logs / "o1.jsonl", {"type": "session", "id": "o1"}, openclaw_message("e1", 1, 10))
    (logs / "openclaw-agent.sqlite").write_bytes(b"no database at all" * 100)
    assert "openclaw-agent.sqlite: file is not a database" in imported("openclaw", logs, database=database).output
