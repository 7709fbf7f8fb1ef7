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
            "--out",
            metavar="FILE",
            dir_okay=False,
            help="FILE.json for speedscope.app; FILE.svg or FILE.html for a browser. Default: SESSION.html.",
        ),
    ] = None,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Write a cost flame graph: speedscope JSON, or a self-contained SVG or HTML page."""
    from clawtrace_otel.cli.flame_graph import html_page, speedscope, svg
    from clawtrace_otel.cli.output import counted
    from clawtrace_otel.cli.questions import file_name, resolve_session
    from clawtrace_otel.cli.reader import open_reader
    from clawtrace_otel.cli.steps import step_tree

    draw = {".json": speedscope, ".svg": svg, ".html": html_page}
    if out is not None and out.suffix not in draw:
        raise typer.BadParameter(f"{out.name} must end in .json, .svg or .html", param_hint="--out")
    with open_reader(db, endpoint) as reader:
        session_id = resolve_session(reader, session)
        tree = step_tree(reader, session_id)
    target = out or Path(file_name(session_id, "html"))
    target.write_text(draw[target.suffix](tree, session_id), encoding="utf-8")
    typer.echo(f"{target} written ({counted(len(tree.nodes), 'step')})", err=True)
