"""`python -m tests.reliability [NAME...] [--resume]`: run the checks one after another and write the report."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.reliability.check import Check, Result
from tests.reliability.checks import CHECKS
from tests.reliability.report import DOCS, written

RESULTS = Path(__file__).parent.parent.parent / "build" / "reliability"
_TOLD = 600
"""Characters of a failure that go into the report; all of it goes to stderr."""


def main() -> int:
    """Return 0 where every check that was run passed, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(check.name for check in CHECKS)}; all by default")
    parser.add_argument("--resume", action="store_true", help="keep what passed at this revision")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        return _alone(next(check for check in CHECKS if check.name == asked.alone))
    unknown = set(asked.names) - {check.name for check in CHECKS}
    if unknown:
        parser.error(f"no check is called {', '.join(sorted(unknown))}")
    results = [_result(check, resume=asked.resume) for check in CHECKS if not asked.names or check.name in asked.names]
    (DOCS / "reliability.md").write_text(written(_every()), encoding="utf-8")
    return 0 if all(result.passed for result in results) else 1


def _result(check: Check, *, resume: bool) -> Result:
    """Run one check in a process of its own, so that it can be stopped, and keep its result."""
    before = _kept(check.name)
    if resume and before is not None and before.passed and before.revision == _revision():
        return before
    print(f"{check.name}: {check.title} ...", flush=True)  # noqa: T201 - what a command prints
    load, started = os.getloadavg()[0], time.perf_counter()
    measured, lost, passed = _ran(check)
    took = time.perf_counter() - started
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    result = Result(
        check.name, check.section, check.title, measured, lost, passed, round(took, 1), load, now, _revision()
    )
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{check.name}.json").write_text(json.dumps(result.document(), indent=1), encoding="utf-8")
    print(f"  {'' if passed else 'FAILED: '}{measured} | lost: {lost} | {took:.0f} s", flush=True)  # noqa: T201
    return result


def _ran(check: Check) -> tuple[str, str, bool]:
    command = [sys.executable, "-m", "tests.reliability", "--alone", check.name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=check.limit_s, check=False)
    except subprocess.TimeoutExpired:
        return "", f"not done after {check.limit_s:.0f} s", False
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        sys.stderr.write(done.stderr)
        return "", last[0][:_TOLD], False
    measured, lost = json.loads(done.stdout.splitlines()[-1])
    return measured, lost, True


def _alone(check: Check) -> int:
    with tempfile.TemporaryDirectory(prefix=f"reliability-{check.name}-") as folder:
        print(json.dumps(check.run(Path(folder))))  # noqa: T201 - for the process that started this one
    return 0


def _kept(name: str) -> Result | None:
    try:
        return Result(**json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _every() -> list[Result]:
    return [result for check in CHECKS if (result := _kept(check.name)) is not None]


def _revision() -> str:
    """Return the commit, and whether anything but what this command writes differs from it."""
    written_here = [f":!docs/{name}" for name in ("reliability.md", "soak.svg")]
    commit = _git("rev-parse", "--short", "HEAD") or "an unknown revision"
    return f"{commit}-dirty" if _git("status", "--porcelain", "--", ".", *written_here) else commit


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
