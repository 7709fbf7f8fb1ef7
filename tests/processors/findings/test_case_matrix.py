"""The same story told with the tools of many frameworks: what fires must not hang on one framework's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from processors.model import Session, ToolDefinition
from tests.processors.findings.stories import OTHER, REPORT, announced, call, delegate, findings, flagged, told
from tests.simulator.plan import PlannedCall

REPEATED, RETRY, POLL = "repeated_call", "failed_retry", "poll_loop"
FILE, ELSE = "data/report.csv", "data/other.csv"
MISSING = "Error: no such file"
Maker = Callable[[str], tuple[str, dict[str, object]]]


def patch(path: str) -> str:
    """Write a patch of one file."""
    return f"*** Begin Patch\n*** Update File: {path}\n@@\n-northern,1200\n+northern,1300\n*** End Patch"


@dataclass(frozen=True, slots=True)
class Framework:
    """How one family of agents reads, pages and writes a file."""

    read: Maker
    page: Callable[[str, int], tuple[str, dict[str, object]]]
    write: Maker
    announces: tuple[ToolDefinition, ...] = ()

    def reads(self, key: str, path: str = FILE, result: str = REPORT, error: str | None = None) -> PlannedCall:
        """Plan a read."""
        name, arguments = self.read(path)
        return call(key, name, result, error, **arguments)

    def turns_page(self, key: str, number: int, result: str = REPORT, error: str | None = None) -> PlannedCall:
        """Plan a read of one page."""
        name, arguments = self.page(FILE, number)
        return call(key, name, result, error, **arguments)

    def writes(self, key: str, path: str = FILE) -> PlannedCall:
        """Plan a write."""
        name, arguments = self.write(path)
        return call(key, name, "Done.", **arguments)

    def tells(self, *calls: PlannedCall) -> Session:
        """Tell a session in which the framework's tools were announced."""
        session = told(*calls)
        return announced(session, *self.announces) if self.announces else session


