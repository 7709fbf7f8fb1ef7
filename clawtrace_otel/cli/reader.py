"""The one object through which commands see the stored sessions: a running collector, or the file when none runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from clawtrace_otel.cli.bodies import JSON, Body
from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.http import Answer, HttpClient, explanation, token_from_environment
from clawtrace_otel.cli.lake import lake_address
from clawtrace_otel.cli.locate import locate
from collector.api import CompileCounts, Deletion, QueryResult

if TYPE_CHECKING:
    from collector.api import OutcomeReport
    from collector.export import Part
    from collector.skills import SkillReport
    from collector.store.lake_address import LakeAddress

ARROW: Final = "application/vnd.apache.arrow.stream"
_TRUNCATED_HEADER: Final = "x-clawtrace-truncated"
_COMPILE_SECONDS: Final = 3600.0
_RESEND_LIMIT: Final = 120
_BUSY: Final = frozenset({429, 502, 503, 504})
"""Answers after which a sender comes back. Source: OTLP specification, 'Retryable Response Codes'."""


class SessionReader(Protocol):
    """What commands ask and change."""

    def query(self, query: str) -> QueryResult:
        """Return the rows of one SELECT-like statement over the views."""
        ...

    def export(self) -> Iterator[Part]:
        """Yield everything that is stored, out of one snapshot; each part is to be read before the next."""
        ...

    def compile(self, *, everything: bool) -> CompileCounts:
        """Compile pending sessions, or all, now."""
        ...

    def record_outcome(self, session_id: str, outcome: OutcomeReport) -> None:
        """Attach a verdict to a session."""
        ...

    def record_skill(self, report: SkillReport) -> None:
        """Store what CostCraft produced, once however often it is said."""
        ...

    def delete(self, session_id: str) -> Deletion:
        """Delete everything of a session."""
        ...

    def compact(self) -> None:
        """Give back what deleted rows held."""
        ...

    def deliver(self, body: Body) -> str:
        """Store an OTLP request; return what of it was rejected and why, empty where nothing was."""
        ...


@contextmanager
def open_reader(
    database: Path | None,
    endpoint: str | None,
    *,
    write: bool = False,
    create: bool = False,
    budgets: Path | None = None,
    prices: Path | None = None,
    lake: LakeAddress | None = None,
) -> Iterator[SessionReader]:
    """Yield the reader for what the options and the environment name; see `locate` for the order.

    `write` opens a file for more than reading; `create` also makes one that does not exist. What is compiled in a file
    is priced by `prices` and judged by `budgets`. A `lake` is read as it is, and so is the one that the environment
    names where no option says anything else. Raises `CliError`.
    """
    if database is None and endpoint is None and (lake := lake or lake_address(None, None)) is not None:
        from clawtrace_otel.cli.file_reader import open_file

        with open_file(lake, write=write or create, budgets=budgets, prices=prices) as reader:
            yield reader
        return
    source = locate(database, endpoint, must_exist=not create)
    if source.endpoint is not None:
        if budgets is not None:
            raise CliError("a running collector judges by its own budgets: give them to 'clawtrace serve --budgets'")
        if prices is not None:
            raise CliError("a running collector has its own prices: give them to 'clawtrace serve --prices'")
        yield HttpReader(HttpClient(source.endpoint, token_from_environment()))
        return
    if source.database is not None:
        from clawtrace_otel.cli.file_reader import open_file

        with open_file(source.database, write=write or create, budgets=budgets, prices=prices) as reader:
            yield reader


@dataclass(frozen=True, slots=True)
class HttpReader:
    """Reads through a running collector."""

    client: HttpClient

    def query(self, query: str) -> QueryResult:
        """Return the rows of one SELECT-like statement over the views."""
        import pyarrow as pa

        sent = json.dumps({"query": query}).encode()
        answer = self.client.send("POST", "/api/sql", sent, {"Content-Type": JSON, "Accept": ARROW})
        if not answer.ok:
            raise CliError(explanation(answer, self.client.endpoint))
        with pa.ipc.open_stream(answer.body) as stream:
            return QueryResult(stream.read_all(), answer.header(_TRUNCATED_HEADER) == "true")

    def export(self) -> Iterator[Part]:
        """Yield everything that is stored while it arrives."""
        from collector.export import decoded

        with self.client.reading("/api/export") as stream:
            yield from decoded(stream)

    def compile(self, *, everything: bool) -> CompileCounts:
        """Compile pending sessions, or all, once what the collector has taken in is stored."""
        said = _object(self._patient().call("POST", f"/api/compile{'?all=true' if everything else ''}", b""))
        return CompileCounts(int(str(said["compiled"])), int(str(said["failed"])))

    def record_outcome(self, session_id: str, outcome: OutcomeReport) -> None:
        """Attach a verdict to a session."""
        path = f"/api/sessions/{quote(session_id, safe='')}/outcome"
        self.client.call("POST", path, outcome.model_dump_json(exclude_none=True).encode(), {"Content-Type": JSON})

    def record_skill(self, report: SkillReport) -> None:
        """Store what CostCraft produced."""
        self.client.call("POST", "/api/skills", report.model_dump_json().encode(), {"Content-Type": JSON})

    def delete(self, session_id: str) -> Deletion:
        """Delete everything of a session, once what the collector has taken in is stored."""
        said = _object(self._patient().call("DELETE", f"/api/sessions/{quote(session_id, safe='')}"))
        spans, logs, points = (int(str(said[name])) for name in ("spans", "logs", "metric_points"))
        reason = said.get("not_erased")
        return Deletion(spans, logs, points, None if reason is None else str(reason))

    def compact(self) -> None:
        """Give back what deleted rows held."""
        self._patient().call("POST", "/api/compact", b"")

    def _patient(self) -> HttpClient:
        return HttpClient(self.client.endpoint, self.client.token, _COMPILE_SECONDS)

    def deliver(self, body: Body) -> str:
        """Send an OTLP request, coming back while the collector is busy."""
        headers = {"Content-Type": body.content_type}
        for _ in range(_RESEND_LIMIT):
            answer = self.client.send("POST", f"/v1/{body.signal}", body.content, headers)
            if answer.status not in _BUSY:
                break
            time.sleep(_pause(answer))
        if not answer.ok:
            raise CliError(explanation(answer, self.client.endpoint))
        return rejected_words(answer.body, body)


def rejected_words(answer: bytes, body: Body) -> str:
    """Return the partial success of an OTLP answer in words, empty where all was taken."""
    if not answer:
        return ""
    if body.content_type == JSON:
        partial = _object(answer).get("partialSuccess")
        return str(partial.get("errorMessage", "")) if isinstance(partial, dict) else ""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    # The three responses share their wire format: a count and a message.
    return ExportTraceServiceResponse.FromString(answer).partial_success.error_message


def _pause(answer: Answer) -> float:
    """Return the seconds that the collector asks to wait, within reason."""
    said = answer.header("Retry-After") or ""
    return min(float(said), 30.0) if said.isascii() and said.isdigit() else 1.0


def _object(content: bytes) -> dict[str, object]:
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise CliError("the answer is not a ClawTrace collector's: check the address")
    return said
