"""Parts of an export as plain Parquet: `DIR/VIEW/date=YYYY-MM-DD/part-0.parquet`, as Hive lays partitions out.

Everything is written below a hidden directory first and moved into its place, a view at a time, once all is there:
whoever reads `DIR/VIEW` never sees half a file, also after a kill.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clawtrace_otel.cli.errors import CliError
from collector.export import Part

MARKER: Final = "_clawtrace_export.json"
"""Tells our directories from others; readers skip names that begin with an underscore or a dot."""
_PARTIAL: Final = ".partial-"
_NO_DATE: Final = "1970-01-01"
"""Where rows without a time go. Hive's own name for that makes one reader fail and another take dates for text."""
_ROW_GROUP_BYTES: Final = 64 * 1024 * 1024
_LARGEST_INT64: Final = 2**63 - 1
_MICROSECONDS: Final = pa.timestamp("us", tz="UTC")


@dataclass(slots=True)
class Written:
    """What an export wrote."""

    files: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    """By view."""


def write_parquet(parts: Iterator[Part], directory: Path, *, overwrite: bool = False) -> Written:
    """Write every part and return what was written.

    A directory that an earlier export wrote is brought up to date; any other that is not empty is refused with a
    `CliError`, unless `overwrite` says that what the views' names stand for in it may be replaced.
    """
    check_writable(directory, overwrite=overwrite)
    staging = directory / f"{_PARTIAL}{os.getpid()}"
    staging.mkdir(parents=True)
    try:
        written = Written()
        for part in parts:
            name = "part-0.parquet" if part.date else "no-date.parquet"
            rows = _write(part.batches, staging / part.table / f"date={part.date or _NO_DATE}" / name)
            written.files += 1
            written.rows[part.table] = written.rows.get(part.table, 0) + rows
        _move(staging, directory, written)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return written


def check_writable(directory: Path, *, overwrite: bool = False) -> None:
    """Raise CliError for a directory that an export may not be written into."""
    try:
        found = sorted(path.name for path in directory.iterdir())
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise CliError(f"{directory} is a file: name a directory") from None
    left = [name for name in found if name.startswith(_PARTIAL)]
    if any(_is_alive(name.removeprefix(_PARTIAL)) for name in left):
        raise CliError(f"another export into {directory} is under way: wait for it, or name another directory")
    if MARKER not in found and len(left) < len(found) and not overwrite:
        raise CliError(f"{directory} holds other files: name an empty directory, or add --overwrite to write into it")
    for name in left:
        shutil.rmtree(directory / name)


def _is_alive(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return int(process_id) != os.getpid()


def _move(staging: Path, directory: Path, written: Written) -> None:
    """Put every view into its place; what was there before goes once the new one stands."""
    for new in sorted(staging.iterdir()):
        place, before = directory / new.name, staging / f".old-{new.name}"
        if place.is_symlink() or place.exists():
            place.rename(before)
        new.rename(place)
    marker = staging / MARKER
    marker.write_text(json.dumps({"format": "clawtrace-parquet/1", "rows": written.rows}) + "\n", encoding="utf-8")
    marker.replace(directory / MARKER)


def _write(batches: pa.RecordBatchReader, path: Path) -> int:
    """Write one file and return its rows; no more than a row group is held."""
    schema = pa.schema([(column.name, plain_type(column.type)) for column in batches.schema])
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, held, size = 0, list[pa.RecordBatch](), 0
    with path.open("wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            held.append(_plain(batch, schema))
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if size >= _ROW_GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(held, schema))
                held, size = [], 0
        writer.write_table(pa.Table.from_batches(held, schema))
        writer.close()
        file.flush()
        os.fsync(file.fileno())
    return rows


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that every reader knows: times in microseconds of UTC, numbers with a sign."""
    if pa.types.is_timestamp(kind):
        return _MICROSECONDS
    if pa.types.is_unsigned_integer(kind):
        return pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", plain_type(kind.value_type)))
    return kind


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [_cast(column, kind.type) for column, kind in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == pa.uint64():
        fits = pc.less_equal(column, pa.scalar(_LARGEST_INT64, pa.uint64()))
        column = pc.if_else(fits, column, pa.scalar(None, pa.uint64()))
    return column.cast(kind, safe=not pa.types.is_timestamp(kind))


def readable_size(directory: Path) -> int:
    """Return the bytes of the Parquet files that readers see."""
    hidden = re.compile(r"[._]")
    return sum(
        path.stat().st_size
        for path in directory.rglob("*.parquet")
        if not hidden.match(path.relative_to(directory).parts[0])
    )
