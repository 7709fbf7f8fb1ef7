"""A lake's groups compiled on a cluster: its machines read the telemetry themselves, this process stores the rows."""

from __future__ import annotations

import os
import pickle
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final, cast

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.making import TOGETHER_IN_LAKE
from clawtrace_otel.cli.spread import CompileFromLake
from clawtrace_otel.cli.spread_codec import unpacked

if TYPE_CHECKING:
    from clawtrace_otel.cli.making import Made
    from clawtrace_otel.cli.spark import Spark
    from collector.store import Group
    from collector.store.lake_address import LakeAddress
    from processors.pricing.overrides import PriceText

_OF_STORAGE: Final = ("AWS_", "PG")
_TASKS_PER_CORE: Final = 4


@dataclass(frozen=True, slots=True)
class LakeMaker:
    """Compiles groups of a lake that all machines of a cluster can reach."""

    spark: Spark
    address: LakeAddress
    prices: PriceText | None

    def made(self, groups: Iterable[Group]) -> Generator[Made, None, None]:
        """Yield what became of each group, in order; what the machines could not load for now is left out."""
        task = CompileFromLake(self.address, _environment(os.environ), self.prices)
        parts = [pickle.dumps(some) for some in shares(list(groups), self.spark.cores)]
        yield from (cast("Made", unpacked(each)) for each in self.spark.run(parts, task))

    def close(self) -> None:
        """Do nothing: the application ends with the command."""


def shares(groups: Sequence[Group], cores: int) -> list[Sequence[Group]]:
    """Cut groups into tasks, neighbours together: what arrived together lies together, and is read together."""
    size = max(1, min(TOGETHER_IN_LAKE, ceil(len(groups) / (_TASKS_PER_CORE * cores))))
    return [groups[first : first + size] for first in range(0, len(groups), size)]


def check_shared(address: LakeAddress) -> None:
    """Raise CliError for a lake that only one process can have open."""
    if not address.is_shared:
        raise CliError(
            "a catalog in a file is for one process: --engine spark needs ducklake:postgres:DSN, or --from an export"
        )


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_OF_STORAGE)}
