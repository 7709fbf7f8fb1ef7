"""What a session costs does not depend on where it is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import cast

from clawtrace_otel.cli.compile_session import compile_session
from clawtrace_otel.cli.making import CompileJob
from collector.config import IngestConfig
from collector.decode import Signal
from collector.ingest import Ingest
from collector.metrics import Metrics
from collector.store import TelemetryStore
from collector.store.duck import DuckStore
from collector.store.lake import LakeStore
from collector.store.memory import MemoryStore
from processors.normalise.session_keys import CORRELATION_KEYS
from tests.scale.conftest import Lake
from tests.support.recordings import names, requests_of


def test_cards_are_equal_whatever_the_store(lake: Lake, tmp_path: Path) -> None:
    """All recordings, taken in by the collector's own path, make the same cards, to the byte, in every store."""
    stores: list[TelemetryStore] = [MemoryStore(), DuckStore.open(tmp_path / "t.duckdb"), LakeStore.at(lake.address)]
    cards = []
    for store in stores:
        with closing(store):
            cards.append(_cards(store))
    in_memory, in_file, in_lake = cards
    assert len(in_memory) >= len(names())
    assert in_memory == in_file == in_lake


def _cards(store: TelemetryStore) -> Mapping[str, str]:
    """Return the YAML of every session's card by its id."""
    config = IngestConfig(correlation_attributes=frozenset(CORRELATION_KEYS))
    ingest = Ingest(config, store, Metrics())
    ingest.start()
    try:
        for name in names():
            answers = [ingest.submit(cast("Signal", sent.signal), sent.content) for sent in requests_of(name)]
            for answer in answers:
                answer.result()
    finally:
        ingest.stop()
    return dict(_compiled(store))


def _compiled(store: TelemetryStore) -> Iterator[tuple[str, str]]:
    groups = list(store.groups())
    for signals in store.load_all(groups):
        for row in compile_session(CompileJob(signals, {}, None))["tracecards"]:
            yield str(row["session_id"]), str(row["yaml"])
