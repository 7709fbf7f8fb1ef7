"""OTLP over gRPC: the three export services and the standard health service.

Handlers take the request's bytes: parsing happens in the ingest path, once, where it can be shared and measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from collector.access import Scope
from collector.compression import packing
from collector.config import CollectorConfig
from collector.decode import Signal
from collector.errors import CollectorError, MalformedRequestError, StartError
from collector.exposure import bracketed
from collector.ingest import Ingest
from collector.metrics import Metrics
from collector.status import export_response, grpc_status, rpc_status

_SERVICES: Final[dict[str, Signal]] = {
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
}
_GRACE_S: Final = 5.0
_HEALTH_S: Final = 1.0
_OPTIONS: Final = (
    # A second collector on the same port must fail, not take every other connection.
    ("grpc.so_reuseport", 0),
    # Messages are unpacked where it stops at the limit, and outside the event loop.
    ("grpc.per_message_decompression", 0),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 64 * 1024),
    ("grpc.max_concurrent_streams", 256),
    # A peer that is gone without a word is found out; one that has nothing to send is asked to connect again.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_connection_idle_ms", 900_000),
)


class GrpcServer:
    """The gRPC side of a collector; lives in the event loop that starts it."""

    def __init__(
        self, config: CollectorConfig, ingest: Ingest, metrics: Metrics, check_ready: Callable[[], None]
    ) -> None:
        self._config = config
        self._check_ready = check_ready
        self._ingest = ingest
        self._metrics = metrics
        self._access = config.access
        self._health = health.aio.HealthServicer()
        self._said_health = health_pb2.HealthCheckResponse.UNKNOWN
        self._saying_health: asyncio.Task[None] | None = None
        self._server = grpc.aio.server(options=(*_OPTIONS, *_limits(config)))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers(
            tuple(
                # One message comes, as in any unary call; as a stream it is read only once it may come.
                grpc.method_handlers_generic_handler(
                    service, {"Export": grpc.stream_unary_rpc_method_handler(self._export(signal))}
                )
                for service, signal in _SERVICES.items()
            )
        )

    async def start(self) -> int:
        """Listen; return the port. Raises StartError where the address is taken or not ours."""
        address = f"{bracketed(self._config.host)}:{self._config.grpc_port}"
        tls = self._config.tls
        try:
            if tls is None:
                port: int = self._server.add_insecure_port(address)
            else:
                tls.context()  # says in words what is wrong with the files; gRPC only logs it
                port = self._server.add_secure_port(address, tls.grpc_credentials())
        except RuntimeError as error:
            raise StartError(
                f"cannot listen on {address} for gRPC: another program may use it; choose another with --grpc-port"
            ) from error
        await self._server.start()
        await self._say_health()
        self._saying_health = asyncio.create_task(self._keep_saying_health())
        return port

    async def stop(self) -> None:
        """Say that no more is served, let calls under way finish, and stop listening."""
        if self._saying_health is not None:
            self._saying_health.cancel()
        await self._health.enter_graceful_shutdown()
        await self._server.stop(_GRACE_S)

    async def _keep_saying_health(self) -> None:
        while True:
            await asyncio.sleep(_HEALTH_S)
            await self._say_health()

    async def _say_health(self) -> None:
        try:
            self._check_ready()
            status = health_pb2.HealthCheckResponse.SERVING
        except CollectorError:
            status = health_pb2.HealthCheckResponse.NOT_SERVING
        if status != self._said_health:
            self._said_health = status
            for service in ("", *_SERVICES):
                await self._health.set(service, status)

    def _export(self, signal: Signal):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a coroutine of untyped grpc's
        async def export(messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> bytes:
            try:
                self._check(context)
                body = await self._message(messages)
                accepted = await asyncio.wrap_future(self._ingest.submit(signal, body, "protobuf", packing(body)))
            except CollectorError as error:
                await _abort(context, error)
                raise
            return export_response(signal, accepted, "protobuf")

        return export

    def _check(self, context: grpc.aio.ServicerContext) -> None:
        """Raise where the sender may not send, or must come back later; its message is not read then."""
        try:
            self._access.check(dict(context.invocation_metadata()).get("authorization"), Scope.INGEST)
        except CollectorError as error:
            self._metrics.failed.labels(type(error).__name__).inc()
            raise
        self._ingest.check_room(0)

    async def _message(self, messages: AsyncIterator[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self._config.request_timeout_s):
                async for message in messages:
                    return message
        except TimeoutError as error:
            raise MalformedRequestError(
                f"the message did not arrive within {self._config.request_timeout_s:.0f} s"
            ) from error
        raise MalformedRequestError("the call carried no message")


def _limits(config: CollectorConfig) -> tuple[tuple[str, int], ...]:
    return (
        ("grpc.max_receive_message_length", config.ingest.max_body_bytes),
        ("grpc.max_allowed_incoming_connections", config.max_connections),
        ("grpc.server_handshake_timeout_ms", int(config.header_timeout_s * 1000)),
    )


async def _abort(context: grpc.aio.ServicerContext, error: CollectorError) -> None:
    status = rpc_status(error)
    # Python's own exporter looks for RetryInfo under this name instead of in the status.
    hints = [("google.rpc.retryinfo-bin", detail.value) for detail in status.details if detail.Is(RetryInfo.DESCRIPTOR)]
    trailing = (("grpc-status-details-bin", status.SerializeToString()), *hints)
    await context.abort(grpc_status(error), str(error), trailing)
