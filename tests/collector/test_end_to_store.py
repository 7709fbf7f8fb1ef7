"""From the bytes of a request to what both stores give back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.decode import Signal
from collector.store import TelemetryStore
from collector.store.duck import DuckStore
from collector.store.memory import MemoryStore
from tests.collector.otlp import REQUESTS, batch_of, decode

VIEWS: dict[Signal, str] = {"traces": "spans", "logs": "logs", "metrics": "metric_points"}


def content(store: TelemetryStore) -> list[tuple[list[str], list[str]]]:
    """Return the records of each group in a form in which equal means equal, NaN included."""
    loaded = map(store.load, store.groups())
    return sorted((sorted(map(repr, found.spans)), sorted(map(repr, found.logs))) for found in loaded)


@pytest.mark.parametrize("signal", REQUESTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_the_file_gives_back_what_the_memory_store_does(signal: Signal, data: st.DataObject) -> None:
    """Whatever OTLP can carry is stored once, comes back the same from both stores, and breaks no view."""
    request: Any = data.draw(REQUESTS[signal])
    batch = batch_of(decode(request.SerializeToString(), signal))
    memory = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        duck = DuckStore.open(Path(folder) / "spans.duckdb")
        for _ in range(2):
            assert duck.append(batch) == memory.append(batch)
        assert content(duck) == content(memory)
        viewed = duck.database.cursor().execute(f"SELECT * FROM {VIEWS[signal]}").fetchall()
        receipt = memory.append(batch)
        known = {"traces": batch.spans, "logs": batch.logs, "metrics": batch.metric_points}[signal].num_rows
        assert receipt.duplicate_spans + receipt.duplicate_logs + receipt.duplicate_metric_points == known
        assert (len(viewed) > 0) == (known > 0)
        duck.close()
