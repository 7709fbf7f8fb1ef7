"""How work travels to a cluster and back: pickled; what comes back is compressed, since one process receives it all."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

RESULT: Final = "result"
"""The one column of what tasks yield, binary."""


def packed(value: object) -> pa.RecordBatch:
    """Return one result as a batch of one row."""
    return pa.RecordBatch.from_arrays([pa.array([zlib.compress(pickle.dumps(value), 1)], pa.binary())], [RESULT])


def unpacked(result: bytes) -> object:
    """Return what `packed` was given."""
    return pickle.loads(zlib.decompress(result))  # noqa: S301 - made by our own task


def parts_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Any]:
    """Yield what this process pickled into the parts that came."""
    for batch in batches:
        for part in batch.column(0).to_pylist():
            yield pickle.loads(part)  # noqa: S301 - made by our own program
