"""What is fuzzed: a function that may only return or raise the border's own error, and inputs to begin with."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from collector.batch import BatchBuilder
from collector.decode import SIGNALS, Decoded, Decoder, Encoding, Export, Signal
from collector.errors import MalformedRequestError, QueryError
from collector.query import DuckQueries, QueryLimits
from collector.store.derived import REPLACED
from collector.store.derived_rows import arrow_tables
from collector.store.duck import DuckStore
from collector.store.memory import MemoryStore
from processors.errors import PriceFileError, TraceCardError
from processors.normalise.session_keys import CORRELATION_KEYS
from processors.pipeline import compile_group
from processors.pricing import PriceBook, price_book
from processors.pricing.overrides import Overrides
from processors.rows import derived_rows
from processors.tracecard import TraceCard
from tests.collector.otlp import as_text, batch_of, decode, decode_by_column
from tests.collector.store.builders import batch, span, trace
from tests.reliability.fuzz import structure
from tests.support.recordings import Request, names, otlp_json, requests_of

_LARGEST: Final = 16_000
"""Bytes of a first input; larger ones make every run of the fuzzer slow."""
_CARDS: Final = Path(__file__).parent.parent.parent / "fixtures" / "cards"
_PRICES: Final = (
    "prices:\n- model: gpt-4o-mini\n  provider: openai\n  usd_per_million_tokens:\n    input: 0.15\n    output: 0.6\n",
    "prices:\n- {model: x*, usd_per_million_tokens: {input: 1, output: 2e0}}\ntools:\n- tool: s\n  usd_per_call: .05\n",
)
_QUERIES: Final = (
    "SELECT * FROM sessions ORDER BY cost_usd DESC LIMIT 3",
    "WITH s AS (SELECT session_id, sum(cost_usd) AS usd FROM steps GROUP BY ALL) SELECT * FROM s WHERE usd > 1.5",
    "SELECT attributes->>'$.\"gen_ai.request.model\"', count(*) FROM spans GROUP BY 1 HAVING count(*) > 0",
    "SELECT list_transform([1, 2, 3], x -> x + 1), struct_pack(a := 1), MAP {'k': 'v'}, INTERVAL 3 DAYS",
    "SELECT regexp_replace(name, '(.*) (.*)', '\\2'), row_number() OVER (PARTITION BY trace_id) FROM spans",
    "DESCRIBE SELECT * FROM findings",
    "SELECT * FROM read_csv('/etc/passwd')",
    "COPY spans TO '/tmp/stolen.csv'; DROP VIEW spans",
    "SELECT unnest(range(10)), 'é\"''' || chr(0x1F600), $$text$$, 0x1F, 1e308::DECIMAL(38, 12)",
    "PIVOT steps ON kind USING sum(cost_usd) GROUP BY session_id",
)


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    title: str
    feed: Callable[[bytes], None]
    first_inputs: Callable[[], Sequence[bytes]]


def _decoded(data: bytes, encoding: Encoding) -> Decoded | None:
    """Decode the bytes after the first, which picks the signal; None where they are refused as they may be."""
    signal: Signal = SIGNALS[data[0] % len(SIGNALS)] if data else "traces"
    try:
        return Decoder(frozenset(CORRELATION_KEYS)).decode(Export(signal, encoding, data[1:], 1))
    except MalformedRequestError:
        return None


def _built(data: bytes, encoding: Encoding) -> None:
    decoded = _decoded(data, encoding)
    if decoded is not None:
        builder = BatchBuilder()
        builder.add(decoded)
        builder.build()


def protobuf(data: bytes) -> None:
    """Decode to the Arrow batch that is stored."""
    _built(data, "protobuf")


def columns(data: bytes) -> None:
    """Decode spans by column: equal to what is decoded row by row wherever that loses nothing, and as many."""
    try:
        by_row = decode(data)
    except MalformedRequestError:
        return
    by_column = decode_by_column(data)
    assert by_column.row_count == by_row.row_count
    if not by_row.losses.message():
        assert as_text(batch_of(by_column)) == as_text(batch_of(by_row))


def json(data: bytes) -> None:
    """Decode to the Arrow batch that is stored."""
    _built(data, "json")


def pipeline(data: bytes) -> None:
    """Compile recordings with wrong content to rows that fit their tables; the parts must equal the bill."""
    sent = structure.damaged(data)
    signal: Signal = "traces" if sent.signal == "traces" else "logs"
    decoded = Decoder(frozenset(CORRELATION_KEYS)).decode(Export(signal, "protobuf", sent.content, 1))
    builder, store = BatchBuilder(), MemoryStore()
    builder.add(decoded)
    store.append(builder.build())
    for group in store.groups():
        rows = derived_rows(compile_group(store.load(group), _book()), 1)
        arrow_tables(rows, REPLACED)
        for name in ("attributed_usd", "cost_usd"):
            parts = sum((Decimal(str(row.get(name) or 0)) for row in rows["steps"]), Decimal())
            bills = sum((Decimal(str(row.get("cost_usd") or 0)) for row in rows["sessions"]), Decimal())
            assert parts == bills, f"{name}: {parts} in the steps, {bills} in the sessions"


def card(data: bytes) -> None:
    """Read a card; one that can be read says the same once written and read again."""
    try:
        read = TraceCard.from_yaml(data.decode(errors="replace"))
    except TraceCardError:
        return
    assert TraceCard.from_yaml(read.to_yaml()) == read


def prices(data: bytes) -> None:
    """Read a file of prices in strict YAML."""
    try:
        Overrides.parse(data.decode(errors="replace"), "prices.yaml")
    except PriceFileError:
        return


def sql(data: bytes) -> None:
    """Ask a database of one span; whatever is asked, the span stays, and nothing else appears."""
    store, queries = _database()
    with suppress(QueryError):
        queries.run(data.decode(errors="replace"))
    if not data or data[0] % 16 == 0:
        cursor = store.database.cursor()
        assert cursor.execute("SELECT count(*) FROM telemetry.spans").fetchall() == [(1,)]


@cache
def _book() -> PriceBook:
    return price_book(None)


@cache
def _database() -> tuple[DuckStore, DuckQueries]:
    folder = tempfile.mkdtemp(prefix="fuzz-sql-")
    store = DuckStore.open(Path(folder) / "asked.duckdb")
    store.append(batch([span(trace(1), 1)]))
    atexit.register(shutil.rmtree, folder)
    atexit.register(store.close)
    return store, DuckQueries(store.database, QueryLimits(seconds=2.0))


def _recorded(as_sent: Callable[[Request], bytes]) -> list[bytes]:
    found = []
    for name in names():
        for sent in requests_of(name):
            content = as_sent(sent)
            if len(content) <= _LARGEST:
                found.append(bytes([SIGNALS.index(sent.signal)]) + content)
    return found


def _recorded_spans() -> list[bytes]:
    return [data[1:] for data in _recorded(lambda sent: sent.content) if SIGNALS[data[0]] == "traces"]


TARGETS: Final = (
    Target("protobuf", "decoding OTLP protobuf", protobuf, lambda: _recorded(lambda sent: sent.content)),
    Target("columns", "decoding OTLP protobuf by column", columns, _recorded_spans),
    Target("json", "decoding OTLP JSON", json, lambda: _recorded(otlp_json)),
    Target("pipeline", "normalising, pricing and compiling", pipeline, structure.first_inputs),
    Target("card", "reading cards", card, lambda: [file.read_bytes() for file in sorted(_CARDS.glob("*.yaml"))]),
    Target("prices", "reading price files", prices, lambda: [text.encode() for text in _PRICES]),
    Target("sql", "outsiders' SQL", sql, lambda: [text.encode() for text in _QUERIES]),
)


def target(name: str) -> Target:
    """Return the target of that name."""
    return next(known for known in TARGETS if known.name == name)
