"""Fuzzing as a check: so many seconds per target, executions counted, what breaks a target kept."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from tests.reliability.check import INPUT, Check
from tests.reliability.fuzz.mutate import mutations
from tests.reliability.fuzz.targets import TARGETS, Target

CRASHES = Path(__file__).parent.parent.parent.parent / "build" / "reliability" / "crashes"
SECONDS = 10
_EXECUTED = "stat::number_of_executed_units:"
_LARGEST_INPUT = 32_000
_SEED = 2026


def fuzzed(target: Target, folder: Path) -> tuple[str, str]:
    """Feed a target for some seconds at random, and twice as many by coverage where atheris is installed."""
    corpus = folder / "corpus"
    corpus.mkdir()
    first_inputs = target.first_inputs()
    for number, content in enumerate(first_inputs):
        (corpus / str(number)).write_bytes(content)
    started = time.perf_counter()
    executions, how = _by_mutation(target), "mutated at random"
    if importlib.util.find_spec("atheris") is not None:
        guided = _by_coverage(target, corpus)
        executions, how = executions + guided, f"mutated at random, {guided:,} of them guided by coverage"
    took = time.perf_counter() - started
    measured = f"{executions:,} inputs in {took:.0f} s {how}, from {len(first_inputs)} real ones"
    return measured, "nothing broke: accepted, or refused with the expected error"


def _by_mutation(target: Target) -> int:
    executions, end = 0, time.monotonic() + SECONDS / 2
    for data in mutations(target.first_inputs(), _SEED):
        if time.monotonic() > end:
            break
        try:
            target.feed(data)
        except BaseException:
            CRASHES.mkdir(parents=True, exist_ok=True)
            (CRASHES / f"{target.name}-{executions}").write_bytes(data)
            raise
        executions += 1
    return executions


def _by_coverage(target: Target, corpus: Path) -> int:
    command = [
        *(sys.executable, "-m", "tests.reliability.fuzz.atheris_run", target.name, str(corpus)),
        *(f"-max_total_time={SECONDS}", f"-max_len={_LARGEST_INPUT}", f"-seed={_SEED}", "-timeout=20"),
        *("-print_final_stats=1", f"-artifact_prefix={corpus.parent}/"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        CRASHES.mkdir(parents=True, exist_ok=True)
        for found in corpus.parent.glob("*-*"):
            shutil.copy(found, CRASHES / f"{target.name}-{found.name}")
        told = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith(("#", "INFO"))]
        raise AssertionError(f"{CRASHES}: " + " / ".join(told[-40:])[:1_500])
    return int(done.stderr.partition(_EXECUTED)[2].split()[0])


FUZZING = tuple(
    Check(f"fuzz-{target.name}", INPUT, f"fuzzing: {target.title}", partial(fuzzed, target), 180) for target in TARGETS
)
