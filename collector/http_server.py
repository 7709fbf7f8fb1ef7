"""OTLP over HTTP, and the collector's own HTTP interface: SQL, sessions, compiling, health, metrics."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collector.compression import Compression
from collector.config import INSTANCE_HEADER, CollectorConfig
from collector.decode import SIGNALS, Encoding, Signal
from collector.errors import CollectorError, QueueFullError, RequestTooLargeError, StartError
from collector.http_api import ApiRoutes, error_response
from collector.http_guard import HttpGuard
from collector.http_protocol import ConnectionLimits, guarded
from collector.ingest import Ingest
from collector.metrics import CONTENT_TYPE, Metrics
from collector.status import error_body, export_response, http_status, retry_after_s

_ENCODINGS: Final[dict[str, Encoding]] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_CONTENT_TYPES: Final = {encoding: content_type for content_type, encoding in _ENCODINGS.items()}
_COMPRESSIONS: Final[dict[str, Compression]] = {
    "": "identity",
    "identity": "identity",
    "gzip": "gzip",
    "deflate": "deflate",
}
_KEEP_ALIVE_S: Final = 75
"""Longer than the pause between two exports of any common exporter, so that none sends into a closing connection."""
_GRACE_S: Final = 5


class HttpServer:
    """The HTTP side of a collector; lives in the event loop that starts it."""

    def __init__(
        self,
        config: CollectorConfig,
        ingest: Ingest,
        metrics: Metrics,
        api: ApiRoutes,
        check_ready: Callable[[], None],
    ) -> None:
        self._config = config
        self._check_ready = check_ready
        self._ingest = ingest
        self._metrics = metrics
        routes = [
            *(Route(f"/v1/{signal}", self._export(signal), methods=["POST"]) for signal in SIGNALS),
            *api.routes(),
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._exposition),
        ]
        self._arriving_bytes = 0
        served = Starlette(routes=routes, exception_handlers={Exception: _unexpected})
        limits = ConnectionLimits(config.header_timeout_s, config.answer_timeout_s, config.max_connections)
        tls = config.tls
        self._server = uvicorn.Server(
            uvicorn.Config(
                HttpGuard(served, config.access, config.host, metrics),
                http=guarded(limits),
                ssl_context_factory=None if tls is None else lambda _config, _default: tls.context(),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                limit_concurrency=config.max_connections,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
                server_header=False,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; return the port. Raises StartError where the address is taken or not ours."""
        listener = _listen(self._config.host, self._config.http_port)
        port: int = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.005)
        return port

    async def stop(self) -> None:
        """Stop listening, and let requests under way finish."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving

    def _export(self, signal: Signal):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Starlette's endpoint type
        async def export(request: Request) -> Response:
            media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            encoding = _ENCODINGS.get(media_type)
            if encoding is None:
                return PlainTextResponse(f"send one of {', '.join(_ENCODINGS)}, not {media_type!r}", 415)
            packing = request.headers.get("content-encoding", "").strip().lower()
            compression = _COMPRESSIONS.get(packing)
            if compression is None:
                return PlainTextResponse(f"send gzip, deflate or no content encoding, not {packing!r}", 415)
            try:
                body = await self._body(request)
                accepted = await asyncio.wrap_future(self._ingest.submit(signal, body, encoding, compression))
            except CollectorError as error:
                return _failure(error, encoding)
            except TimeoutError:
                return PlainTextResponse(f"the body did not arrive within {self._config.request_timeout_s:.0f} s", 408)
            except ClientDisconnect:
                return Response(status_code=400)
            return Response(export_response(signal, accepted, encoding), media_type=_CONTENT_TYPES[encoding])

        return export

    async def _body(self, request: Request) -> bytes:
        """Return the body, refusing early what would be refused later."""
        declared = request.headers.get("content-length", "0")
        try:
            self._ingest.check_room(int(declared) if declared.isascii() and declared.isdigit() else 0)
        except CollectorError:
            await self._discard(request)
            raise
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._config.request_timeout_s):
                async for part in request.stream():
                    size += len(part)
                    self._arriving_bytes += len(part)
                    self._check_arriving(size)
                    parts.append(part)
        finally:
            self._arriving_bytes -= size
        return b"".join(parts)

    def _check_arriving(self, size: int) -> None:
        """Raise where a body, or all bodies under way together, are more than may be held in memory."""
        limits = self._config.ingest
        if size > limits.max_body_bytes:
            raise RequestTooLargeError(f"the body is larger than {limits.max_body_bytes} bytes: send smaller batches")
        if self._arriving_bytes > limits.queue_bytes:
            raise QueueFullError(
                f"{self._arriving_bytes} bytes are arriving already: send again later",
                retry_after_s=limits.retry_after_s,
            )

    async def _discard(self, request: Request) -> None:
        """Let the sender finish: one that is cut off in the middle of its body never reads the answer."""
        left = self._config.ingest.max_body_bytes
        async with asyncio.timeout(self._config.request_timeout_s):
            async for part in request.stream():
                left -= len(part)
                if left < 0:
                    return

    async def _healthz(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n", headers={INSTANCE_HEADER: self._config.instance})

    async def _readyz(self, _request: Request) -> Response:
        try:
            self._check_ready()
        except CollectorError as error:
            return error_response(error)
        return PlainTextResponse("ready\n")

    async def _exposition(self, _request: Request) -> Response:
        return Response(self._metrics.exposition(), headers={"content-type": CONTENT_TYPE})


async def _unexpected(_request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw; the server logs the traceback."""
    return error_response(CollectorError(f"the collector failed ({type(error).__name__}): its log says where"))


def _failure(error: CollectorError, encoding: Encoding) -> Response:
    seconds = retry_after_s(error)
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Response(error_body(error, encoding), http_status(error), headers, _CONTENT_TYPES[encoding])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartError(f"cannot listen on {host}:{port} for HTTP: {error}") from error
    try:
        # A port that a stopped collector used a moment ago is free; one that another uses now is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise StartError(
            f"cannot listen on {host}:{port} for HTTP ({error.strerror}): choose another with --http-port"
        ) from error
    listener.setblocking(False)  # noqa: FBT003 - the socket module's signature
    return listener
