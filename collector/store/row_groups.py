"""How much of a file DuckDB takes into memory at once where it writes row groups anew.

A row group has up to 122,880 rows, whatever they hold: of spans with 50 kB of messages that is 6 GB. Merging small ones
into one unpacks all of it and takes seconds in which nothing is stored. Groups that come of a long log are large enough
as they are; the many small ones that short logs leave have to be merged, or each keeps blocks of its own.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from collector.store.engine import Cursor, Database

_FULL: Final = 122_880
"""Rows of a full group."""
_STEP: Final = 2_048
_UNPACKED: Final = 512 * 1024 * 1024
_SHARE_UNPACKED: Final = 4
"""Bytes that may be unpacked for one group, and the part of DuckDB's memory that they may be."""
_SAMPLED: Final = 4 * _STEP
_TEXTS: Final = {
    "spans": "strlen(attributes) + strlen(events) + strlen(links)",
    "logs": "strlen(attributes) + coalesce(strlen(body), 0)",
}
_MOST_ROWS: Final = f"SELECT greatest({', '.join(f'(SELECT count(*) FROM telemetry.{table})' for table in _TEXTS)})"  # noqa: S608 - ours


class RowGroups:
    """Knows what a stored row takes on the average: of earlier ones by a sample, of new ones exactly."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._earlier: float | None = None
        self._rows = 0
        self._bytes = 0

    def count(self, rows: pa.Table) -> None:
        """Note rows that are being stored."""
        self._rows += rows.num_rows
        self._bytes += rows.nbytes

    def may_merge(self) -> bool:
        """Whether merging groups unpacks little. Looks at stored rows the first time, which may take a second."""
        cursor = self._database.cursor()
        if self._earlier is None:
            self._earlier = bytes_per_row(cursor)
        ((most,),) = cursor.execute(_MOST_ROWS).fetchall()
        largest = max(self._earlier, self._bytes / self._rows if self._rows else 0.0)
        return bool(min(most, _FULL) * largest <= self._may_be_unpacked())

    def rows_per_group(self) -> int:
        """Return how many rows a group of a new file may have, a multiple of DuckDB's step."""
        fitting = int(self._may_be_unpacked() / max(1.0, bytes_per_row(self._database.cursor())))
        return min(_FULL, max(1, fitting // _STEP) * _STEP)

    def _may_be_unpacked(self) -> int:
        return min(_UNPACKED, self._database.memory_limit // _SHARE_UNPACKED)


def bytes_per_row(cursor: Cursor) -> float:
    """Return the bytes of text of a row, on the average of a sample of the table whose rows are the largest."""
    sizes = [0.0]
    for table, text in _TEXTS.items():
        ((count,),) = cursor.execute(f"SELECT count(*) FROM telemetry.{table}").fetchall()  # noqa: S608 - ours
        percent = min(100.0, 100 * _SAMPLED / max(1, count))
        sample = f"SELECT avg({text}) FROM telemetry.{table} TABLESAMPLE SYSTEM ({percent:.6f} PERCENT)"  # noqa: S608 - ours
        ((size,),) = cursor.execute(sample).fetchall()
        sizes.append(size or 0.0)
    return max(sizes)
