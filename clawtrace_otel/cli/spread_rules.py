"""The `rules` analyst on a cluster: it reads cases there, share by share; loading and merging stay here."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from clawtrace_otel.cli.spread_codec import packed, parts_of, unpacked
from costcraft.analysts import RulesAnalyst

if TYPE_CHECKING:
    import pyarrow as pa

    from clawtrace_otel.cli.spark import Spark
    from costcraft.ablation import Ablation
    from costcraft.case import Cases
    from costcraft.patch import SkillPatch


@dataclass(frozen=True, slots=True)
class ProposeOfShares:
    """Proposes patches of each share of the cases."""

    ablation: Ablation

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield one list of patches a share."""
        analyst = RulesAnalyst(self.ablation)
        for share in parts_of(batches):
            yield packed(list(analyst.of_share(share)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadRulesAnalyst(RulesAnalyst):
    """Proposes what `RulesAnalyst` proposes, in the same order."""

    spark: Spark

    def propose(self, cases: Cases) -> Iterator[SkillPatch]:
        """Yield the patches of every share."""
        shares = [pickle.dumps(share) for share in self.shares(cases)]
        for result in self.spark.run(shares, ProposeOfShares(self.ablation)):
            yield from cast("list[SkillPatch]", unpacked(result))
