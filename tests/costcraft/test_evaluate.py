"""Conditions are compared task by task, and 'cannot tell' is an answer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costcraft.evaluate import LEAST_TASKS, Margins, Regime, Run, Verdict, evaluate
from costcraft.statistics import Interval, bootstrap, change, mcnemar_exact, unchanged_clusters
from tests.costcraft.support import run


def _runs(ratio: float, *, tasks: int = 30, spread: float = 0.05, seeds: int = 1) -> list[Run]:
    generator = random.Random(7)
    runs = []
    for task in range(tasks):
        for seed in range(seeds):
            base = 1 + task * 0.1
            runs.append(run(f"t{task}", "base", str(base * generator.uniform(1 - spread, 1 + spread)), number=seed))
            after = base * ratio * generator.uniform(1 - spread, 1 + spread)
            runs.append(run(f"t{task}", "new", str(after), number=seed))
    return runs


def test_a_clear_saving_is_better() -> None:
    """Thirty tasks at two thirds of the cost with equal outcomes are judged better, with the ratio in its interval."""
    evaluation = evaluate(_runs(0.66), "base", "new", Margins(cost=0.1))
    assert evaluation.verdict is Verdict.BETTER
    assert evaluation.total_cost_ratio is not None
    assert evaluation.total_cost_ratio.low < 0.66 < evaluation.total_cost_ratio.high


def test_a_rise_in_cost_is_worse() -> None:
    """A candidate whose cost rose beyond its interval is judged worse."""
    assert evaluate(_runs(1.3), "base", "new").verdict is Verdict.WORSE


def test_noise_cannot_be_told_from_a_saving() -> None:
    """No change under noise is 'cannot tell', never 'better'."""
    assert evaluate(_runs(1.0, spread=0.4, tasks=20), "base", "new").verdict is Verdict.CANNOT_TELL


def test_regressions_are_named_and_block() -> None:
    """Lost passes are counted as regressions and no saving makes up for them."""
    runs = [run(f"t{i}", "base", "1.0") for i in range(20)]
    runs += [run(f"t{i}", "new", "0.5", passed=i >= 10) for i in range(20)]
    evaluation = evaluate(runs, "base", "new")
    assert evaluation.regimes == {Regime.PASS_PASS: 10, Regime.REGRESSION: 10}
    assert evaluation.mcnemar_p == pytest.approx(2 / 2**10)
    assert evaluation.verdict is Verdict.WORSE


@pytest.mark.parametrize(("tasks", "verdict"), [(LEAST_TASKS - 1, Verdict.CANNOT_TELL), (LEAST_TASKS, Verdict.BETTER)])
def test_a_handful_of_tasks_gives_no_verdict(tasks: int, verdict: Verdict) -> None:
    """However clear the figures, fewer tasks than a sign test needs for p <= 0.05 are 'cannot tell'."""
    assert evaluate(_runs(0.5, tasks=tasks, seeds=3), "base", "new", Margins(quality=0.3)).verdict is verdict
    rise = Verdict.WORSE if verdict is Verdict.BETTER else verdict
    assert evaluate(_runs(2.0, tasks=tasks, seeds=3), "base", "new").verdict is rise
    assert (2 / 2**tasks <= 0.05) is (tasks >= LEAST_TASKS)


@pytest.mark.parametrize(("tasks", "verdict"), [(20, Verdict.CANNOT_TELL), (30, Verdict.BETTER)])
def test_few_tasks_do_not_show_that_quality_held(tasks: int, verdict: Verdict) -> None:
    """That no outcome changed says little where tasks are few: the interval has a width, and the margin decides."""
    evaluation = evaluate(_runs(0.5, tasks=tasks, seeds=2), "base", "new", Margins(quality=0.05))
    assert evaluation.quality_difference is not None
    assert evaluation.quality_difference.estimate == 0
    assert evaluation.quality_difference.low == -evaluation.quality_difference.high < 0
    assert evaluation.verdict is verdict
    told = any("29 tasks without a change would rule it out" in reason for reason in evaluation.reasons)
    assert told is (verdict is Verdict.CANNOT_TELL)


@pytest.mark.parametrize("margin", [0.01, 0.05, 0.2])
def test_as_many_tasks_as_a_margin_asks_for_are_enough(margin: float) -> None:
    """So many unchanged tasks keep the interval within the margin, one fewer does not; no number does within 0."""
    count = unchanged_clusters(-margin)
    assert count is not None
    assert change([[0.0]] * count).low >= -margin > change([[0.0]] * (count - 1)).low
    assert unchanged_clusters(0.0) is None


@pytest.mark.parametrize("tasks", [6, 12])
def test_intervals_cover_a_known_ratio_also_where_tasks_are_few(tasks: int) -> None:
    """Conditions without a difference are told apart about as often as a 95 % interval may be wrong."""
    generator, wrong, trials = random.Random(tasks), 0, 200
    for _ in range(trials):
        logs = [[generator.gauss(0, 0.2)] for _ in range(tasks)]
        interval = bootstrap(logs, lambda found: sum(found) / len(found), resamples=1000, seed=1)
        wrong += not interval.low <= 0 <= interval.high
    assert wrong / trials <= 0.08


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=3), min_size=1, max_size=40))
def test_an_interval_of_changes_holds_its_estimate(changes: list[list[float]]) -> None:
    """A mean change lies in its interval, which has a width and stays between -1 and 1; mirrored changes mirror it."""
    found = change(changes)
    assert -1 <= found.low <= found.estimate <= found.high <= 1
    assert found.low < found.high
    mirrored = change([[-value for value in cluster] for cluster in changes])
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))


def test_tasks_without_an_outcome_or_a_cost_do_not_count() -> None:
    """Only tasks whose outcome and cost are known on both sides count toward a verdict."""
    known = _runs(0.5, tasks=LEAST_TASKS - 1)
    blind = [run("u", "base", "1", passed=None), run("u", "new", "0.5", passed=None)]
    unpriced = [run("v", "base", None), run("v", "new", None)]
    assert evaluate([*known, *blind, *unpriced], "base", "new").verdict is Verdict.CANNOT_TELL


def test_unknown_outcomes_and_costs_are_not_guessed() -> None:
    """Pairs without outcomes give no quality figure and the verdict says why."""
    evaluation = evaluate([run("t", "base", "1", passed=None), run("t", "new", "1", passed=None)], "base", "new")
    assert evaluation.quality_difference is None
    assert (evaluation.verdict, evaluation.reasons) == (
        Verdict.CANNOT_TELL,
        ("no pair of sessions has outcomes on both sides",),
    )


def test_the_noise_floor_needs_repeats() -> None:
    """The baseline against itself is known only where a task has two baseline runs."""
    assert evaluate(_runs(0.9), "base", "new").noise_floor is None
    floor = evaluate(_runs(0.9, seeds=2), "base", "new").noise_floor
    assert floor is not None
    assert floor.low < 1 < floor.high


def test_order_does_not_matter() -> None:
    """The same runs in any order give the same evaluation."""
    runs = _runs(0.8, seeds=2)
    shuffled = random.Random(3).sample(runs, len(runs))
    assert evaluate(runs, "base", "new") == evaluate(shuffled, "base", "new")


def test_repeated_runs_of_a_task_are_one_piece_of_evidence() -> None:
    """Ten regressions of one task prove no more than one; a task that went both ways equally often proves nothing."""
    runs = [run("t", "base", "1", number=n) for n in range(10)]
    runs += [run("t", "new", "1", passed=False, number=n) for n in range(10)]
    runs += [run("u", "base", "1", passed=n == 0, number=n) for n in range(2)]
    runs += [run("u", "new", "1", passed=n == 1, number=n) for n in range(2)]
    evaluation = evaluate(runs, "base", "new")
    assert evaluation.regimes == {Regime.REGRESSION: 11, Regime.RECOVERY: 1}
    assert evaluation.mcnemar_p == mcnemar_exact(1, 0) == 1.0


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_a_symmetric_probability(worse: int, better: int) -> None:
    """The exact test is between 0 and 1 and does not care which side is called worse."""
    assert 0 < mcnemar_exact(worse, better) == mcnemar_exact(better, worse) <= 1


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Over 200 samples of a known mean, the 95 % interval holds it between 88 % and 99 % of the time."""
    generator = random.Random(11)
    covered = 0
    for sample in range(200):
        clusters = [[generator.gauss(0.7, 0.2)] for _ in range(30)]
        interval = bootstrap(clusters, lambda members: sum(members) / len(members), resamples=400, seed=sample)
        covered += interval.low <= 0.7 <= interval.high
    assert 176 <= covered <= 198


def test_an_interval_prints_with_its_bounds() -> None:
    """A figure is never shown without its interval."""
    assert f"{Interval(0.5, 0.25, 0.75):.2f}" == "0.50 (0.25 to 0.75)"
