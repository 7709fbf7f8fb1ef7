"""Two conditions compared task by task: did the candidate get cheaper without getting worse?

Sessions with an outcome and a cost come in, paired by task; out goes an `Evaluation` with regimes, McNemar's exact
test on the outcomes, paired bootstrap intervals of the cost (tasks are resampled, since sessions of one task are not
independent), the baseline against itself as noise floor, and a verdict against the user's margins.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from statistics import median

from costcraft.statistics import Interval, bootstrap, change, mcnemar_exact, unchanged_clusters

RESAMPLES = 4000
SEED = 20_260_423
"""Fixed, so that the same sessions give the same report."""
LEAST_TASKS = 6
"""Fewer tasks give no verdict. A change that five of five tasks share has p = 1/16 in a two-sided sign test, and
bootstrap intervals of so few clusters are far too narrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One session as an evaluation sees it."""

    session_id: str
    task_id: str
    condition: str
    passed: bool | None
    score: float | None
    cost_usd: Decimal | None
    started_at: int = 0


class Regime(StrEnum):
    """What happened to a pair."""

    PASS_PASS = "pass->pass"  # noqa: S105 - an outcome, no password
    REGRESSION = "regression"
    RECOVERY = "recovery"
    FAIL_FAIL = "fail->fail"
    PARTIAL_UP = "partial up"
    PARTIAL_DOWN = "partial down"
    UNJUDGED = "unjudged"


class Verdict(StrEnum):
    """What the figures support."""

    BETTER = "better"
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Margins:
    """The user's margins, as shares: quality may fall by less than `quality`, cost must fall by at least `cost`."""

    quality: float = 0.05
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The same task under both conditions."""

    task_id: str
    baseline: Run
    candidate: Run

    @property
    def cost_ratio(self) -> float | None:
        """Candidate's cost over baseline's; None where either is unknown or the baseline cost nothing."""
        before, after = self.baseline.cost_usd, self.candidate.cost_usd
        return float(after / before) if before and after is not None else None

    @property
    def regime(self) -> Regime:
        """How the outcome changed; a changed score between two failures is partial."""
        before, after = self.baseline, self.candidate
        if before.passed is None or after.passed is None:
            return Regime.UNJUDGED
        if before.passed and after.passed:
            return Regime.PASS_PASS
        if before.passed != after.passed:
            return Regime.RECOVERY if after.passed else Regime.REGRESSION
        if before.score is not None and after.score is not None and before.score != after.score:
            return Regime.PARTIAL_UP if after.score > before.score else Regime.PARTIAL_DOWN
        return Regime.FAIL_FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Everything `clawtrace evaluate` reports. Ratios below 1 mean that the candidate is cheaper."""

    baseline: str
    candidate: str
    pairs: tuple[Pair, ...]
    unpaired_tasks: tuple[str, ...]
    regimes: dict[Regime, int]
    mcnemar_p: float | None
    """Over tasks, two-sided."""
    quality_difference: Interval | None
    """Pass rate of the candidate minus that of the baseline."""
    median_cost_ratio: Interval | None
    total_cost_ratio: Interval | None
    noise_floor: Interval | None
    """Cost ratio between two halves of the baseline (an A/A split); None where no task has two baseline runs."""
    verdict: Verdict
    reasons: tuple[str, ...]


def evaluate(runs: Iterable[Run], baseline: str, candidate: str, margins: Margins | None = None) -> Evaluation:
    """Compare two conditions. The same runs in any order give the same evaluation."""
    margins = margins or Margins()
    before, after = _by_task(runs, baseline, candidate)
    pairs = _pair(before, after)
    judged = [pair for pair in pairs if pair.regime is not Regime.UNJUDGED]
    priced = [pair for pair in pairs if pair.cost_ratio is not None]
    quality = _quality_difference(judged)
    total = _interval(priced, _total_ratio)
    tasks = {pair.task_id for pair in judged} & {pair.task_id for pair in priced}
    verdict, reasons = _judge(quality, total, margins, len(tasks))
    regimes = Counter(pair.regime for pair in pairs)
    return Evaluation(
        baseline=baseline,
        candidate=candidate,
        pairs=tuple(pairs),
        unpaired_tasks=tuple(sorted(set(before) ^ set(after))),
        regimes={regime: regimes[regime] for regime in Regime if regimes[regime]},
        mcnemar_p=_mcnemar(judged) if judged else None,
        quality_difference=quality,
        median_cost_ratio=_interval(priced, _median_ratio),
        total_cost_ratio=total,
        noise_floor=_noise_floor(before),
        verdict=verdict,
        reasons=reasons,
    )


