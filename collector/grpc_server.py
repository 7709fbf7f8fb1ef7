"""OTLP over gRPC: the three export services and the standard health service.

Handlers take the request's bytes: parsing happens in the ingest path, once, where it can be shared and measured.
"""

from __future__ import annotations

import asyncio
from typing import Final

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from collector.config import CollectorConfig
from collector.decode import Signal
from collector.errors import CollectorError, StartError
from collector.ingest import Ingest
from collector.status import check_token, export_response, grpc_status, rpc_status

_SERVICES: Final[dict[str, Signal]] = {
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
}
_GRACE_S: Final = 5.0


class GrpcServer:
    """The gRPC side of a collector; lives in the event loop that starts it."""

    def __init__(self, config: CollectorConfig, ingest: Ingest) -> None:
        self._config = config
        self._ingest = ingest
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", config.ingest.max_body_bytes),
                # A second collector on the same port must fail, not take every other connection.
                ("grpc.so_reuseport", 0),
            ),
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers(
            tuple(
                grpc.method_handlers_generic_handler(
                    service, {"Export": grpc.unary_unary_rpc_method_handler(self._export(signal))}
                )
                for service, signal in _SERVICES.items()
            )
        )

    async def start(self) -> int:
        """Listen; return the port. Raises StartError where the address is taken or not ours."""
        address = f"{self._config.host}:{self._config.grpc_port}"
        try:
            port: int = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise StartError(
                f"cannot listen on {address} for gRPC: another program may use it; choose another with --grpc-port"
            ) from error
        await self._server.start()
        for service in ("", *_SERVICES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return port

    async def stop(self) -> None:
        """Say that no more is served, let calls under way finish, and stop listening."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(_GRACE_S)

    def _export(self, signal: Signal):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a coroutine of untyped grpc's
        async def export(body: bytes, context: grpc.aio.ServicerContext) -> bytes:
            try:
                metadata = dict(context.invocation_metadata())
                check_token(metadata.get("authorization"), self._config.token)
                accepted = await asyncio.wrap_future(self._ingest.submit(signal, body))
            except CollectorError as error:
                await _abort(context, error)
                raise
            return export_response(signal, accepted, "protobuf")

        return export


async def _abort(context: grpc.aio.ServicerContext, error: CollectorError) -> None:
    status = rpc_status(error)
    # Python's own exporter looks for RetryInfo under this name instead of in the status.
    hints = [("google.rpc.retryinfo-bin", detail.value) for detail in status.details if detail.Is(RetryInfo.DESCRIPTOR)]
    trailing = (("grpc-status-details-bin", status.SerializeToString()), *hints)
    await context.abort(grpc_status(error), str(error), trailing)
