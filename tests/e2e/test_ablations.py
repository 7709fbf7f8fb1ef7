"""Switches that take a part of CostCraft away: what the blind arm sees does not depend on any price."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from clawtrace_otel.cli.case_reader import Wanted, read_cases
from clawtrace_otel.cli.http import HttpClient
from clawtrace_otel.cli.reader import HttpReader
from costcraft.ablation import Ablation
from costcraft.analysts import RulesAnalyst
from costcraft.analysts.llm import LlmAnalyst
from costcraft.case import Cases
from costcraft.llm import Models
from costcraft.patch import Action, EvidenceLevel, SkillPatch
from tests.e2e.test_costcraft import BASE, clawtrace, run_desk
from tests.support.collector import RunningCollector

OTHER_PRICES = """
prices:
- model: gpt-4o-mini*
  usd_per_million_tokens: {input: 0.01, output: 900.0, cache_read: 70.0}
"""
BLIND = Ablation(cost=False)


def reader(collector: RunningCollector) -> HttpReader:
    """Return what reads from a collector."""
    return HttpReader(HttpClient(collector.http))


def questions(cases: Cases, ablation: Ablation) -> list[str]:
    """Return everything that a model would be told."""
    models = Models("openai:gpt-5", lambda _model, _usage: None, Path("unused"))
    asked = LlmAnalyst(models, ablation).questions(cases)
    return [question.instructions + question.prompt for _, question in asked]


def test_the_blind_arm_does_not_depend_on_prices(
    start_collector: Callable[..., RunningCollector], tmp_path: Path
) -> None:
    """With every price changed, the arm without costs reads, is told and proposes the same; the other does not."""
    prices = tmp_path / "prices.yaml"
    prices.write_text(OTHER_PRICES, encoding="utf-8")
    first = start_collector()
    run_desk(first, BASE, "base")
    views = [Wanted(costs=False, results=True), Wanted(results=True)]
    blind, seeing = (read_cases(reader(first), wanted) for wanted in views)
    first.stop()
    second = start_collector("--prices", str(prices))
    reader(second).compile(everything=True)
    blind_again, seeing_again = (read_cases(reader(second), wanted) for wanted in views)

    assert [c.cost_usd for c in seeing.by_id.values()] != [c.cost_usd for c in seeing_again.by_id.values()]
    assert questions(seeing, Ablation()) != questions(seeing_again, Ablation())
    assert blind == blind_again
    assert questions(blind, BLIND) == questions(blind_again, BLIND)
    assert not any("usd" in said.lower() for said in questions(blind, BLIND))
    assert list(RulesAnalyst(BLIND).propose(blind)) == list(RulesAnalyst(BLIND).propose(blind_again))


SWITCHES: dict[str, tuple[set[str], EvidenceLevel]] = {
    "--no-cost": ({"get_order", "list_shipments"}, EvidenceLevel.FLAGGED),
    "--no-prune": (set(), EvidenceLevel.FLAGGED),
    "--no-counterfactual": ({"list_shipments"}, EvidenceLevel.ARGUED),
}


def test_switches_take_their_part_away(collector: RunningCollector, tmp_path: Path) -> None:
    """Without costs no saving is known, without prunes there is none, without counterfactuals price alone decides."""
    run_desk(collector, BASE, "base")
    for switch, (pruned, level) in SWITCHES.items():
        out = tmp_path / switch
        clawtrace(collector, "distill", "--skill", str(BASE), "--out", str(out), switch)
        skill = (out / "SKILL.md").read_text(encoding="utf-8")
        patches = [SkillPatch.model_validate(patch) for patch in json.loads((out / "patches.json").read_bytes())]
        prunes = [patch for patch in patches if patch.action is Action.PRUNE and patch.rule in skill]
        assert {patch.target.partition(":")[2] for patch in prunes} == pruned, switch
        assert all(patch.level >= level for patch in prunes), switch
        assert all(c.saving_usd is None for patch in prunes for c in patch.counterfactuals), switch
        assert "call `confirm_order` before you finish" in skill
