"""The sessions of a database file that no collector owns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clawtrace_otel.cli.actions import StoreActions
from clawtrace_otel.cli.bodies import JSON, Body
from clawtrace_otel.cli.budgets import attach, read_budgets
from clawtrace_otel.cli.compile_session import compile_session
from clawtrace_otel.cli.compiler import ALL_CORES, Compiler, CompileSettings
from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.making import together_in
from clawtrace_otel.cli.redacting import RedactionChoice, redactor
from clawtrace_otel.cli.stores import key_place, open_store, open_to_read
from collector.config import IngestConfig
from collector.ingest import Ingest
from collector.metrics import Metrics
from collector.query import DuckQueries
from processors.normalise.session_keys import CORRELATION_KEYS

if TYPE_CHECKING:
    from clawtrace_otel.cli.making import Maker
    from collector.api import CompileCounts, Deletion, OutcomeReport, Queries, QueryResult
    from collector.decode import Encoding
    from collector.export import Part
    from collector.skills import SkillReport
    from collector.store.lake_address import LakeAddress


@contextmanager
def open_file(
    place: Path | LakeAddress,
    *,
    write: bool,
    budgets: Path | None = None,
    prices: Path | None = None,
    maker: Maker | None = None,
) -> Iterator[FileReader]:
    """Yield a reader of a file or a lake; one that writes a file keeps other readers out. Raises StoreError.

    What is compiled through it is priced by `prices` and judged by `budgets`, both files; the webhook of the budgets is
    tried once, at the end. A `maker` compiles elsewhere than in processes of this machine. Raises PriceFileError.
    """
    if not write:
        with closing(open_to_read(place)) as opened:
            yield FileReader(DuckQueries(opened))
        return
    read = None if budgets is None else read_budgets(budgets)
    if prices is not None:
        from processors.pricing import price_book

        price_book(prices)
    with closing(open_store(place)) as store:
        queries = DuckQueries(store.database)
        settings = CompileSettings(prices=prices, together=together_in(place), workers=ALL_CORES)
        compiler = Compiler(store, compile_session, settings, maker=maker)
        metrics = Metrics()
        outbox = attach(store, read, compiler, metrics)
        config = IngestConfig(correlation_attributes=frozenset(CORRELATION_KEYS))
        ingest = Ingest(config, store, metrics, redactor=redactor(key_place(place), RedactionChoice.of_environment()))
        ingest.start()
        try:
            yield FileReader(queries, StoreActions(store, queries, compiler), ingest)
            if outbox is not None:
                outbox.deliver()
        finally:
            ingest.stop()
            compiler.close()


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads a file directly; without `actions` and `ingest` it changes nothing."""

    queries: Queries
    actions: StoreActions | None = None
    ingest: Ingest | None = None

    def query(self, query: str) -> QueryResult:
        """Return the rows of one SELECT-like statement over the views."""
        return self.queries.run(query)

    def export(self) -> Iterator[Part]:
        """Yield everything that is stored."""
        return self.queries.export()

    def compile(self, *, everything: bool) -> CompileCounts:
        """Compile pending sessions, or all."""
        return self._writable().compile(everything=everything)

    def record_outcome(self, session_id: str, outcome: OutcomeReport) -> None:
        """Attach a verdict to a session, and compile its card anew."""
        self._writable().record_outcome(session_id, outcome)
        self._writable().compile(everything=False)

    def record_skill(self, report: SkillReport) -> None:
        """Store what CostCraft produced."""
        self._writable().record_skill(report)

    def delete(self, session_id: str) -> Deletion:
        """Delete everything of a session."""
        return self._writable().delete(session_id)

    def compact(self) -> None:
        """Give back what deleted rows held."""
        self._writable().compact()

    def deliver(self, body: Body) -> str:
        """Store an OTLP request by the collector's own path."""
        if self.ingest is None:
            raise CliError("the database was opened read-only")
        encoding: Encoding = "json" if body.content_type == JSON else "protobuf"
        return self.ingest.submit(body.signal, body.content, encoding).result().message

    def _writable(self) -> StoreActions:
        if self.actions is None:
            raise CliError("the database was opened read-only")
        return self.actions
