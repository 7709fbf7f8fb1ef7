"""What a cluster's machines run gives what one process gives, however its rows are cut into batches."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from clawtrace_otel.cli.compile_session import compile_session
from clawtrace_otel.cli.making import CompileJob
from clawtrace_otel.cli.spread import CompileFromRows
from clawtrace_otel.cli.spread_codec import packed, unpacked
from clawtrace_otel.cli.spread_export import grown
from clawtrace_otel.cli.spread_lake import shares
from clawtrace_otel.cli.spread_rows import GROUP, LOG, LOG_COLUMNS, SIGNAL, SPAN, SPAN_COLUMNS, by_group, signals_of
from clawtrace_otel.cli.spread_rules import ProposeOfShares
from collector.store import Group, Signals
from collector.store.duck import DuckStore
from collector.store.groups import Edge
from costcraft.ablation import FULL
from costcraft.analysts import RulesAnalyst
from costcraft.case import Cases
from processors.pricing.overrides import PriceText
from tests.collector.store.builders import batch, log, span, trace
from tests.costcraft.test_distill import DESK

PRICES = """
prices:
  - model: gpt-4o-mini
    usd_per_million_tokens: {input: 1, output: 1}
"""
CALL = (
    '{"gen_ai.operation.name":"chat","gen_ai.provider.name":"openai","gen_ai.request.model":"gpt-4o-mini",'
    '"gen_ai.usage.input_tokens":10,"gen_ai.usage.output_tokens":5}'
)
FAR = 2**64 - 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckStore]:
    """Yield a store with three traces, a record of one of them, and a time that an export cannot hold."""
    with closing(DuckStore.open(tmp_path / "t.duckdb")) as made:
        spans = [span(trace(t), n, attributes=CALL) for t in (1, 2, 3) for n in (1, 2)]
        spans.append(span(trace(2), 9, end_time_unix_nano=FAR))
        made.append(batch(spans, [log(trace_id=trace(3), body='"said"')]))
        yield made


def sorted_rows(store: DuckStore) -> list[pa.RecordBatch]:
    """Return the store's telemetry as a cluster hands it over, in batches of three rows that heed no group."""
    cursor = store.database.cursor()
    columns = {SPAN: SPAN_COLUMNS, LOG: LOG_COLUMNS}
    rows = [
        {**row, SIGNAL: signal, GROUP: int(row["trace_id"], 16) - 1}
        for signal, table in ((SPAN, "spans"), (LOG, "logs"))
        for row in cursor.execute(f"SELECT {', '.join(columns[signal])} FROM telemetry.{table}")
        .to_arrow_table()
        .to_pylist()
    ]
    for row in rows:
        row.update({name: None for name in row if row[name] == FAR})
    names = list(dict.fromkeys((*SPAN_COLUMNS, *LOG_COLUMNS, SIGNAL, GROUP)))
    ordered = sorted(rows, key=lambda row: (row[GROUP], row[SIGNAL]))
    columns_of = {name: [row.get(name) for row in ordered] for name in names}
    times = {name: pa.array(values, pa.int64()) for name, values in columns_of.items() if name.endswith("unix_nano")}
    batches: list[pa.RecordBatch] = pa.table(columns_of | times).to_batches(max_chunksize=3)
    return batches


def test_telemetry_comes_back_whole(store: DuckStore) -> None:
    """Every group's spans and log records are those of the store; a time past 2^63 stays past it."""
    groups = {min(group.trace_ids): group for group in store.groups()}
    for number, rows in by_group(sorted_rows(store)):
        stored, came = store.load(groups[trace(number + 1)]), signals_of(rows)
        spans = tuple(replace(s, end_time_unix_nano=min(s.end_time_unix_nano, 2**63)) for s in stored.spans)
        assert sorted(map(repr, came.spans)) == sorted(map(repr, spans))
        assert came.logs == stored.logs


def test_rows_are_those_of_one_process(store: DuckStore, tmp_path: Path) -> None:
    """Each group comes back once with its rows, priced by the user's file under its own name."""
    prices = tmp_path / "mine.yaml"
    prices.write_text(PRICES, encoding="utf-8")
    task = pickle.loads(pickle.dumps(CompileFromRows({}, PriceText.read(prices))))
    results: list[Any] = [unpacked(made.column(0)[0].as_py()) for made in task(sorted_rows(store))]
    assert [number for number, _, _ in results] == [0, 1, 2]
    groups = {min(group.trace_ids): group for group in store.groups()}
    _, rows, reason = results[0]
    here = compile_session(CompileJob(store.load(groups[trace(1)]), {}, prices))
    assert reason == ""
    assert rows["sessions"] == here["sessions"]
    assert rows["steps"] == here["steps"]
    assert any(str(step.get("price_source")).startswith("override mine.yaml") for step in rows["steps"])


def test_a_share_is_of_neighbours_and_no_group_is_lost() -> None:
    """Groups are cut into tasks in their order, a few for each core, and large ones only as far as is useful."""
    groups = [Group(frozenset({trace(n)}), frozenset(), n) for n in range(1_000)]
    for count in (0, 1, 7, 1_000):
        cut = shares(groups[:count], 2)
        assert [group for share in cut for group in share] == groups[:count]
        assert all(share for share in cut)
    assert max(map(len, shares(groups, 1))) == 250


def test_the_rules_analyst_share_by_share() -> None:
    """Patches made of pickled shares are those of the whole, in the same order."""
    cases, analyst = Cases.of(DESK), RulesAnalyst()
    parts = pa.record_batch([pa.array([pickle.dumps(share) for share in analyst.shares(cases)], pa.binary())], ["part"])
    made = [patch for each in ProposeOfShares(FULL)([parts]) for patch in unpacked(each.column(0)[0].as_py())]  # type: ignore[attr-defined]
    assert made
    assert made == list(analyst.propose(cases))


def test_what_is_packed_comes_back() -> None:
    """A result of any size is one row."""
    value = Signals((), ())
    assert packed(value).num_rows == 1
    assert unpacked(packed(value).column(0)[0].as_py()) == value


def test_groups_grow_together_by_what_their_content_showed() -> None:
    """Traces in which one value was found are a group with all that belonged to either; others stay as they are."""
    linked, alone, other = [group(1, 2), group(3), group(4)]
    edges = [Edge(0, 0, trace(1), "session", None), Edge(0, 0, trace(2), "session", None)]
    edges += [Edge(0, 0, trace(3), None, None), Edge(0, 0, trace(4), None, None)]
    shown = [Group(frozenset({trace(2), trace(3)}), frozenset({"tool_call:x"}), 0), other]
    (whole,) = grown([linked, alone, other], edges, shown)
    assert whole.trace_ids == linked.trace_ids | alone.trace_ids


def group(*numbers: int) -> Group:
    """Return a group of traces."""
    return Group(frozenset(map(trace, numbers)), frozenset(), 0)
