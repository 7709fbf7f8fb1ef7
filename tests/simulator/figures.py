"""`make figures`: how near savings and findings come to the truth, and how large and slow cards are. Never gates."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from collector.store import Signals
from processors.pipeline import compile_group, compile_session
from processors.pricing import price_book
from processors.rows import derived_rows
from tests.processors.findings import tau_bench
from tests.processors.support import RECORDINGS, load_recording
from tests.simulator.judging import BARE, BLIND, CONTENT, Simulated, judge
from tests.simulator.provider import PRICES
from tests.simulator.recording import FULL, Capture, record
from tests.simulator.scenario import Scenario, draw, draw_unusual
from tests.simulator.truth import saved
from tests.support.figures import figure
from tests.support.long_session import long_session

CAPTURES = CONTENT | BLIND | {"a tenth of usage lost": Capture(lost_usage=0.1)}
WITH_CONTENT = ("repeated_call", "failed_retry", "poll_loop", "rephrased_query", "unused_result", "unused_sub_agent")
STEPS_OF_ONE = 20
"""Steps of one session that are left out one by one; each means running it again."""
Errors = dict[tuple[str, str, str], list[float]]


def main() -> None:
    """Print everything, or what is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100, help="simulated sessions of each sort")
    parser.add_argument("--cards", type=int, default=1_000, help="simulated sessions whose cards are measured")
    parser.add_argument(
        "--tau-bench", type=Path, help=f"folder of the airline trajectories, else ${tau_bench.VARIABLE}"
    )
    chosen = parser.parse_args()
    for title, how in (("usual", draw), ("unusual", draw_unusual)):
        sessions = [Simulated.of(seed, how) for seed in range(chosen.sessions)]
        figure(f"\n{title} providers and agents: {len(sessions)} simulated sessions")
        savings(sessions)
        detectors(sessions)
    trajectories(chosen.tau_bench)
    card_sizes(chosen.cards)
    slope()


def savings(sessions: Sequence[Simulated]) -> None:
    """Print the errors of `saving`, per step and per finding of repeated calls."""
    errors: Errors = defaultdict(list)
    for one in sessions:
        for sort, capture, error in _errors(one):
            for kind in _kinds(one):
                errors[sort, capture, kind].append(error)
    figure(
        f"  {'error of saving, per':22} {'captured':30} {'sessions':16} {'n':>6} {'median':>7} {'p90':>7} {'max':>8}"
    )
    for (sort, capture, kind), found in sorted(errors.items()):
        found.sort()
        middle, high = (found[int(share * len(found))] for share in (0.5, 0.9))
        figure(f"  {sort:22} {capture:30} {kind:16} {len(found):6} {middle:7.1%} {high:7.1%} {found[-1]:8.1%}")


def _errors(one: Simulated) -> Iterator[tuple[str, str, float]]:
    truth = {tool.key: saved(one.scenario, one.run, [tool.key]) for tool in one.run.tools[:STEPS_OF_ONE]}
    for name, capture in CAPTURES.items():
        what_if = one.view(capture).what_if
        for step, usd in truth.items():
            saving = what_if.saving([step]) if what_if is not None else None
            if saving is not None and usd:
                yield "step", name, float(abs(saving.usd - usd) / abs(usd))
        for finding in one.findings(capture, "repeated_call"):
            if not finding.soft and finding.saving_usd is not None:
                usd = saved(one.scenario, one.run, finding.step_ids)
                yield "repeated_call finding", name, float(abs(finding.saving_usd - usd) / abs(usd))


def _kinds(one: Simulated) -> Iterator[str]:
    yield "all"
    yield one.scenario.provider
    if one.run.cuts:
        yield "with compaction"
    if len(one.run.agents) > 1:
        yield "with sub-agents"


def detectors(sessions: Sequence[Simulated]) -> None:
    """Print precision and recall of every detector that there is truth for."""
    figure(f"  {'detector':18} {'captured':30} {'right':>6} {'wrong':>6} {'missed':>6} {'precision':>9} {'recall':>7}")
    rows: list[tuple[str, str, Capture]] = [
        *((name, title, capture) for name in WITH_CONTENT for title, capture in CONTENT.items()),
        *(("repeated_call", title, capture) for title, capture in BLIND.items()),
        ("cache_break", "full", FULL),
        ("cache_break", "no agent spans", BARE),
    ]
    for name, title, capture in rows:
        found = judge(sessions, name, capture)
        figure(
            f"  {name:18} {title:30} {found.right:6} {found.wrong:6} {found.missed:6}"
            f" {found.precision:9.3f} {found.recall:7.3f}"
        )


def trajectories(folder: Path | None) -> None:
    """Print precision and recall on real trajectories, or say what is missing."""
    data = folder or tau_bench.folder()
    if data is None:
        figure(f"\ntau_bench: not measured, name its folder with --tau-bench or in ${tau_bench.VARIABLE}")
        return
    figure("\ntau_bench: real airline trajectories, token counts estimated from bytes")
    judged = tau_bench.judged(data)
    for detector, truth in (("unused_result", judged.without_flow()), ("repeated_call", judged.duplicates())):
        figure(f"  {judged.report(detector, truth)}")


def card_sizes(count: int) -> None:
    """Print the sizes of cards, of recordings and of simulated sessions."""
    book = price_book()
    recorded = [
        len(compiled.card.to_yaml().encode())
        for name in RECORDINGS
        for compiled in compile_group(Signals(*load_recording(name)), book)
    ]
    _sizes("recorded", recorded)
    for title, how in (("usual", draw), ("unusual", draw_unusual)):
        _sizes(f"simulated, {title}", [_size(how(seed)) for seed in range(count // 2)])


def _size(scenario: Scenario) -> int:
    session = record(scenario.run(), scenario.provider)
    return len(compile_session(session, PRICES).card.to_yaml().encode())


def _sizes(title: str, sizes: Iterable[int]) -> None:
    ordered = sorted(sizes)
    middle = ordered[len(ordered) // 2]
    figure(f"cards, {title}: {len(ordered)}, median {middle:,} bytes, largest {ordered[-1]:,}")


def slope() -> None:
    """Print how compile time grows with a session's length: telemetry to rows, nothing stored."""
    book = price_book()

    def compile_(signals: Signals) -> None:
        derived_rows(compile_group(signals, book), 1)

    compile_(long_session(50))
    before: tuple[int, float] | None = None
    for steps in (100, 1_000, 10_000):
        took = _seconds(compile_, long_session(steps))
        growth = f", {took / before[1]:.1f} times as long for {steps // before[0]} times as many" if before else ""
        figure(f"compile: {steps:6,} steps in {took:6.2f} s of processor time, {steps / took:,.0f} steps/s{growth}")
        before = steps, took


def _seconds(work: Callable[[Signals], None], signals: Signals) -> float:
    started = time.process_time()
    work(signals)
    return time.process_time() - started


if __name__ == "__main__":
    main()
