"""Sessions over OTLP to a skill, and the same agent again under it: cheaper, repaired, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.collector import JSON, RunningCollector

ROOT = Path(__file__).parents[2]
BASE = ROOT / "examples" / "order_desk" / "SKILL.md"


def run_desk(collector: RunningCollector, skill: Path, condition: str) -> list[dict[str, object]]:
    """Run every task of the order desk under a skill and report the verdicts."""
    environment = os.environ | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    command = [sys.executable, "-m", "examples.order_desk", "--skill", str(skill), "--condition", condition]
    ran = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=120)
    verdicts = [json.loads(line) for line in ran.stdout.splitlines()]
    clawtrace(collector, "compile")
    said = collector.sql(
        f"SELECT session_id, bool_and(passed) AS passed FROM outcomes WHERE condition = '{condition}' GROUP BY 1"
    )
    assert {row["session_id"]: row["passed"] for row in said} == {v["session_id"]: v["passed"] for v in verdicts}
    for verdict in verdicts:
        report = {"passed": verdict["passed"], "checks": verdict["checks"]}
        path = f"/api/sessions/{verdict['session_id']}/outcome"
        answer = collector.request("POST", path, json.dumps(report).encode(), Content_Type=JSON)
        assert answer.status < 300, answer.body
    clawtrace(collector, "compile")
    return verdicts


def clawtrace(collector: RunningCollector, *arguments: str) -> str:
    """Run a command against the collector and return what it prints."""
    environment = os.environ | {"CLAWTRACE_ENDPOINT": collector.http}
    command = [sys.executable, "-m", "clawtrace_otel", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_distilled_skill_makes_the_agent_cheaper_and_better(collector: RunningCollector, tmp_path: Path) -> None:
    """The planted waste is pruned, the planted failure repaired, and a second run under the skill proves both."""
    base = run_desk(collector, BASE, "base")
    assert sum(not verdict["passed"] for verdict in base) == 4
    environment = "examples.order_desk.desk:OrderDesk"
    clawtrace(collector, "distill", "--skill", str(BASE), "--out", str(tmp_path), "--environment", environment)

    skill = (tmp_path / "SKILL.md").read_text(encoding="utf-8")
    assert "Do not call `get_order` again with the same arguments" in skill
    assert "Skip `list_shipments` unless" in skill
    assert "call `confirm_order` before you finish" in skill
    assert "`update_address` again" not in skill
    assert "Skip `update_address`" not in skill
    assert "Skip `get_order`" not in skill

    stored = collector.sql("SELECT markdown FROM skills")
    assert [row["markdown"] for row in stored] == [skill]
    rules = "SELECT rule, session_ids, span_ids, accepted FROM patches ORDER BY patch_id, recorded_at"
    before = collector.sql(rules)
    assert sum(row["accepted"] for row in before) == 3
    assert all((row["rule"] in skill) is row["accepted"] for row in before)
    spans = {row["span_id"] for row in collector.sql("SELECT span_id FROM spans")}
    assert all(spans.issuperset(row["span_ids"]) for row in before)
    report = (tmp_path / "report.md").read_bytes()
    clawtrace(collector, "distill", "--skill", str(BASE), "--out", str(tmp_path), "--environment", environment)
    assert collector.sql(rules) == before
    assert ((tmp_path / "report.md").read_bytes(), (tmp_path / "SKILL.md").read_text("utf-8")) == (report, skill)

    second = tmp_path / "second"
    clawtrace(collector, "distill", "--skill", str(tmp_path / "SKILL.md"), "--out", str(second))
    assert (second / "SKILL.md").read_text("utf-8") == skill, "the same sessions were counted twice"

    distilled = run_desk(collector, tmp_path / "SKILL.md", "distilled")
    assert all(verdict["passed"] for verdict in distilled)
    plot = tmp_path / "plot.svg"
    judged = json.loads(
        clawtrace(
            collector,
            "evaluate",
            "--baseline",
            "base",
            "--candidate",
            "distilled",
            "--format",
            "json",
            "--plot",
            str(plot),
        )
    )
    assert judged["verdict"] == "better"
    assert judged["regimes"] == {"pass->pass": 8, "recovery": 4}
    assert judged["total_cost_ratio"][2] < 1
    assert plot.read_text(encoding="utf-8").startswith("<svg")
