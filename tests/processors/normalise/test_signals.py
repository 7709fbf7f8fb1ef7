"""Programs that send spans, log records or both: every way tells the same, or says what it leaves out."""

from __future__ import annotations

import pytest

from collector.model import LogRecord, Scope
from processors.normalise.dialects.gemini_cli import WITHOUT_THOUGHTS
from tests.processors.normalise.counting import KINDS, Counted, counted
from tests.processors.support import load_recording, load_truth

ALONE_IN_LOGS = ("claude-code-beta-traces", "claude-code-default", "codex-cli", "gemini-cli", "google-adk-content")
ALONE_IN_SPANS = ("claude-code-beta-traces", "codex-cli", "google-adk-content", "maf-responses")


def of_logs(name: str) -> Counted:
    """Return what the records of a recording come to without its spans."""
    return counted((), load_recording(name)[1])


def of_spans(name: str) -> Counted:
    """Return what the spans of a recording come to without its records."""
    return counted(load_recording(name)[0])


@pytest.mark.parametrize("name", ALONE_IN_LOGS)
def test_logs_alone_tell_every_figure(name: str) -> None:
    """Where traces are off, the records alone give one session with all calls, tools, failures and tokens."""
    found, truth = of_logs(name), load_truth(name)
    assert len(found.sessions) == 1
    assert len(found.answered) == truth["llm_calls"]
    assert len(found.tools) == truth["tool_calls"]
    assert len(found.failed_tools) == len(truth["failed_tool_calls"])
    assert all(found.tokens(kind) in {truth[kind], None if truth[kind] == 0 else truth[kind]} for kind in KINDS)


@pytest.mark.parametrize("name", ALONE_IN_SPANS)
def test_spans_alone_tell_every_figure(name: str) -> None:
    """Where logs are off, the spans alone do."""
    found, truth = of_spans(name), load_truth(name)
    assert len(found.answered) == truth["llm_calls"]
    assert len(found.tools) == truth["tool_calls"]
    assert all(found.tokens(kind) in {truth[kind], None if truth[kind] == 0 else truth[kind]} for kind in KINDS)


def test_gemini_clis_spans_alone_say_what_they_leave_out() -> None:
    """Its spans count answers without thoughts and no cached tokens: input is known, output is not, with a reason."""
    found, truth = of_spans("gemini-cli"), load_truth("gemini-cli")
    assert found.tokens("input_tokens") == truth["input_tokens"]
    assert found.tokens("output_tokens") is None
    assert {call.usage_missing for call in found.calls} == {WITHOUT_THOUGHTS}


def test_events_without_a_session_go_by_their_prompt() -> None:
    """Claude Code told to leave the session's id out still names the prompt: its records are one session per prompt."""
    records = [
        LogRecord(
            time_unix_nano=1_790_000_000_000_000_000 + number,
            body="claude_code.api_request",
            attributes={
                "event.name": "api_request", "model": "claude-sonnet-4-5", "input_tokens": 10, "output_tokens": 5,
                "prompt.id": prompt, "request_id": f"req-{number}",
            },
            scope=Scope("com.anthropic.claude_code.events"),
        )
        for number, prompt in enumerate(("p1", "p1", "p2"))
    ]  # fmt: skip
    found = counted((), records)
    assert sorted((session.session_id, len(session.steps)) for session in found.sessions) == [("p1", 2), ("p2", 1)]
    assert {session.session_source for session in found.sessions} == {"prompt.id"}
