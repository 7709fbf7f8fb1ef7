"""How far an import is, on a terminal: files and bytes read, then sessions compiled. In a pipe nothing is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.errors import CliError
from collector.errors import CollectorError

if TYPE_CHECKING:
    from rich.progress import Progress

    from clawtrace_otel.cli.reader import SessionReader
    from clawtrace_otel.cli.session_files import SessionFile
    from collector.api import CompileCounts

_CARDS_SINCE: Final = "SELECT count(*) AS cards FROM tracecards WHERE epoch_us(compiled_at) >= {start}"
_LOOK_EVERY_S: Final = 1.0


def shown(files: list[SessionFile]) -> Iterator[SessionFile]:
    """Show files, bytes and the time left on a terminal, nothing in a pipe."""
    with _progress("files", megabytes=True) as progress:
        task = progress.add_task("Importing", total=sum(file.size for file in files), units=0, of=len(files))
        for number, file in enumerate(files, 1):
            yield file
            progress.update(task, advance=file.size, units=number)


def compiled(store: SessionReader, sessions: int) -> CompileCounts:
    """Compile what was imported; show on a terminal how many of the sessions are done."""
    query = _CARDS_SINCE.format(start=time.time_ns() // 1_000)
    with _progress("sessions") as progress:
        task = progress.add_task("Compiling", total=sessions, units=0, of=sessions)

        def look() -> None:
            with suppress(CliError, CollectorError):  # a look that fails must not end what it looks at
                done = store.query(query).table.column("cards")[0].as_py()
                progress.update(task, completed=done, units=done)

        with nullcontext() if progress.disable else _now_and_then(look):
            return store.compile(everything=False)


@contextmanager
def _now_and_then(look: Callable[[], None]) -> Iterator[None]:
    """Look in a thread for as long as the block lasts, whose own thread Ctrl-C can end."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            look()

    thread = threading.Thread(target=watch, name="import-progress")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _progress(units: str, *, megabytes: bool = False) -> Progress:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from clawtrace_otel.cli.output import console

    errors = console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[units]}/{task.fields[of]} " + units),
        *([DownloadColumn()] if megabytes else []),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
