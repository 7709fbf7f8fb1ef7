"""Stronger evidence for a patch: its counterfactuals are replayed where the user has an environment.

Patches come from the analysts and go on to `merge`: raised to `REPLAYED`, unchanged, or lowered to `ARGUED`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costcraft.case import Cases
from costcraft.patch import Action, Counterfactual, EvidenceLevel, SkillPatch
from costcraft.progress import Progress, silent
from costcraft.replay import Replayer


def replayed(
    patches: Sequence[SkillPatch], cases: Cases, replayer: Replayer, progress: Progress = silent
) -> Iterator[SkillPatch]:
    """Yield the patches with replayed counterfactuals.

    A prune whose steps the oracle turns out to need is lowered to `ARGUED`, which `merge` refuses. A replay raises only
    dataflow evidence: it cannot see what a model learned from a read.
    """
    for done, patch in enumerate(patches, 1):
        progress("replays", done, len(patches))
        if patch.action is not Action.PRUNE:
            yield patch
            continue
        tried = tuple(_tried(counterfactual, cases, replayer) for counterfactual in patch.counterfactuals)
        yield patch.model_copy(update={"counterfactuals": tried})


def _tried(counterfactual: Counterfactual, cases: Cases, replayer: Replayer) -> Counterfactual:
    verdict = replayer.verdict(cases.by_id[counterfactual.session_id], counterfactual.step_ids)
    if verdict is None or not verdict.passes_with:
        return counterfactual
    if not verdict.removable:
        argument = "the oracle fails when the session is replayed without the steps"
        return counterfactual.model_copy(update={"level": EvidenceLevel.ARGUED, "argument": argument})
    if counterfactual.level < EvidenceLevel.DATAFLOW:
        return counterfactual
    argument = f"{counterfactual.argument}; and the oracle passes when the session is replayed without it"
    return counterfactual.model_copy(update={"level": EvidenceLevel.REPLAYED, "argument": argument})
