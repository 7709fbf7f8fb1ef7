"""The routes under /api: queries and actions over HTTP, errors as `{"error": "..."}`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar

import msgspec
import pyarrow as pa
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from collector.api import Actions, OutcomeReport, Queries, QueryResult
from collector.errors import CollectorError, QueryError, UnknownSessionError
from collector.export import encoded
from collector.http_stream import Stream
from collector.ingest import Ingest
from collector.query_format import json_document
from collector.skills import SkillReport
from collector.status import http_status, retry_after_s

TRUNCATED_HEADER: Final = "X-ClawTrace-Truncated"
"""`true` on an Arrow answer that a cap cut, which Arrow itself has no place to say."""
ARROW_STREAM: Final = "application/vnd.apache.arrow.stream"
_MAX_BODY_BYTES: Final = 8 * 1024 * 1024
_BODY_TIMEOUT_S: Final = 30.0
_SESSIONS: Final = "SELECT * FROM sessions ORDER BY started_at DESC, session_id"
_CARD: Final = "SELECT card, yaml FROM tracecards WHERE session_id = ?"
_YAML: Final = "application/yaml"
_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
_Model = TypeVar("_Model", bound=BaseModel)


class _QueryBody(msgspec.Struct, forbid_unknown_fields=True):
    query: str


class ApiRoutes:
    """Answers /api with what `Queries` and `Actions` do, each in a worker thread."""

    def __init__(self, queries: Queries, actions: Actions, ingest: Ingest) -> None:
        self._queries = queries
        self._actions = actions
        self._ingest = ingest

    def routes(self) -> list[Route]:
        """Return the routes, errors translated."""
        return [
            Route("/api/sql", _guarded(self._sql), methods=["POST"]),
            Route("/api/compile", _guarded(self._compile), methods=["POST"]),
            Route("/api/export", _guarded(self._export), methods=["GET"]),
            Route("/api/sessions", _guarded(self._sessions), methods=["GET"]),
            Route("/api/sessions/{session_id:path}/card", _guarded(self._card), methods=["GET"]),
            Route("/api/sessions/{session_id:path}/outcome", _guarded(self._outcome), methods=["POST"]),
            Route("/api/sessions/{session_id:path}", _guarded(self._delete), methods=["DELETE"]),
            Route("/api/compact", _guarded(self._compact), methods=["POST"]),
            Route("/api/skills", _guarded(self._skills), methods=["POST"]),
        ]

    async def _sql(self, request: Request) -> Response:
        body = _parsed(await _body(request))
        return await asyncio.to_thread(_rendered, lambda: self._queries.run(body.query), _wants_arrow(request))

    async def _export(self, request: Request) -> Response:
        chunks = encoded(self._queries.export())
        return Stream(await asyncio.to_thread(next, chunks), chunks, request)

    async def _sessions(self, request: Request) -> Response:
        return await asyncio.to_thread(_rendered, lambda: self._queries.run(_SESSIONS), _wants_arrow(request))

    async def _card(self, request: Request) -> Response:
        session_id = request.path_params["session_id"]
        result = await asyncio.to_thread(self._queries.run, _CARD, [session_id])
        rows = result.table.to_pylist()
        if not rows:
            raise UnknownSessionError(f"no card for session {session_id!r}: GET /api/sessions lists what is stored")
        if _YAML in request.headers.get("accept", ""):
            return Response(rows[0]["yaml"], media_type=_YAML)
        return Response(rows[0]["card"], media_type="application/json")

    async def _compile(self, request: Request) -> Response:
        everything = request.query_params.get("all", "").lower() in {"1", "true"}

        def drained_and_compiled() -> bytes:
            self._ingest.drain()
            counts = self._actions.compile(everything=everything)
            return msgspec.json.encode({"compiled": counts.compiled, "failed": counts.failed})

        return Response(await asyncio.to_thread(drained_and_compiled), media_type="application/json")

    async def _delete(self, request: Request) -> Response:
        def drained_and_deleted() -> bytes:
            self._ingest.drain()
            return msgspec.json.encode(self._actions.delete(request.path_params["session_id"]))

        return Response(await asyncio.to_thread(drained_and_deleted), media_type="application/json")

    async def _compact(self, _request: Request) -> Response:
        await asyncio.to_thread(self._actions.compact)
        return Response(b"{}", media_type="application/json")

    async def _outcome(self, request: Request) -> Response:
        session_id = request.path_params["session_id"]
        outcome = _validated(OutcomeReport, await _body(request), "the outcome")
        await asyncio.to_thread(self._actions.record_outcome, session_id, outcome)
        return Response(msgspec.json.encode({"session_id": session_id}), media_type="application/json")

    async def _skills(self, request: Request) -> Response:
        report = _validated(SkillReport, await _body(request), "the skill report")
        recorded = await asyncio.to_thread(self._actions.record_skill, report)
        return Response(msgspec.json.encode({"recorded": recorded}), media_type="application/json")


def error_response(error: CollectorError) -> Response:
    """Return an error as the API's own document."""
    seconds = retry_after_s(error)
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Response(msgspec.json.encode({"error": str(error)}), http_status(error), headers, "application/json")


def _rendered(ask: Callable[[], QueryResult], as_arrow: bool) -> Response:  # noqa: FBT001 - two forms, no third
    result = ask()
    if not as_arrow:
        return Response(json_document(result), media_type="application/json")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, result.table.schema) as writer:
        writer.write_table(result.table)
    headers = {TRUNCATED_HEADER: "true" if result.truncated else "false"}
    return Response(sink.getvalue().to_pybytes(), headers=headers, media_type=ARROW_STREAM)


def _wants_arrow(request: Request) -> bool:
    return ARROW_STREAM in request.headers.get("accept", "")


def _guarded(endpoint: _Endpoint) -> _Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except CollectorError as error:
            return error_response(error)
        except ClientDisconnect:
            return Response(status_code=400)

    return answer


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                if size > _MAX_BODY_BYTES:
                    raise QueryError(f"the body is larger than {_MAX_BODY_BYTES} bytes", status=413)
                parts.append(part)
    except TimeoutError as error:
        raise QueryError(f"the body did not arrive within {_BODY_TIMEOUT_S:.0f} s", status=408) from error
    return b"".join(parts)


def _validated(kind: type[_Model], body: bytes, named: str) -> _Model:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise QueryError(f"{named} is not valid: {where or 'body'}: {first['msg']}", status=400) from error


def _parsed(body: bytes) -> _QueryBody:
    try:
        return msgspec.json.decode(body, type=_QueryBody)
    except (msgspec.MsgspecError, ValueError) as error:
        raise QueryError(f'send {{"query": "SELECT ..."}} as JSON: {error}', status=400) from error
