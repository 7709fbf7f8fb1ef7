"""`clawtrace import claude-code|codex|openclaw`: an agent's own session files, sent in as spans."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clawtrace_otel.cli.bodies import PROTOBUF, Body
from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.import_ import imports as imports  # noqa: PLC0414 - `app` adds the group with these commands in it
from clawtrace_otel.cli.import_ import shown
from clawtrace_otel.cli.options import DatabaseOption, EndpointOption

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from collector.model import Attributes, Span
    from processors.session_logs import Imported

SPANS_PER_REQUEST: Final = 512
PathsArgument = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Session files, or folders of them.")]
Read = Callable[[Iterable[bytes], str], "Imported"]


@imports.command("claude-code")
def claude_code(paths: PathsArgument, db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Load Claude Code's session files, for example ~/.claude/projects."""
    from processors.session_logs import read_claude_code

    delegations: dict[str, str] = {}
    # A parent's file says which tool call started a sub-agent, so it is read before the sub-agent's.
    files = sorted(_session_files(paths), key=lambda file: (file.name.startswith("agent-"), str(file)))
    _load(files, lambda lines, name: read_claude_code(lines, name, delegations), db, endpoint)


@imports.command("codex")
def codex(paths: PathsArgument, db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Load Codex's session files, for example ~/.codex/sessions."""
    from processors.session_logs import read_codex

    _load(_session_files(paths), read_codex, db, endpoint)


@imports.command("openclaw")
def openclaw(paths: PathsArgument, db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Load OpenClaw's session files, for example ~/.openclaw/agents."""
    from processors.session_logs import read_openclaw

    _load(_session_files(paths), read_openclaw, db, endpoint)


def _session_files(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(
                dict.fromkeys(sorted(file for pattern in ("*.jsonl", "*.jsonl.gz") for file in path.rglob(pattern)))
            )
        elif path.exists():
            found[path] = None
        else:
            raise CliError(f"{path} does not exist")
    if not found:
        raise CliError("no *.jsonl file there: give the folder that holds the agent's sessions")
    return list(found)


def _load(files: list[Path], read: Read, db: Path | None, endpoint: str | None) -> None:
    from clawtrace_otel.cli.reader import open_reader

    sent = skipped = 0
    with open_reader(db, endpoint, create=True) as reader:
        for file in shown(files):
            imported = read(_lines(file), file.name.removesuffix(".gz").removesuffix(".jsonl"))
            sent, skipped = sent + len(imported.spans), skipped + imported.skipped
            for part in _batched(imported.spans):
                rejected = reader.deliver(Body("traces", _request(part), PROTOBUF))
                if rejected:
                    typer.echo(f"{file}: {rejected}", err=True)
        if not sent:
            raise CliError(f"nothing in {len(files)} files was understood ({skipped} lines skipped)")
        counts = reader.compile(everything=False)
    typer.echo(
        f"{len(files)} files, {sent} spans imported, {skipped} lines skipped; "
        f"{counts.compiled} sessions compiled, {counts.failed} failed"
    )


def _lines(file: Path) -> Iterator[bytes]:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        yield from stream


def _batched(spans: tuple[Span, ...]) -> Iterator[tuple[Span, ...]]:
    for start in range(0, len(spans), SPANS_PER_REQUEST):
        yield spans[start : start + SPANS_PER_REQUEST]


def _request(spans: Iterable[Span]) -> bytes:
    """Return an OTLP request with the spans of one session file, which share resource and scope."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    block = message.resource_spans.add()
    scope = block.scope_spans.add()
    for span in spans:
        if not scope.scope.name:
            scope.scope.name = span.scope.name
            _put(block.resource.attributes, span.resource.attributes)
        made = scope.spans.add(
            trace_id=bytes.fromhex(span.trace_id),
            span_id=bytes.fromhex(span.span_id),
            parent_span_id=bytes.fromhex(span.parent_span_id or ""),
            name=span.name,
            kind=span.kind,
            start_time_unix_nano=span.start_time_unix_nano,
            end_time_unix_nano=span.end_time_unix_nano,
        )
        made.status.code = span.status_code  # type: ignore[assignment] # an enum's number
        made.status.message = span.status_message
        _put(made.attributes, span.attributes)
    return message.SerializeToString()


def _put(fields: RepeatedCompositeFieldContainer[KeyValue], attributes: Attributes) -> None:
    for key, value in attributes.items():
        held = fields.add(key=key).value
        if isinstance(value, int):
            held.int_value = value
        elif isinstance(value, float):
            held.double_value = value
        else:
            held.string_value = str(value)
