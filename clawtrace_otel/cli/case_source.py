"""Where the sessions of `clawtrace distill` come from and patches go to: a store, or an export, which takes none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.export_views import reading_export, view_of, visible_place
from clawtrace_otel.cli.locate import locate
from clawtrace_otel.cli.options import EngineName
from clawtrace_otel.cli.reader import open_reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clawtrace_otel.cli.reader import SessionReader
    from clawtrace_otel.cli.spark import Spark
    from collector.store.lake_address import LakeAddress

_VIEW: Final = "sessions"
"""A view that every export of sessions has."""


@dataclass(frozen=True, slots=True)
class CaseSource:
    """What the command line says; at most one of the four is set."""

    db: Path | None
    endpoint: str | None
    lake: LakeAddress | None
    export: str | None

    def check(self, engine: EngineName) -> None:
        """Raise CliError for an export that is none, or that this engine cannot read."""
        if self.export is not None:
            if engine is not EngineName.SPARK:
                raise CliError("--from goes with --engine spark")
            visible_place(self.export, _VIEW)

    def reading(self, spark: Spark | None) -> AbstractContextManager[SessionReader]:
        """Return a reader of the sessions. Raises CliError."""
        if self.export is None or spark is None:
            return open_reader(self.db, self.endpoint, lake=self.lake)
        return reading_export(partial(view_of, spark, visible_place(self.export, _VIEW)))

    def writing(self) -> AbstractContextManager[SessionReader | None]:
        """Return what takes patches and skills, None for an export."""
        if self.export is not None:
            return nullcontext()
        return open_reader(self.db, self.endpoint, write=True, lake=self.lake)

    def collector(self) -> str | None:
        """Return the address of the running collector that the sessions come from, None where there is none."""
        if self.lake is not None or self.export is not None:
            return None
        return locate(self.db, self.endpoint, must_exist=True).endpoint


@contextmanager
def cluster(engine: EngineName, master: str | None, conf: Sequence[str] | None) -> Iterator[Spark | None]:
    """Yield the cluster that was asked for, None where the work is done here. Raises CliError."""
    if engine is not EngineName.SPARK:
        if master or conf:
            raise CliError("--master and --conf go with --engine spark")
        yield None
        return
    from clawtrace_otel.cli.spark import DEFAULT_MASTER, running_spark, settings_of

    with running_spark(master or DEFAULT_MASTER, settings_of(conf or [])) as spark:
        yield spark
