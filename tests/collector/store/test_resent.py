"""Where in time the store looks for rows that it may have already."""

from __future__ import annotations

import itertools
from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from collector.store import Receipt
from collector.store.duck import DuckStore
from collector.store.resent import MAX_WINDOWS, windows
from tests.collector.store.builders import NOW, SECOND, batch, span, trace

DAY = 86_400 * SECOND
times = st.lists(
    st.one_of(
        st.integers(0, 2**64 - 1), st.integers(NOW, NOW + 3 * DAY), st.sampled_from([0, 1, NOW, 2**63, 2**64 - 1])
    ),
    max_size=60,
)


def column(values: list[int]) -> pa.ChunkedArray:
    """Return times as a batch has them."""
    return pa.chunked_array([pa.array(values, pa.uint64())])


@given(times)
def test_windows_cover_every_time_and_are_few(values: list[int]) -> None:
    """Every time lies in exactly one window; windows are in order, bounded in number, and hold something."""
    found = windows(column(values))
    assert len(found) <= MAX_WINDOWS
    assert all(first <= last < 2**64 for first, last in found)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))
    assert all(sum(first <= value <= last for first, last in found) == 1 for value in values)
    assert all(any(first <= value <= last for value in values) for first, last in found)


@given(st.integers(0, 1000))
def test_an_absurd_time_does_not_widen_the_window(offset: int) -> None:
    """Beside 0 and 2**64 - 1, ordinary times are looked for within two days of where they are."""
    found = windows(column([0, NOW + offset, NOW + offset + SECOND, 2**64 - 1]))
    near = [(first, last) for first, last in found if first <= NOW + offset <= last]
    assert [last - first <= 2 * DAY for first, last in near] == [True]


def test_a_batch_of_scattered_times_is_stored_once(tmp_path: Path) -> None:
    """Rows all over the range of uint64, more places than windows, are still recognised when they come again."""
    store = DuckStore.open(tmp_path / "t.duckdb")
    rows = [span(trace(1), n, start_time_unix_nano=n * (2**64 // 50)) for n in range(50)]
    assert store.append(batch(rows)) == Receipt(spans=50)
    assert store.append(batch([*rows[:25], span(trace(1), 99)])) == Receipt(spans=1, duplicate_spans=25)
    store.close()
