"""A disk that is full: a small file system of its own where the system allows that, else a limit on file sizes."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from tests.support.collector import RunningCollector, running_collector
from tests.support.load import MEBIBYTE, Load

_SENDERS = 4
_FULL_FOR_S = 4.0
_ROOM_MIB = 96


@contextmanager
def no_file_larger_than(collector: RunningCollector, size: int) -> Iterator[None]:
    """Let the system refuse to write a file of the collector's past a size, as a full disk or a quota does."""
    pid = collector.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        if collector.process.poll() is None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def log_bytes(collector: RunningCollector) -> int:
    """Return the size of DuckDB's write-ahead log."""
    return collector.database.with_name(f"{collector.database.name}.wal").stat().st_size


def full_disk(folder: Path) -> tuple[str, str]:
    """Fill the disk under load, stay full, crash while full, start while full, and get room again."""
    disk = folder / "disk"
    disk.mkdir()
    if not _mounted(disk):
        return _full_by_limit(folder)
    try:
        return _filled(disk)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)


def _mounted(disk: Path) -> bool:
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        return False
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={_ROOM_MIB}m", "tmpfs", str(disk)], check=False)
    return done.returncode == 0


def _filled(disk: Path) -> tuple[str, str]:
    load, database, filler = Load(spans_per_request=100, size=5_000), disk / "full.duckdb", disk / "filler"
    with running_collector(database, "--idle-seconds", "0.5") as collector:
        _until_full(collector, load)
        pause = threading.Event()
        pause.wait(_FULL_FOR_S)  # cards are due and do not fit either
        _until_full(collector, load)
        load.check(collector)
        collector.kill()
    filler.write_bytes(bytes(shutil.disk_usage(disk).free))
    with running_collector(database, "--idle-seconds", "0.5") as collector:
        _until_full(collector, load)
        load.check(collector)
        filler.unlink()
        subprocess.run(["mount", "-o", f"remount,size={4 * _ROOM_MIB}m", str(disk)], check=True)
        load.finish(collector)
        load.check(collector)
        assert collector.compile()["failed"] == 0
        assert collector.stop() == 0
    measured = (
        f"a disk of {_ROOM_MIB} MiB filled with {len(load.acknowledged):,} spans; {load.refused} requests refused with"
        " 503 while it was full; killed and restarted while full; space freed while the collector ran"
    )
    return measured, "nothing; the file opens on a full disk, and work resumes by itself once there is space"


def _until_full(collector: RunningCollector, load: Load) -> None:
    full = threading.Event()

    def press() -> None:
        while not full.is_set():
            if load.send(collector) != HTTPStatus.OK:
                full.set()

    senders = [threading.Thread(target=press) for _ in range(_SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def _full_by_limit(folder: Path) -> tuple[str, str]:
    load = Load(spans_per_request=100, size=5_000)
    with running_collector(folder / "limited.duckdb", "--idle-seconds", "0.5") as collector:
        with no_file_larger_than(collector, 16 * MEBIBYTE):
            _until_full(collector, load)
            load.check(collector)
        load.finish(collector)
        load.check(collector)
        assert collector.stop() == 0
    measured = (
        f"files limited to 16 MiB (not permitted to mount a small disk); {len(load.acknowledged):,} spans acknowledged"
    )
    return measured, "nothing; work resumes by itself once there is space"
