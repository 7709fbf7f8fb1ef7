"""Session files that real agents wrote while a scripted model server answered them, beside what it served.

`tests/fixtures/session_files/RUN` holds the files as the agent laid them out, its telemetry of the same run where it
sends any, and `truth.json`. `in_files` are the figures of the requests that the agent writes into its files: releases
before 2.1 of Claude Code leave the small model's checks of commands and titles out.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clawtrace_otel.cli.import_sessions import claude_reader
from clawtrace_otel.cli.session_files import lines_of, session_files
from collector.model import LogRecord, Span
from collector.store import Signals
from processors.model import AgentRun, ModelCall, Step, ToolCall
from processors.normalise import normalise
from processors.pipeline import compile_group
from processors.pricing import price_book
from processors.session_logs import Imported, Threads, read_codex, read_openclaw
from tests.processors.support import logs_in, spans_in

RUNS = Path(__file__).parents[2] / "fixtures" / "session_files"
NAMES = sorted(path.name for path in RUNS.iterdir())
WITH_TELEMETRY = [name for name in NAMES if (RUNS / name / "telemetry").is_dir()]
TOKENS = ("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens", "output_tokens")


def truth(name: str) -> dict[str, Any]:
    """Return what was served in a run."""
    told: dict[str, Any] = json.loads((RUNS / name / "truth.json").read_text())
    return told


def imported(name: str) -> list[Imported]:
    """Return what each file of a run comes to."""
    folder = RUNS / name / "files"
    if truth(name)["agent"] == "claude-code":
        files, reader_of = claude_reader([folder])
        read = reader_of(lambda _: None)
        return [read(file, lines_of(file)) for file in files]
    files, threads = sorted(session_files([folder]), key=lambda file: file.name), Threads()
    if truth(name)["agent"] == "codex":
        return [read_codex(lines_of(file), file.name, threads) for file in files]
    return [read_openclaw(lines_of(file), file.name) for file in files]


def spans_of(name: str) -> list[Span]:
    """Return the spans of a run's files."""
    return [span for file in imported(name) for span in file.spans]


def telemetry(name: str) -> tuple[list[Span], list[LogRecord]]:
    """Return what the agent sent of a run."""
    spans: list[Span] = []
    logs: list[LogRecord] = []
    for path in sorted((RUNS / name / "telemetry").iterdir()):
        body = gzip.decompress(path.read_bytes())
        if "traces" in path.name:
            spans += spans_in(ExportTraceServiceRequest.FromString(body))
        else:
            logs += logs_in(ExportLogsServiceRequest.FromString(body))
    return spans, logs


def counted(spans: Sequence[Span], logs: Sequence[LogRecord] = ()) -> list[Step]:
    """Return the steps that count, of all sessions."""
    return [step for session in normalise(spans, logs) for step in session.steps if step.counted_by is None]


def calls_of(steps: Sequence[Step]) -> list[ModelCall]:
    """Return the model calls among steps."""
    return [step for step in steps if isinstance(step, ModelCall)]


def sub_agents(steps: Sequence[Step]) -> list[AgentRun]:
    """Return the runs of sub-agents among steps."""
    return [step for step in steps if isinstance(step, AgentRun) and step.is_sub_agent]


def totals(steps: Sequence[Step]) -> dict[str, int]:
    """Return how many model calls there are, and their tokens by kind."""
    used = [call.usage for call in calls_of(steps) if call.usage is not None]
    return {"model_calls": len(used)} | {name: sum(getattr(each, name) or 0 for each in used) for name in TOKENS}


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_understood(name: str) -> None:
    """No line of a real file is of an unknown kind."""
    assert [dict(file.reasons) for file in imported(name) if file.reasons] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_files_tell_what_was_served(name: str) -> None:
    """Calls, tokens by kind, tools, failed tools and sub-agents are those of the run."""
    steps, served = counted(spans_of(name)), truth(name)
    tools = [step for step in steps if isinstance(step, ToolCall)]
    assert totals(steps) == served["in_files"]
    assert sorted(tool.tool_call_id or "" for tool in tools) == served["tool_calls"]
    assert [tool.tool_call_id for tool in tools if tool.error is not None] == served["failed_tool_calls"]
    by_step = {tool.step_id: tool.tool_call_id for tool in tools}
    assert [by_step.get(run.delegated_by or "") for run in sub_agents(steps)] == served["delegations"]


@pytest.mark.parametrize("name", NAMES)
def test_repeats_are_found_and_calls_priced(name: str) -> None:
    """What was asked again for nothing is a finding, and each call has its price."""
    sessions = compile_group(Signals(tuple(spans_of(name)), ()), price_book())
    repeats = {step for each in sessions for finding in each.findings if finding.detector == "repeated_call"
               for step in finding.step_ids}  # fmt: skip
    tools = {step.step_id: step.tool_call_id for each in sessions for step in each.session.steps
             if isinstance(step, ToolCall)}  # fmt: skip
    assert set(truth(name)["redundant_tool_calls"]) <= {tools[step_id] for step_id in repeats}
    assert all(each.card.cost_coverage.unpriced == 0 for each in sessions)


@pytest.mark.parametrize("name", WITH_TELEMETRY)
def test_files_beside_telemetry_add_nothing(name: str) -> None:
    """A run that was both sent and imported has no more calls, tools and sub-agents than either alone tells."""
    spans, logs = telemetry(name)
    both, files = counted([*spans_of(name), *spans], logs), counted(spans_of(name))
    assert len(calls_of(both)) == len(calls_of(counted(spans, logs)))
    assert [call.usage_missing for call in calls_of(both) if call.usage is None and call.error is None] == []
    assert sum(isinstance(step, ToolCall) for step in both) == sum(isinstance(step, ToolCall) for step in files)
    assert len(sub_agents(both)) == len(sub_agents(files))
