"""Distilling many stored sessions with the rules analyst, and merging many patches: time and memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from costcraft.merge import merge
from costcraft.patch import SkillPatch
from tests.costcraft.support import prune
from tests.support.collector import RunningCollector, running_collector

SESSIONS = 2_000
PATCHES = 10_000
ROOT = Path(__file__).parents[2]
SKILL = ROOT / "examples" / "order_desk" / "SKILL.md"
MEASURED = """
import resource, sys
from clawtrace_otel.cli.app import main
code = main(sys.argv[1:])
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print("peak MiB", resource.getrusage(who).ru_maxrss // 1024)
sys.exit(code)
"""


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run_desk(collector: RunningCollector) -> None:
    """Let the order desk's agent do many tasks, and compile its sessions."""
    sends = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    command = [sys.executable, "-m", "examples.order_desk", "--tasks", str(SESSIONS)]
    subprocess.run(command, cwd=ROOT, env=os.environ | sends, check=True, stdout=subprocess.DEVNULL)
    compile_ = [sys.executable, "-m", "clawtrace_otel", "compile", "--endpoint", collector.http]
    subprocess.run(compile_, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def distil(collector: RunningCollector, out: Path, *more: str) -> str:
    """Distil everything, and return how much memory that took at most."""
    given = ["distill", "--skill", str(SKILL), "--out", str(out), *more]
    environment = os.environ | {"CLAWTRACE_ENDPOINT": collector.http}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *given],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return ", ".join(line for line in done.stdout.splitlines() if line.startswith("peak"))


def patches() -> list[SkillPatch]:
    """Return patches on many tools, some of which say the same in other words."""
    generator = random.Random(5)
    words = ("reuse", "skip", "check", "order", "file", "result", "once", "before", "after", "never", "needed")
    return [
        prune(
            f"Use `tool_{number % 50}` " + " ".join(generator.choices(words, k=9)),
            sessions=(f"s{number}",),
            target=f"tool:tool_{number % 50}",
        )
        for number in range(PATCHES)
    ]


def main() -> None:
    """Print seconds and memory of each."""
    with tempfile.TemporaryDirectory() as folder, running_collector(Path(folder) / "desk.duckdb") as collector:
        seconds = timed(lambda: run_desk(collector))
        print(f"order desk  {SESSIONS} sessions run and compiled: {seconds:.1f} s")  # noqa: T201
        for name, more in (
            ("rules", ()),
            ("rules, with replays", ("--environment", "examples.order_desk.desk:OrderDesk")),
            ("rules, replays kept", ("--environment", "examples.order_desk.desk:OrderDesk")),
        ):
            started = time.perf_counter()
            peak = distil(collector, Path(folder) / name.partition(",")[0], *more)
            print(f"distill     {name}: {time.perf_counter() - started:.1f} s, {peak}")  # noqa: T201
    many = patches()
    print(f"merge       {PATCHES} patches: {timed(lambda: merge(many)):.1f} s")  # noqa: T201


if __name__ == "__main__":
    main()
