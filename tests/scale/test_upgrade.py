"""The steps of docs/operations.md, with a program of the layout before this one beside today's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from collector.store.migrate import migrations
from tests.scale.conftest import Lake, StartOnLake
from tests.support.collector import PROTOBUF
from tests.support.spans import request

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("clawtrace_otel", "collector", "costcraft", "processors")
_SPANS, _SESSIONS = 320, 20


@pytest.fixture
def before(lake: Lake, tmp_path: Path) -> Lake:
    """Return the lake for processes that run this program without its last migration."""
    program = tmp_path / "program"
    for package in _PACKAGES:
        shutil.copytree(_ROOT / package, program / package, ignore=shutil.ignore_patterns("__pycache__"))
    (program / "collector" / "store" / "sql" / migrations()[-1].name).unlink()
    return replace(lake, environment={"PYTHONPATH": str(program), "PYTHONSAFEPATH": "1"})


def clawtrace(lake: Lake, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a lake, which may fail."""
    named = {"CLAWTRACE_STORE": lake.store, "CLAWTRACE_DATA": lake.data}
    command = [sys.executable, "-m", "clawtrace_otel", *arguments]
    environment = {**os.environ, **named, **lake.environment}
    return subprocess.run(command, capture_output=True, check=False, text=True, env=environment)


def refused(lake: Lake, reason: str, *arguments: str) -> None:
    """Fail the test unless a command on a lake refuses for a reason."""
    said = clawtrace(lake, *arguments)
    assert said.returncode != 0, said.stdout
    assert reason in said.stderr
    assert "Traceback" not in said.stderr


def test_an_upgrade_as_it_is_documented(before: Lake, lake: Lake, start_on: StartOnLake) -> None:
    """`lake migrate` brings the lake of the version before up to date; that version then refuses it and says why."""
    old = start_on(before)
    body = request(range(_SPANS))
    assert old.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200
    assert old.compile() == {"compiled": _SESSIONS, "failed": 0}
    assert old.stop() == 0
    refused(lake, "run 'clawtrace lake migrate' on it", "sql", "SELECT 1")
    assert clawtrace(lake, "lake", "migrate").returncode == 0
    question = "SELECT (SELECT count(*) FROM spans), (SELECT count(*) FROM sessions), (SELECT count(*) FROM redactions)"
    said = clawtrace(lake, "sql", question, "--format", "json")
    assert json.loads(said.stdout)["rows"] == [[_SPANS, _SESSIONS, 0]]
    new = start_on(lake)
    assert new.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200
    assert new.sql("SELECT count(*) AS n FROM spans") == [{"n": _SPANS}]
    assert clawtrace(lake, "compile", "--all").stdout == f"{_SESSIONS} compiled, 0 failed\n"
    for command in (["serve", "--http-port", "0", "--grpc-port", "0"], ["sql", "SELECT 1"], ["lake", "compact"]):
        refused(before, "was written by a newer version of clawtrace", *command)


def test_a_collector_that_was_not_stopped(before: Lake, lake: Lake, start_on: StartOnLake) -> None:
    """One of the version before that still runs when the lake is migrated is ready no longer, and says why."""
    old = start_on(before)
    assert old.request("GET", "/readyz").status == 200
    assert clawtrace(lake, "lake", "migrate").returncode == 0
    deadline = time.monotonic() + 60
    while (answer := old.request("GET", "/readyz")).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert b"by another version of clawtrace" in answer.body
