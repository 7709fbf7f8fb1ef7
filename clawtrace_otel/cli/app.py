"""The `clawtrace` command: its sub-commands, and the border where an error becomes one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from clawtrace_otel.cli.errors import CliError, UsageError

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""

app = typer.Typer(
    name="clawtrace",
    help="Say what each step of an AI agent cost, and which of it was waste.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("clawtrace-otel"))
        raise typer.Exit


@app.callback()
def clawtrace(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback on errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Say what each step of an AI agent cost, and which of it was waste."""


def register() -> None:
    """Add every command; their modules import only typer until one of them runs."""
    from clawtrace_otel.cli import (
        cards,
        compile_,
        coverage,
        delete,
        demo,
        diff,
        distill,
        evaluate,
        export,
        flame,
        import_sessions,
        lake,
        outcome,
        schema,
        serve,
        sessions,
        sql,
        top,
    )

    for command in (
        demo.demo,
        serve.serve,
        sessions.sessions,
        cards.card,
        cards.cards,
        coverage.coverage,
        sql.sql,
        top.top,
        flame.flame,
        diff.diff,
        outcome.outcome,
        delete.delete,
        delete.compact,
        distill.distill,
        evaluate.evaluate,
        schema.schema,
    ):
        app.command()(command)
    app.command("compile")(compile_.compile_)
    app.add_typer(lake.lake, name="lake")
    app.add_typer(import_sessions.imports, name="import")
    app.add_typer(export.exports, name="export")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 done, 1 the request failed, 2 wrong usage.

    `--debug` is understood wherever it stands: it is what one adds to the end of a command that just failed.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    if not app.registered_commands:
        register()
    _prepare_streams()
    try:
        code = app(given, prog_name="clawtrace", standalone_mode=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return FAILED
    except Exception as error:  # noqa: BLE001 - the border: whatever happens, a user gets one line
        if _is_interrupt(error):
            return INTERRUPTED
        if debug:
            traceback.print_exc()
        if said := _in_words(error):
            typer.echo(f"clawtrace: {said}", err=True)
        if isinstance(error, UsageError):
            return WRONG_USAGE
        return error.exit_code if isinstance(error, typer.TyperException) else FAILED
    return code if isinstance(code, int) else 0


def _prepare_streams() -> None:
    """Replace streams that were closed before the start (`>&-`), and escape characters that a terminal cannot show."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif isinstance(stream, io.TextIOWrapper) and mode == "w" and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _in_words(error: Exception) -> str:
    """Return one line; nothing where a group without a command has shown its help instead."""
    if isinstance(error, typer.Abort):
        return "stopped"
    if isinstance(error, typer.TyperException):
        said = error.format_message().replace("Value error, ", "")  # pydantic's words, which tell a user nothing
        return _one_line(f"{said} {_help_hint(error)}") if said else ""
    if isinstance(error, CliError) or _is_ours(error):
        return _one_line(str(error))
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: pip install 'clawtrace-otel[server]'"
    if isinstance(error, OSError) and error.strerror:
        return _one_line(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    kind = type(error).__name__
    return _one_line(f"unexpected {kind}: {error} (a bug: run again with --debug and report the traceback)")


def _is_interrupt(error: Exception) -> bool:
    """Whether Ctrl-C came while DuckDB worked, which raises this in the place of KeyboardInterrupt."""
    return type(error) is RuntimeError and str(error) == "Query interrupted"


def _is_ours(error: Exception) -> bool:
    """Whether one of our packages raised it, with a message made for users; asked only of what is imported."""
    roots = (
        ("collector.errors", "CollectorError"),
        ("processors.errors", "ProcessorError"),
        ("costcraft.errors", "CostCraftError"),
    )
    known = (getattr(sys.modules.get(module), name, None) for module, name in roots)
    return any(root is not None and isinstance(error, root) for root in known)


def _help_hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"(see '{context.command_path} --help')" if context is not None else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _forget_stdout() -> None:
    """Keep the interpreter from flushing into a pipe that nobody reads any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
