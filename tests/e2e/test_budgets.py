"""Budgets of a real collector: over HTTP in, a view, a metric and a webhook out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clawtrace_otel.cli.app import main
from tests.conftest import StartCollector
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request
from tests.support.webhook import Receiver, receiving

BREACHES = "SELECT rule, per, session_id, amount_usd, limit_usd, unknown_count FROM budget_breaches ORDER BY rule"


def budgets(path: Path, receiver: Receiver | None = None) -> Path:
    """Write limits that one session of sixteen calls keeps, and a day of two breaks."""
    webhook = "" if receiver is None else f"webhook: {receiver.url}\n"
    path.write_text(
        f"{webhook}budgets:\n"
        "- {rule: session-cap, per: session, limit_usd: 1}\n"
        "- {rule: a-day, per: day, limit_usd: 0.0007}\n"
        "- {rule: tiny, per: session, limit_usd: 0}\n"
    )
    return path


def send(collector: RunningCollector, numbers: range) -> None:
    """Send whole sessions and compile them."""
    answer = collector.request("POST", "/v1/traces", request(numbers), Content_Type=PROTOBUF)
    assert answer.status == 200
    collector.compile()


def test_a_breach_is_in_the_view_the_metric_and_the_webhook_once(
    start_collector: StartCollector, tmp_path: Path
) -> None:
    """Compiling everything again neither loses, doubles, counts nor posts it again."""
    with receiving(503) as receiver:
        collector = start_collector("--budgets", str(budgets(tmp_path / "b.yaml", receiver)))
        send(collector, range(16))
        first = collector.sql(BREACHES)
        assert [(row["rule"], row["per"]) for row in first] == [("tiny", "session")]
        send(collector, range(16, 32))
        rows = collector.sql(BREACHES)
        assert [row["rule"] for row in rows] == ["a-day", "tiny", "tiny"]
        assert {row["session_id"] for row in rows} == {row["session_id"] for row in collector.sql("FROM sessions")}
        costs = [float(row["cost_usd"]) for row in collector.sql("SELECT cost_usd FROM sessions")]
        assert float(rows[0]["amount_usd"]) == pytest.approx(sum(costs), abs=1e-12)
        said = [receiver.next() for _ in range(4)]
        assert sorted(each["rule"] for each in said[1:]) == ["a-day", "tiny", "tiny"], "the first was answered 503"
        for _ in range(2):
            collector.request("POST", "/api/compile?all=true", b"")
        assert collector.sql(BREACHES) == rows
        exposed = collector.request("GET", "/metrics").body.decode()
        assert 'clawtrace_budget_breaches_total{rule="tiny"} 2.0' in exposed
        assert 'clawtrace_budget_breaches_total{rule="a-day"} 1.0' in exposed
        assert 'clawtrace_budget_breaches_total{rule="session-cap"} 0.0' in exposed
        assert collector.stop() == 0
        assert receiver.all() == []
    assert "budget a-day: the day " in collector.logged()
    assert "SECRET" not in collector.logged()


def test_a_webhook_that_was_down_is_told_after_a_crash(start_collector: StartCollector, tmp_path: Path) -> None:
    """Neither a webhook that nobody listens on nor kill -9 loses a message."""
    database = tmp_path / "killed.duckdb"
    with receiving() as receiver:
        rules, port = budgets(tmp_path / "b.yaml", receiver), receiver.port
    collector = start_collector("--budgets", str(rules), database=database)
    send(collector, range(16))
    assert collector.sql("SELECT posted_at FROM budget_breaches") == [{"posted_at": None}]
    collector.kill()
    with receiving(port=port) as receiver:
        again = start_collector("--budgets", str(rules), database=database)
        assert receiver.next()["rule"] == "tiny"
        assert again.stop() == 0
        assert receiver.all() == []


def test_calls_without_a_price_are_said_and_are_no_breach(start_collector: StartCollector, tmp_path: Path) -> None:
    """Where nothing is known of a cost the budget is neither broken nor kept: it is a gap with its number of calls."""
    unknown = request(range(16)).replace(b"gpt-4o-mini", b"our-llama-7")
    collector = start_collector("--budgets", str(budgets(tmp_path / "b.yaml")))
    collector.request("POST", "/v1/traces", unknown, Content_Type=PROTOBUF)
    collector.compile()
    assert collector.sql(BREACHES) == []
    gaps = collector.sql("SELECT rule, amount_usd, unknown_count FROM budget_gaps ORDER BY rule")
    assert gaps == [
        {"rule": rule, "amount_usd": None, "unknown_count": 16} for rule in ("a-day", "session-cap", "tiny")
    ]


def test_a_file_alone_is_judged_by_compile(tmp_path: Path, start_collector: StartCollector) -> None:
    """`compile --budgets` on a file stores and posts; through a collector it says whose budgets count."""
    database = tmp_path / "alone.duckdb"
    collector = start_collector(database=database)
    send(collector, range(16))
    command = [sys.executable, "-m", "clawtrace_otel", "compile", "--all", "--db", str(database), "--budgets"]
    with receiving() as receiver:
        rules = budgets(tmp_path / "b.yaml", receiver)
        refused = subprocess.run([*command, str(rules)], capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert "clawtrace serve --budgets" in refused.stderr
        collector.stop()
        done = subprocess.run([*command, str(rules)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert [said["rule"] for said in receiver.all()] == ["tiny"]


def test_wrong_budgets_stop_it_before_it_starts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A mistake in the file is named with its line, an unset variable by its name."""
    path = tmp_path / "b.yaml"
    for text, said in (
        ("budgets:\n- {rule: a, per: month, limit_usd: 1}\n", "line 2"),
        ("webhook_from: NO_SUCH_HOOK\nbudgets:\n- {rule: a, per: day, limit_usd: 1}\n", "NO_SUCH_HOOK is not set"),
    ):
        path.write_text(text)
        assert main(["serve", "--db", str(tmp_path / "c.duckdb"), "--budgets", str(path)]) == 1
        assert said in capfd.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "c.duckdb").exists()
