"""`clawtrace card` and `clawtrace cards`: TraceCards, one or all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clawtrace_otel.cli.options import CardFormat, DatabaseOption, EndpointOption, SessionArgument

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader


def card(
    session: SessionArgument,
    form: Annotated[CardFormat, typer.Option("--format", help="Output format.")] = CardFormat.YAML,
    tree: Annotated[
        bool, typer.Option("--tree", help="Show the session's steps with their costs as a tree instead.")
    ] = False,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Print one session's TraceCard."""
    from clawtrace_otel.cli.questions import card_text, resolve_session
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint) as reader:
        if tree:
            draw_tree(reader, resolve_session(reader, session))
            return
        sys.stdout.write(card_text(reader, resolve_session(reader, session), form))


def draw_tree(reader: SessionReader, session_id: str) -> None:
    """Print a session's steps as a tree."""
    from clawtrace_otel.cli.output import console
    from clawtrace_otel.cli.steps import step_tree
    from clawtrace_otel.cli.tree import rich_tree

    console().print(rich_tree(step_tree(reader, session_id), session_id))


def cards(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", file_okay=False, help="Write one file per session to this directory."),
    ] = None,
    form: Annotated[CardFormat, typer.Option("--format", help="Output format.")] = CardFormat.YAML,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Print every TraceCard, ordered by session id, or write each to its own file."""
    from clawtrace_otel.cli.output import counted
    from clawtrace_otel.cli.questions import every_card, file_name
    from clawtrace_otel.cli.reader import open_reader

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    count = 0
    with open_reader(db, endpoint) as reader:
        for session_id, text in every_card(reader, form):
            count += 1
            if out is None:
                sys.stdout.write(f"---\n{text}" if form is CardFormat.YAML else text)
            else:
                (out / file_name(session_id, form.value)).write_text(text, encoding="utf-8")
    if out is not None:
        typer.echo(f"{counted(count, 'card')} in {out}", err=True)
