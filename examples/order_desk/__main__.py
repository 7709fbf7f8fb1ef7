"""Runs every task under a skill, traced, and prints each session's verdict as one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from .desk import TASKS, tasks

HERE = Path(__file__).parent


def main() -> None:
    """Run the desk's tasks once."""
    parser = argparse.ArgumentParser(prog="python -m examples.order_desk", description=main.__doc__)
    parser.add_argument("--skill", type=Path, default=HERE / "SKILL.md", help="the SKILL.md that the agent obeys")
    parser.add_argument("--condition", default="base", help="the label of these sessions")
    parser.add_argument("--tasks", type=int, default=TASKS, metavar="N", help="how many tasks to do")
    given = parser.parse_args()
    os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    os.environ.setdefault("OTEL_SERVICE_NAME", "order-desk")

    from clawtrace_otel import configure  # noqa: PLC0415 - reads the environment that was just completed

    from .agent import run  # noqa: PLC0415

    telemetry = configure()
    skill = given.skill.read_text(encoding="utf-8")
    for task_id in tasks(given.tasks):
        verdict = run(task_id, skill, given.condition)
        checks = [{**asdict(check), "passed": check.passed} for check in verdict.checks]
        print(
            json.dumps(
                {"session_id": verdict.session_id, "task_id": task_id, "passed": verdict.passed, "checks": checks}
            )
        )
    telemetry.shutdown()


if __name__ == "__main__":
    main()
