"""`clawtrace flame`: where a session's money went, as a flame graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clawtrace_otel.cli.options import DatabaseOption, EndpointOption, SessionArgument


def flame(
    session: SessionArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", dir_okay=False, help=".json for speedscope.app, .svg or .html for a browser."
        ),
    ] = None,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Write a cost flame graph: speedscope JSON, or a self-contained SVG or HTML page."""
    from clawtrace_otel.cli.flame_graph import html_page, speedscope, svg
    from clawtrace_otel.cli.questions import file_name, resolve_session
    from clawtrace_otel.cli.reader import open_reader
    from clawtrace_otel.cli.steps import step_tree

    draw = {".json": speedscope, ".svg": svg, ".html": html_page}
    if out is not None and out.suffix not in draw:
        raise typer.BadParameter(f"{out.name} must end in {', '.join(draw)}", param_hint="--out")
    with open_reader(db, endpoint) as reader:
        session_id = resolve_session(reader, session)
        tree = step_tree(reader, session_id)
    target = out or Path(file_name(session_id, "html"))
    target.write_text(draw[target.suffix](tree, session_id), encoding="utf-8")
    typer.echo(f"{target} written ({len(tree.nodes)} steps)", err=True)
