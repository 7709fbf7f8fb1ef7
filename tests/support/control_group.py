"""Control groups, by which Linux holds processes to a share of a machine as a container does; root can make them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

_ROOT: Final = Path("/sys/fs/cgroup")
_PERIOD_US: Final = 100_000
_PATIENCE_S: Final = 20.0


class NoControlGroupError(Exception):
    """The machine has no such groups, or its user may not make one."""


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """Make a group that may take so much memory, for as long as the block runs. Raises NoControlGroupError."""
    with _group("memory", {"memory.limit_in_bytes": limit_bytes}, {"memory.max": limit_bytes}) as group:
        yield group


@contextmanager
def held_to(cores: float, process_id: int) -> Iterator[None]:
    """Hold a process, and those that it starts, to a number of cores. Raises NoControlGroupError."""
    quota = int(cores * _PERIOD_US)
    with _group("cpu", {"cpu.cfs_quota_us": quota}, {"cpu.max": f"{quota} {_PERIOD_US}"}) as group:
        _move(process_id, group)
        yield


@contextmanager
def started_inside(group: Path) -> Iterator[None]:
    """Let processes that are started in the block belong to the group; this one goes back where it was."""
    _move(os.getpid(), group)
    try:
        yield
    finally:
        _move(os.getpid(), group.parent)


@contextmanager
def _group(controller: str, first: Mapping[str, object], second: Mapping[str, object]) -> Iterator[Path]:
    """Make a group with the settings of whichever version of control groups the machine has."""
    parent, settings = (_ROOT / controller, first) if (_ROOT / controller).is_dir() else (_ROOT, second)
    group = parent / f"clawtrace-{uuid4().hex[:8]}"
    try:
        group.mkdir()
    except OSError as error:
        raise NoControlGroupError(f"no control group can be made here: {error.strerror}") from error
    try:
        for name, value in settings.items():
            if not (group / name).exists():
                raise NoControlGroupError(f"control groups of this machine have no {name}")
            (group / name).write_text(str(value), encoding="ascii")
        yield group
    finally:
        _dissolve(group)


def _dissolve(group: Path) -> None:
    """Move whatever is left in a group to the one above, and remove it."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        for process_id in (group / "cgroup.procs").read_text("ascii").split():
            with suppress(ProcessLookupError):
                _move(int(process_id), group.parent)
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _move(process_id: int, group: Path) -> None:
    (group / "cgroup.procs").write_text(str(process_id), encoding="ascii")
