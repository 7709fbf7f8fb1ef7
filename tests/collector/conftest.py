"""A collector in this process, on free ports, over the memory store."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pytest

from collector.api import CompileCounts, Deletion, OutcomeReport, QueryResult
from collector.config import CollectorConfig
from collector.errors import QueryError, UnknownSessionError
from collector.export import Part
from collector.model import LogRecord, Span
from collector.server import Addresses, Collector
from collector.skills import SkillReport
from collector.store.memory import MemoryStore


@dataclass
class ScriptedQueries:
    """Answers any question with the same rows, and a question about files with a refusal."""

    asked: list[tuple[str, Sequence[object]]] = field(default_factory=list)

    def run(self, query: str, parameters: Sequence[object] = ()) -> QueryResult:
        self.asked.append((query, parameters))
        if "read_csv" in query:
            raise QueryError("read_csv is not allowed", status=400)
        if "a bug" in query:
            raise RuntimeError("a bug")
        if parameters == ["nobody"]:
            return QueryResult(pa.table({"card": pa.array([], pa.string()), "yaml": pa.array([], pa.string())}))
        if parameters:
            return QueryResult(pa.table({"card": ['{"a":1}'], "yaml": ["a: 1\n"]}))
        columns = {
            "usd": pa.array([Decimal("0.10"), None], pa.decimal128(18, 2)),
            "tokens": pa.array([2**62, 1], pa.int64()),
            "models": pa.array([["a"], []], pa.list_(pa.string())),
            "at": pa.array([1, None], pa.timestamp("ns", "UTC")),
        }
        return QueryResult(pa.table(columns), truncated=True)

    def export(self) -> Iterator[Part]:
        schema = pa.schema([("n", pa.int64())])
        yield Part("spans", "2026-11-23", pa.RecordBatchReader.from_batches(schema, []))


@dataclass
class RecordedActions:
    """Remembers what it was told to do, and what was stored by then."""

    store: MemoryStore
    seen: list[object] = field(default_factory=list)

    def compile(self, *, everything: bool) -> CompileCounts:
        self.seen.append(everything)
        return CompileCounts(compiled=len(list(self.store.groups())), failed=0)

    def record_outcome(self, session_id: str, outcome: OutcomeReport) -> None:
        if session_id == "nobody":
            raise UnknownSessionError("no session 'nobody'")
        self.seen.append((session_id, outcome))

    def record_skill(self, report: SkillReport) -> int:
        self.seen.append(report)
        return len(report.patches)

    def delete(self, session_id: str) -> Deletion:
        if session_id == "nobody":
            raise UnknownSessionError("no session 'nobody'")
        self.seen.append(("deleted", session_id))
        return Deletion(1, 2, 3)

    def compact(self) -> None:
        self.seen.append("compacted")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass
class Served:
    """A running collector and what it was given."""

    addresses: Addresses
    store: MemoryStore
    queries: ScriptedQueries
    actions: RecordedActions
    collector: Collector

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.addresses.http + path, body, named, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=20) as answer:
                return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()})
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), {k.lower(): v for k, v in error.headers.items()})

    def spans(self) -> list[Span]:
        """Return every span stored."""
        return [span for group in self.store.groups() for span in self.store.load(group).spans]

    def logs(self) -> list[LogRecord]:
        """Return every log record stored that belongs to a group."""
        return [record for group in self.store.groups() for record in self.store.load(group).logs]


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start collectors over memory stores; stopped at the end of the test."""
    with ExitStack() as stack:

        def start(config: CollectorConfig | None = None, store: MemoryStore | None = None) -> Served:
            store = store or MemoryStore()
            queries, actions = ScriptedQueries(), RecordedActions(store)
            chosen = config or CollectorConfig(grpc_port=0, http_port=0)
            collector = Collector(chosen, store, queries, actions)
            served = Served(collector.start(), store, queries, actions, collector)
            stack.callback(collector.stop)
            return served

        yield start


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """Return a running collector with an empty store."""
    return serve()
