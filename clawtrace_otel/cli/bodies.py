"""OTLP export requests that lie in files: their signal, their encoding, and whether they are compressed.

Understood are the raw body of a request (protobuf or JSON) and lines of JSON bodies, as the file exporter of the
OpenTelemetry collector writes them; each also gzipped. Source: OTLP specification; OTLP file exporter specification.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, get_args

from clawtrace_otel.cli.errors import CliError

if TYPE_CHECKING:
    from google.protobuf.message import Message

Data = TypeVar("Data", bound="Message")
Signal: TypeAlias = Literal["traces", "logs", "metrics"]
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_SUFFIXES: Final = frozenset({".pb", ".bin", ".binpb", ".json", ".jsonl", ".gz"})
"""What is taken from a folder; a file that is named itself may be called anything."""
_ROOT_KEYS: Final = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PROTOBUF_TAG: Final = b"\n"
"""Field 1 of a message, which all that an export request holds is."""
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


class NotOtlpError(CliError):
    """A file holds no OTLP request."""


@dataclass(frozen=True, slots=True)
class Body:
    """One export request."""

    signal: Signal
    content: bytes
    content_type: str


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Return the named files and the OTLP-like ones in the named folders, each once, folders in order of name.

    Raises `CliError` for a path that does not exist and for a folder with nothing in it.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in _SUFFIXES)
            if not inside:
                raise CliError(f"{path} holds no OTLP files (*.pb, *.json, *.jsonl, also with .gz)")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise CliError(f"{path} does not exist")
    return list(found)


def bodies_in(file: Path) -> Iterator[Body]:
    """Yield the export requests of a file. Raises `NotOtlpError` where it holds none, before anything was yielded."""
    content = _unpacked(file)
    if not content.strip():
        raise NotOtlpError(f"{file} is empty")
    if _looks_like_json(content):
        documents = [content] if _is_json(content) else content.splitlines()
        yield from [_json_body(document, file) for document in documents if document.strip()]
        return
    signal = _signal_in_name(file) or _signal_in_protobuf(content)
    if signal is None:
        raise NotOtlpError(
            f"{file} is not an OTLP request: neither its name nor its content says traces, logs or metrics"
        )
    yield Body(signal, content, PROTOBUF)


def _unpacked(file: Path) -> bytes:
    content = file.read_bytes()
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise NotOtlpError(f"{file} is invalid or truncated gzip data: {error}") from error


def _looks_like_json(content: bytes) -> bool:
    """Whether a file begins as JSON does, which protobuf may do by chance.

    Protobuf's first byte is that of a line break, and the second is a brace where what follows has 91 or 123 bytes.
    """
    begins = content.lstrip()[:1] in {b"{", b"["}
    return begins and not (content.startswith(_PROTOBUF_TAG) and _signal_in_protobuf(content) is not None)


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _json_body(document: bytes, file: Path) -> Body:
    try:
        keys = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise NotOtlpError(f"{file} is not JSON: {error}") from error
    signals = [signal for key, signal in _ROOT_KEYS.items() if isinstance(keys, dict) and key in keys]
    for signal in get_args(Signal):
        if signals == [signal]:
            return Body(signal, document, JSON)
    raise NotOtlpError(f"{file} is not an OTLP request: expected one of {', '.join(_ROOT_KEYS)} at the top")


def _signal_in_name(file: Path) -> Signal | None:
    words = set(re.findall(r"[a-z]+", file.name.lower()))
    named: list[Signal] = [signal for signal in get_args(Signal) if signal in words]
    return named[0] if len(named) == 1 else None


def _signal_in_protobuf(content: bytes) -> Signal | None:
    """Tell the three requests apart: they share their outer layers and differ in what a record must have."""
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    traces = _parsed(TracesData, content).resource_spans
    spans = [span for resource in traces for scope in resource.scope_spans for span in scope.spans]
    if any(len(s.trace_id) == _TRACE_ID_BYTES and len(s.span_id) == _SPAN_ID_BYTES for s in spans):
        return "traces"
    points = _parsed(MetricsData, content).resource_metrics
    metrics = [metric for resource in points for scope in resource.scope_metrics for metric in scope.metrics]
    if any(metric.name and metric.WhichOneof("data") for metric in metrics):
        return "metrics"
    records = _parsed(LogsData, content).resource_logs
    logs = [log for resource in records for scope in resource.scope_logs for log in scope.log_records]
    if any(log.time_unix_nano or log.observed_time_unix_nano or log.HasField("body") for log in logs):
        return "logs"
    return None


def _parsed(kind: type[Data], content: bytes) -> Data:
    """Return the message, empty where the bytes are none of its kind."""
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(content)
    except DecodeError:
        return kind()
