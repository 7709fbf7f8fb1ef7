"""What findings would prune from real trajectories, against what replaying them without a call showed."""

from __future__ import annotations

import pytest

from costcraft.patch import EvidenceLevel
from tests.costcraft.tau_bench import measure, words
from tests.processors.findings import tau_bench
from tests.support.figures import figure


@pytest.mark.skipif(tau_bench.folder() is None, reason=tau_bench.MISSING)
def test_nothing_that_dataflow_would_prune_changes_the_reward() -> None:
    """No call that is a candidate at level 3 was needed for the reward, nor any that a rule prunes."""
    data = tau_bench.folder()
    assert data is not None
    report = measure(data)
    for line in words(report):
        figure(line)
    strong = [pruned for level, pruned in report.candidates.items() if level >= EvidenceLevel.DATAFLOW]
    assert sum(pruned.count(access=access) for pruned in strong for access in ("read", "write")) >= 20
    for pruned in (*strong, report.admitted):
        assert not pruned.count(access="read", harmful=True)
        assert not pruned.count(access="write", harmful=True)