FRAMEWORKS = {
    "snake case": Framework(
        read=lambda path: ("read_file", {"path": path}),
        page=lambda path, n: ("read_file", {"path": path, "offset": 100 * n, "limit": 100}),
        write=lambda path: ("write_file", {"path": path, "content": "x"}),
    ),
    "Claude Code": Framework(
        read=lambda path: ("Read", {"file_path": f"/work/{path}"}),
        page=lambda path, n: ("Read", {"file_path": f"/work/{path}", "offset": 100 * n, "limit": 100}),
        write=lambda path: ("Edit", {"file_path": f"/work/{path}", "old_string": "1", "new_string": "2"}),
    ),
    "Strands": Framework(
        read=lambda path: ("file_read", {"path": path, "mode": "view"}),
        page=lambda path, n: (
            "file_read",
            {"path": path, "mode": "lines", "start_line": 50 * n, "end_line": 50 * n + 49},
        ),
        write=lambda path: ("file_write", {"path": path, "content": "x"}),
    ),
    "Kiro": Framework(
        read=lambda path: ("fs_read", {"operations": [{"mode": "Line", "path": path}]}),
        page=lambda path, n: ("fs_read", {"operations": [{"mode": "Line", "path": path, "start_line": 50 * n}]}),
        write=lambda path: ("fs_write", {"command": "str_replace", "path": path, "old_str": "1", "new_str": "2"}),
    ),
    "text editor tool": Framework(
        read=lambda path: ("str_replace_based_edit_tool", {"command": "view", "path": path}),
        page=lambda path, n: (
            "str_replace_based_edit_tool",
            {"command": "view", "path": path, "view_range": [50 * n, 50 * n + 49]},
        ),
        write=lambda path: (
            "str_replace_based_edit_tool",
            {"command": "str_replace", "path": path, "old_str": "1", "new_str": "2"},
        ),
    ),
    "Codex": Framework(
        read=lambda path: ("shell", {"command": ["bash", "-lc", f"cat {path}"], "workdir": "/work"}),
        page=lambda path, n: ("exec_command", {"cmd": f"sed -n '{50 * n},{50 * n + 49}p' {path}"}),
        write=lambda path: ("apply_patch", {"input": patch(path)}),
    ),
    "Codex, patches by shell": Framework(
        read=lambda path: ("exec_command", {"cmd": f"cat {path}"}),
        page=lambda path, n: ("exec_command", {"cmd": f"tail -n +{50 * n} {path} | head -n 50"}),
        write=lambda path: ("exec_command", {"cmd": f"apply_patch <<'EOF'\n{patch(path)}\nEOF"}),
    ),
    "shell": Framework(
        read=lambda path: ("Bash", {"command": f"cat {path}", "description": "Show the report"}),
        page=lambda path, n: ("Bash", {"command": f"head -n {50 * (n + 1)} {path} | tail -n 50"}),
        write=lambda path: ("Bash", {"command": f"sed -i 's/1/2/' {path}"}),
    ),
    "Gemini CLI": Framework(
        read=lambda path: ("read_file", {"absolute_path": f"/work/{path}"}),
        page=lambda path, n: ("read_file", {"absolute_path": f"/work/{path}", "offset": 100 * n, "limit": 100}),
        write=lambda path: ("replace", {"file_path": f"/work/{path}", "old_string": "1", "new_string": "2"}),
    ),
    "Copilot": Framework(
        read=lambda path: ("copilot_readFile", {"filePath": f"/work/{path}"}),
        page=lambda path, n: (
            "copilot_readFile",
            {"filePath": f"/work/{path}", "startLine": 50 * n, "endLine": 50 * n + 49},
        ),
        write=lambda path: ("copilot_replaceString", {"filePath": f"/work/{path}", "oldString": "1", "newString": "2"}),
    ),
    "MCP file system": Framework(
        read=lambda path: ("mcp__filesystem__read_text_file", {"path": path}),
        page=lambda path, n: ("mcp__filesystem__read_text_file", {"path": path, "head": 50 * (n + 1)}),
        write=lambda path: ("mcp__filesystem__edit_file", {"path": path, "edits": [{"oldText": "1", "newText": "2"}]}),
    ),
    "MCP with hints": Framework(
        read=lambda path: ("blob_stage", {"resource": path}),
        page=lambda path, n: ("blob_stage", {"resource": path, "chunk": {"index": n}}),
        write=lambda path: ("blob_reconcile", {"resource": path}),
        announces=(
            ToolDefinition(name="blob_stage", read_only_hint=True),
            ToolDefinition(name="blob_reconcile", read_only_hint=False, destructive_hint=True),
        ),
    ),
    "names never seen": Framework(
        read=lambda path: ("obtenirContenu", {"fichier": path}),
        page=lambda path, n: ("obtenirContenu", {"fichier": path, "offset": 100 * n}),
        write=lambda path: ("fichier.update", {"fichier": path, "texte": "x"}),
    ),
    "wrapped arguments": Framework(
        read=lambda path: ("load_table", {"kwargs": {"source": {"file": path}}}),
        page=lambda path, n: ("load_table", {"kwargs": {"source": {"file": path}, "paging": {"page": n}}}),
        write=lambda path: ("store_table", {"kwargs": {"target": {"file": path}, "rows": [1, 2]}}),
    ),
    "positional arguments": Framework(
        read=lambda path: ("get_file_contents", {"args": [path]}),
        page=lambda path, n: ("get_file_contents", {"args": [path, 100 * n, 100]}),
        write=lambda path: ("put_file_contents", {"args": [path, "x"]}),
    ),
}
frameworks = pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)


@frameworks
def test_a_file_read_again_unchanged(framework: Framework) -> None:
    """The second of two equal reads is waste."""
    assert flagged(framework.tells(framework.reads("a"), framework.reads("b")), REPEATED) == {"b"}


