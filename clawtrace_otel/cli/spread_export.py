"""An export's telemetry compiled on a cluster, into an export of what was derived from it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from clawtrace_otel.cli.compile_session import compile_session
from clawtrace_otel.cli.compiler import Compiler, CompileSettings
from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.export_views import copy_recorded, recorded_outcomes, scratch_store, view_of
from clawtrace_otel.cli.making import Made
from clawtrace_otel.cli.parquet import write_parquet
from clawtrace_otel.cli.spread import CompileFromRows
from clawtrace_otel.cli.spread_codec import unpacked
from clawtrace_otel.cli.spread_rows import LOG, SPAN, Correlated, Edges, Members
from collector.export import parts
from collector.store.derived import ADDED, PER_SESSION
from collector.store.derived_rows import latest_outcomes
from collector.store.groups import Edge, connected
from processors.normalise.session_keys import CORRELATION_KEYS

if TYPE_CHECKING:
    from clawtrace_otel.cli.spark import Spark
    from collector.api import CompileCounts
    from collector.store import DerivedRows, Group
    from processors.pricing.overrides import PriceText

WRITTEN: Final = frozenset({*PER_SESSION, *ADDED, "outcomes"})
"""The views that are written: all but telemetry, and what only a store with budgets has."""
_NAMES: Final = frozenset(CORRELATION_KEYS)
_GROUPS_PER_TASK: Final = 128
_TASKS_PER_CORE: Final = 4


@dataclass(frozen=True, slots=True)
class ExportMaker:
    """Compiles the groups of an export that all machines of a cluster see."""

    spark: Spark
    place: str
    verdicts: Mapping[str, Mapping[str, object]]
    """The latest recorded verdict by session id."""
    prices: PriceText | None

    def edges(self) -> list[Edge]:
        """Return what in the export belongs together, by the store's own rule."""
        edges = self.spark.edges(self.place, Edges(SPAN, _NAMES), Edges(LOG, _NAMES))
        columns = (edges.column(name).to_pylist() for name in edges.column_names)
        return [Edge(0, 0, *edge) for edge in zip(*columns, strict=True)]

    def made(self, groups: Iterable[Group]) -> Generator[Made, None, None]:
        """Yield what became of each group. Raises CliError where one did not come back."""
        groups = list(groups)
        task = CompileFromRows(self._verdicts_by_number(groups), self.prices)
        tasks = max(_TASKS_PER_CORE * self.spark.cores, ceil(len(groups) / _GROUPS_PER_TASK))
        results = self.spark.over_groups(self.place, Members.of(groups), Correlated(_NAMES), task, tasks)
        missing = set(range(len(groups)))
        for number, rows, reason in (cast("tuple[int, DerivedRows | None, str]", unpacked(each)) for each in results):
            missing.remove(number)
            yield Made(groups[number], rows, reason)
        if missing:
            raise CliError(f"the telemetry of {len(missing)} sessions was not found again: did the export change?")

    def close(self) -> None:
        """Do nothing: the application ends with the command."""

    def _verdicts_by_number(self, groups: Sequence[Group]) -> dict[int, dict[str, Mapping[str, object]]]:
        found = {}
        for number, group in enumerate(groups):
            named = self.verdicts.keys() & (group.values | group.trace_ids)
            if named:
                found[number] = {name: self.verdicts[name] for name in named}
        return found


def grown(groups: Iterable[Group], edges: Iterable[Edge], shown: Iterable[Group]) -> list[Group]:
    """Return the groups that groups grew into by what their content showed: traces that share values."""
    more = [Edge(0, 0, trace, value, None) for group in shown for trace in group.trace_ids for value in group.values]
    known = {group.trace_ids for group in groups}
    return [group for group in connected([*edges, *more]) if group.trace_ids not in known]


def compile_export(spark: Spark, place: str, out: Path, prices: PriceText | None) -> CompileCounts:
    """Compile every session of an export; write the views of what is derived, and what the export holds besides.

    Raises CliError.
    """
    view = partial(view_of, spark, place)
    maker = ExportMaker(spark, place, latest_outcomes(recorded_outcomes(view)), prices)
    with scratch_store() as store:
        compiler = Compiler(store, compile_session, CompileSettings(), maker=maker)
        edges = maker.edges()
        groups = connected(edges)
        counts = compiler.compile_these(groups, lambda: grown(groups, edges, store.groups()))
        copy_recorded(view, store)
        write_parquet((part for part in parts(store.database) if part.table in WRITTEN), out)
    return counts
