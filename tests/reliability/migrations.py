"""Files of earlier layouts, and processes killed while they bring them up to date."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from collector.query_gate import VIEWS
from collector.store.duck import DuckStore
from collector.store.engine import Database
from collector.store.migrate import migrations
from tests.collector.store.builders import batch, span, trace
from tests.collector.store.test_migrate import EARLIER, made_at
from tests.support.collector import PROTOBUF, running_collector
from tests.support.spans import request

_FINISHED = 7


class _Dying:
    """A cursor whose process is killed before the given statement of a migration."""

    def __init__(self, cursor: Any, moment: list[int]) -> None:
        self._cursor = cursor
        self._left = moment

    def execute(self, *arguments: Any) -> Any:
        self._left[0] -= 1
        if self._left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._cursor.execute(*arguments)


def killed_at(path: Path, moment: int) -> bool:
    """Open a file in a process that is killed before its statement of that number; return whether it came to that."""
    child = os.fork()
    if child == 0:
        left, cursor = [moment], Database.cursor
        Database.cursor = lambda self: _Dying(cursor(self), left)  # type: ignore[method-assign,assignment,return-value]
        DuckStore.open(path)
        os._exit(_FINISHED)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def usable(path: Path, *, spans: int) -> None:
    """Fail unless the file opens, has its spans, answers every view, and takes more."""
    with closing(DuckStore.open(path)) as store:
        for view in VIEWS:
            store.database.cursor().execute(f"SELECT * FROM {view}").fetchall()
        assert store.database.cursor().execute("SELECT count(*) FROM spans").fetchall() == [(spans,)]
        assert store.append(batch([span(trace(1), 1), span(trace(1), 2)])).duplicate_spans == spans


def killed(folder: Path) -> tuple[str, str]:
    """Kill at every statement of the migrations of a new file and of files of every earlier layout."""
    kills = 0
    for layout in (0, *EARLIER):
        original = folder / f"layout{layout}.duckdb"
        if layout:
            made_at(original, layout)
        moment, died = 0, True
        while died:
            path = folder / "killed.duckdb"
            _copied(original, path)
            died = killed_at(path, moment)
            # A second kill finds what the first one left.
            killed_at(path, moment + 1)
            usable(path, spans=1 if layout else 0)
            kills += died
            moment += 1
    measured = (
        f"kill -9 before each of {kills} statements of the migrations, from a new file and from {len(EARLIER)} earlier"
        " layouts, and again while recovering from the first kill"
    )
    return measured, "nothing; every file opens, answers and accepts more"


def earlier(folder: Path) -> tuple[str, str]:
    """Serve files of every earlier layout."""
    for layout in EARLIER:
        path = folder / f"layout{layout}.duckdb"
        made_at(path, layout)
        with running_collector(path) as collector:
            assert collector.sql("SELECT session_id FROM sessions") == [{"session_id": "old"}]
            collector.request("POST", "/v1/traces", request(range(992, 1_008)), Content_Type=PROTOBUF)
            assert collector.compile() == {"compiled": 1, "failed": 0}
            assert collector.sql("SELECT count(*) AS n FROM spans") == [{"n": 17}]
            assert collector.stop() == 0
    numbers = ", ".join(map(str, EARLIER))
    return f"files of layouts {numbers}, served at {migrations()[-1].number}", "nothing; old and new rows are there"


def _copied(original: Path, path: Path) -> None:
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
    if original.exists():
        shutil.copy(original, path)


if __name__ == "__main__":
    # For tests that may not fork: PATH MOMENT.
    sys.exit(0 if killed_at(Path(sys.argv[1]), int(sys.argv[2])) else _FINISHED)
