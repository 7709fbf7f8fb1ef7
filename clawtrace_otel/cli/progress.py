"""A progress bar on a terminal, and nothing in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clawtrace_otel.cli.output import console

if TYPE_CHECKING:
    from rich.progress import TaskID

    from costcraft.progress import Progress


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Yield what shows, on stderr, one bar for each stage of a long run; they vanish at the end."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = console(stderr=True)
    bars = Bars(*columns, console=shown, transient=True, disable=not shown.is_terminal)
    tasks: dict[str, TaskID] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage)
        bars.update(tasks[stage], completed=done, total=total)

    with bars:
        yield progress
