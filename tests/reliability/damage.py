"""Wrong bytes in a database and in the log that a kill left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from collector.errors import CollectorError
from collector.store.duck import DuckStore
from tests.collector.store.builders import batch, span, trace

_TRACES: Final = 40
_SPANS: Final = 50
_SMALL: Final = 12_288
"""Bytes of DuckDB's three headers."""
_WRONG_BYTES: Final = 8
_TOLD, _READ, _UNTOLD = "told", "read", "untold"


def make(path: Path, *, killed: bool) -> None:
    """Make a database of many spans in a process that is killed, or closes it."""
    child = os.fork()
    if child == 0:
        store = DuckStore.open(path)
        for number in range(_TRACES):
            store.append(batch([span(trace(number), n, name=f"name {number} {n}" * 9) for n in range(_SPANS)]))
        if killed:
            os.kill(os.getpid(), signal.SIGKILL)
        store.close()
        os._exit(0)
    os.waitpid(child, 0)


def read(path: Path) -> str:
    """Return how a process fares that reads everything: all read, or told what is wrong."""
    try:
        with closing(DuckStore.open(path)) as store:
            signals = list(store.load_all(list(store.groups())))
    except CollectorError:
        return _TOLD
    return _READ if sum(len(one.spans) for one in signals) == _TRACES * _SPANS else _UNTOLD


def damaged(folder: Path) -> tuple[str, str]:
    """Damage a database and a log at random places, a copy each time."""
    tries, told, moments = 30, 0, random.Random(2026)
    for killed in (False, True):
        original = folder / f"original-{killed}.duckdb"
        make(original, killed=killed)
        files = {name: content for name in ("", ".wal") if (content := _content(original, name)) is not None}
        hit = ".wal" if killed else ""
        for number in range(tries):
            wrong = bytearray(files[hit])
            place = moments.randrange(_SMALL if number % 3 == 0 and not killed else len(wrong) - _WRONG_BYTES)
            for at in range(place, place + _WRONG_BYTES):
                wrong[at] ^= moments.randrange(1, 256)
            told += _found_out(folder / "damaged.duckdb", {**files, hit: bytes(wrong)})
    measured = (
        f"{_WRONG_BYTES} wrong bytes at {tries} places of a database and {tries} of a log: {told} detected,"
        f" the other {2 * tries - told} in unused bytes; no crash"
    )
    return measured, "nothing misread or silently dropped; a refused file keeps every byte"


def _found_out(path: Path, files: dict[str, bytes]) -> bool:
    for name, content in files.items():
        path.with_name(path.name + name).write_bytes(content)
    command = [sys.executable, "-m", "tests.reliability.damage", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-500:]}"
    fared = done.stdout.strip()
    assert fared != _UNTOLD, "spans are gone and nobody was told"
    if fared == _TOLD:
        assert all(path.with_name(path.name + name).read_bytes() == content for name, content in files.items())
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
    return fared == _TOLD


def _content(path: Path, name: str) -> bytes | None:
    try:
        return path.with_name(path.name + name).read_bytes()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.stdout.write(read(Path(sys.argv[1])) + "\n")
