"""What is loaded for the workers fits into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from clawtrace_otel.cli import making
from clawtrace_otel.cli.making import CompileJob, LocalMaker
from clawtrace_otel.cli.worker import Worker
from collector.store import DerivedRows, Group, Signals
from collector.store.duck import DuckStore
from tests.collector.store.builders import batch, span, trace

GROUPS = 8


def nothing(_: CompileJob) -> DerivedRows:
    """Make no rows."""
    return {}


@pytest.mark.parametrize(("allowed", "ahead"), [(1, 2), (10**9, GROUPS)])
def test_no_more_is_loaded_ahead_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int, ahead: int
) -> None:
    """Where groups are larger than what may wait, only the next one is loaded while one is compiled."""
    monkeypatch.setattr(making, "_BYTES_UNDER_WAY", allowed)
    with closing(DuckStore.open(tmp_path / "made.duckdb")) as store:
        store.append(batch([span(trace(number), number) for number in range(1, GROUPS + 1)]))
        loaded = _counted(store, monkeypatch)
        most = 0
        with closing(LocalMaker(store, [Worker(nothing, time_limit_s=60.0)])) as maker:
            for yielded, made in enumerate(maker.made(store.groups())):
                assert made.rows == {}, made.reason
                most = max(most, len(loaded) - yielded)
    assert most == ahead


def _counted(store: DuckStore, monkeypatch: pytest.MonkeyPatch) -> list[Signals]:
    """Return a list that grows by what is loaded from now on."""
    loaded: list[Signals] = []
    load_all = store.load_all

    def counting(groups: Sequence[Group]) -> Iterator[Signals]:
        for signals in load_all(groups):
            loaded.append(signals)
            yield signals

    monkeypatch.setattr(store, "load_all", counting)
    return loaded