@frameworks
def test_a_file_read_again_after_it_was_written(framework: Framework) -> None:
    """Checking one's own write is work, whether or not it changed the answer."""
    session = framework.tells(framework.reads("a"), framework.writes("w"), framework.reads("b"))
    assert findings(session, REPEATED) == []


@frameworks
def test_a_file_read_again_after_another_was_written(framework: Framework) -> None:
    """A write to something else does not excuse a repeat."""
    session = framework.tells(framework.reads("a"), framework.writes("w", ELSE), framework.reads("b"))
    assert flagged(session, REPEATED) == {"b"}


@frameworks
def test_an_edit_taken_back(framework: Framework) -> None:
    """Two writes around equal answers look like an edit and its revert: suspected, not claimed."""
    session = framework.tells(framework.reads("a"), framework.writes("w"), framework.writes("r"), framework.reads("b"))
    assert [(found.step_ids, found.soft) for found in findings(session, REPEATED)] == [(("b",), True)]


@frameworks
def test_pages_of_a_file(framework: Framework) -> None:
    """Pages are different questions, also where their answers are equal."""
    for results in ([f"{REPORT}page {n}" for n in range(4)], [REPORT] * 4):
        pages = [framework.turns_page(f"p{n}", n, result) for n, result in enumerate(results)]
        assert findings(framework.tells(*pages), REPEATED) == []


@frameworks
def test_failing_reads_of_different_pages(framework: Framework) -> None:
    """Three failing reads of different pages are three tries."""
    pages = [framework.turns_page(f"p{n}", n, MISSING, "ENOENT") for n in range(3)]
    session = framework.tells(*pages)
    assert findings(session, RETRY) + findings(session, REPEATED) == []


@frameworks
def test_the_same_failing_read_again(framework: Framework) -> None:
    """A failing read made again unchanged is a failed retry and no repeated call."""
    session = framework.tells(*(framework.reads(f"x{n}", result=MISSING, error="ENOENT") for n in range(2)))
    assert (flagged(session, RETRY), findings(session, REPEATED)) == ({"x1"}, [])


@frameworks
def test_a_retry_that_succeeds(framework: Framework) -> None:
    """A read that works at the second try is a repair."""
    failing = framework.reads("a", result="503 Service Unavailable", error="503")
    session = framework.tells(failing, framework.reads("b"))
    assert findings(session, RETRY) + findings(session, REPEATED) == []


@frameworks
def test_two_days_and_two_files(framework: Framework) -> None:
    """Logs of two days are two questions, although their names and even their contents are alike."""
    paths = ("logs/app-2026-03-11.log", "logs/app-2026-03-12.log")
    session = framework.tells(*(framework.reads(f"d{n}", path) for n, path in enumerate(paths)))
    assert findings(session, REPEATED) == []


@frameworks
def test_looking_until_something_changes(framework: Framework) -> None:
    """Equal answers before one that nothing explains were a look-out: a soft poll and no repeat."""
    results = [REPORT, REPORT, REPORT, OTHER]
    session = framework.tells(*(framework.reads(f"x{n}", result=result) for n, result in enumerate(results)))
    assert findings(session, REPEATED) == []
    assert [(found.step_ids, found.soft) for found in findings(session, POLL)] == [(("x1", "x2"), True)]


@frameworks
def test_the_same_read_by_two_parallel_sub_agents(framework: Framework) -> None:
    """Sub-agents at work at the same time do not see each other's answers: neither repeats the other.

    Only what one of them asks twice itself is waste.
    """
    session = told(
        (
            delegate("left", framework.reads("a"), "Northern is 1200."),
            delegate("right", framework.reads("b"), framework.reads("c"), "Northern is 1200 here too."),
        )
    )
    session = announced(session, *framework.announces) if framework.announces else session
    assert flagged(session, REPEATED) == {"c"}
