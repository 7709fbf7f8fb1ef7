"""A memory control group, as a container has one: Linux stops what takes more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_FIRST_VERSION: Final = _ROOT / "memory"
_LIMITS: Final = ("memory.max", "memory.limit_in_bytes")
"""The file that takes the limit, in the second and the first version of control groups."""
_PATIENCE_S: Final = 20.0


class NoMemoryGroupError(Exception):
    """The machine has no such groups, or its user may not make one."""


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """Make a group for as long as the block runs; what is left in it then is killed.

    Raises NoMemoryGroupError.
    """
    parent = _FIRST_VERSION if _FIRST_VERSION.is_dir() else _ROOT
    group = parent / f"clawtrace-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise NoMemoryGroupError(f"no memory control group can be made here: {error.strerror}") from error
    try:
        limit = next((group / name for name in _LIMITS if (group / name).exists()), None)
        if limit is None:
            raise NoMemoryGroupError("this machine's control groups do not limit memory")
        limit.write_text(str(limit_bytes), encoding="ascii")
        yield group
    finally:
        _end(group)


@contextmanager
def started_inside(group: Path) -> Iterator[None]:
    """Let processes that are started in the block belong to the group; this one goes back where it was."""
    _move_here(group)
    try:
        yield
    finally:
        _move_here(group.parent)


def _end(group: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while left := (group / "cgroup.procs").read_text("ascii").split():
        assert time.monotonic() < deadline, f"processes {left} do not end"
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        time.sleep(0.1)
    group.rmdir()


def _move_here(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
