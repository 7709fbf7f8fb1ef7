"""Every command on a lake that the environment names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.scale.conftest import Lake, StartOnLake
from tests.support.collector import PROTOBUF
from tests.support.spans import request


def test_commands_find_the_lake_in_the_environment(lake: Lake, start_on: StartOnLake, tmp_path: Path) -> None:
    """With CLAWTRACE_STORE and CLAWTRACE_DATA set, sessions, cards, verdicts and exports are the lake's."""
    collector = start_on(lake)
    assert collector.request("POST", "/v1/traces", request(range(32)), Content_Type=PROTOBUF).status == 200
    assert collector.stop() == 0
    assert "2 compiled, 0 failed" in on(lake, "compile")
    ((session,), *_) = rows(lake, "SELECT session_id FROM sessions ORDER BY 1")
    assert session in on(lake, "card", session)
    assert on(lake, "outcome", session, "--score", "0.5") is not None
    assert rows(lake, f"SELECT outcome_score FROM sessions WHERE session_id = '{session}'") == [[0.5]]
    on(lake, "export", "parquet", str(tmp_path / "out"))
    assert pq.read_table(tmp_path / "out" / "spans").num_rows == 32
    assert "as a file" in on(lake, "compact", fails=True)


def rows(lake: Lake, question: str) -> list[list[Any]]:
    """Return the rows of a question."""
    found: list[list[Any]] = json.loads(on(lake, "sql", question, "--format", "json"))["rows"]
    return found


def on(lake: Lake, *arguments: str, fails: bool = False) -> str:
    """Run `clawtrace` with the lake in the environment, and return what it says."""
    environment = {**os.environ, **lake.environment, "CLAWTRACE_STORE": lake.store, "CLAWTRACE_DATA": lake.data}
    command = [sys.executable, "-m", "clawtrace_otel", *arguments]
    said = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert (said.returncode != 0) == fails, said.stderr
    return (said.stdout + said.stderr).decode()