def _by_task(runs: Iterable[Run], *conditions: str) -> tuple[dict[str, list[Run]], ...]:
    found: dict[str, dict[str, list[Run]]] = {condition: {} for condition in conditions}
    for run in sorted(runs, key=lambda run: (run.task_id, run.started_at, run.session_id)):
        if run.condition in found:
            found[run.condition].setdefault(run.task_id, []).append(run)
    return tuple(found[condition] for condition in conditions)


def _pair(before: dict[str, list[Run]], after: dict[str, list[Run]]) -> list[Pair]:
    return [
        Pair(task_id, first, second)
        for task_id in sorted(before.keys() & after.keys())
        for first, second in zip(before[task_id], after[task_id], strict=False)
    ]


def _interval(pairs: Sequence[Pair], figure: Callable[[Sequence[Pair]], float]) -> Interval | None:
    tasks = _tasks(pairs)
    return bootstrap(tasks, figure, resamples=RESAMPLES, seed=SEED) if tasks else None


def _tasks(pairs: Sequence[Pair]) -> list[list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.task_id, []).append(pair)
    return list(found.values())


def _mcnemar(judged: Sequence[Pair]) -> float:
    """Run McNemar's test over tasks: runs of one task are not independent, so a task counts once, by its majority."""
    net: Counter[str] = Counter()
    for pair in judged:
        net[pair.task_id] += (pair.regime is Regime.REGRESSION) - (pair.regime is Regime.RECOVERY)
    return mcnemar_exact(sum(n > 0 for n in net.values()), sum(n < 0 for n in net.values()))


def _quality_difference(pairs: Sequence[Pair]) -> Interval | None:
    changes = [[float(bool(p.candidate.passed) - bool(p.baseline.passed)) for p in task] for task in _tasks(pairs)]
    return change(changes) if changes else None


def _median_ratio(pairs: Sequence[Pair]) -> float:
    return median(p.cost_ratio for p in pairs if p.cost_ratio is not None)


def _total_ratio(pairs: Sequence[Pair]) -> float:
    before = math.fsum(float(p.baseline.cost_usd or 0) for p in pairs)
    after = math.fsum(float(p.candidate.cost_usd or 0) for p in pairs)
    return after / before


def _noise_floor(baseline: dict[str, list[Run]]) -> Interval | None:
    """Draw two baseline runs per task at random, many times: the cost ratio that no change at all produces."""
    costs = [[float(run.cost_usd) for run in runs if run.cost_usd] for _, runs in sorted(baseline.items())]
    repeated = [task for task in costs if len(task) > 1]
    if not repeated:
        return None
    generator = random.Random(SEED)  # noqa: S311 - resampling, not secrets
    ratios = []
    for _ in range(RESAMPLES):
        halves = [generator.sample(task, 2) for task in repeated]
        ratios.append(math.fsum(a for a, _ in halves) / math.fsum(b for _, b in halves))
    return Interval.of(1.0, ratios)


def _judge(
    quality: Interval | None, cost: Interval | None, margins: Margins, tasks: int
) -> tuple[Verdict, tuple[str, ...]]:
    if quality is None or cost is None:
        missing = "outcomes" if quality is None else "costs"
        return Verdict.CANNOT_TELL, (f"no pair of sessions has {missing} on both sides",)
    if tasks < LEAST_TASKS:
        return Verdict.CANNOT_TELL, (f"at least {LEAST_TASKS} tasks need outcomes and costs on both sides: {tasks} do",)
    reasons = []
    if quality.high < -margins.quality:
        reasons.append(f"quality fell by more than the margin of {margins.quality:.0%}: {quality:+.1%}")
    if cost.low > 1:
        reasons.append(f"cost rose: ratio {cost:.3f}")
    if reasons:
        return Verdict.WORSE, tuple(reasons)
    if quality.low < -margins.quality:
        enough = unchanged_clusters(-margins.quality)
        hint = f"; {enough} tasks without a change would rule it out" if enough is not None and tasks < enough else ""
        reasons.append(f"quality may have fallen by more than {margins.quality:.0%}: {quality:+.1%}{hint}")
    if cost.high > 1 - margins.cost:
        reasons.append(f"cost may not have fallen by {margins.cost:.0%}: ratio {cost:.3f}")
    if reasons:
        return Verdict.CANNOT_TELL, tuple(reasons)
    return Verdict.BETTER, (f"quality {quality:+.1%}, cost ratio {cost:.3f}: both within the margins",)
