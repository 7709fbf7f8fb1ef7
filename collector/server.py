"""A running collector: ingest and both servers, in threads of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from collector.api import Actions, Queries
from collector.config import CollectorConfig
from collector.exposure import bracketed, check_exposure
from collector.grpc_server import GrpcServer
from collector.http_api import ApiRoutes
from collector.http_server import HttpServer
from collector.ingest import Ingest
from collector.metrics import Metrics
from collector.redaction import BatchRedactor
from collector.store import TelemetryStore


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a collector listens."""

    host: str
    grpc_port: int
    http_port: int
    encrypted: bool = False

    @property
    def grpc(self) -> str:
        """HOST:PORT for OTLP over gRPC."""
        return f"{bracketed(self.host)}:{self.grpc_port}"

    @property
    def http(self) -> str:
        """The URL of the HTTP interface."""
        return f"{'https' if self.encrypted else 'http'}://{bracketed(self.host)}:{self.http_port}"


class Collector:
    """Takes telemetry into a store and answers questions. The store stays its owner's, who closes it after `stop`."""

    def __init__(
        self,
        config: CollectorConfig,
        store: TelemetryStore,
        queries: Queries,
        actions: Actions,
        redactor: BatchRedactor | None = None,
        ready: Callable[[], None] | None = None,
    ) -> None:
        """`ready`, asked by health checks, raises a CollectorError while the store cannot be reached, and at once."""
        self.metrics = Metrics()
        self.ingest = Ingest(config.ingest, store, self.metrics, redactor=redactor)
        self._config = config
        self._ready = ready or _always
        self._api = ApiRoutes(queries, actions, self.ingest)
        self._stop_asked: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Addresses:
        """Listen and serve; return the addresses.

        Raises StartError where one is taken, not ours or open to everybody, and where TLS lacks a fitting file.
        """
        check_exposure(self._config)
        started: Future[Addresses] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="servers", daemon=True)
        self._thread.start()
        try:
            return started.result()
        except BaseException:
            self._thread.join()
            raise

    def stop(self) -> None:
        """Take nothing new, store and answer what was taken, and stop listening. Calling it again does nothing."""
        if self._thread is None or not self._thread.is_alive():
            return
        self.ingest.stop()
        if self._loop is not None and self._stop_asked is not None:
            self._loop.call_soon_threadsafe(self._stop_asked.set)
        self._thread.join()

    def _check_ready(self) -> None:
        self.ingest.check_room(0)
        self._ready()

    async def _serve(self, started: Future[Addresses]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_asked = asyncio.Event()
        grpc_server = GrpcServer(self._config, self.ingest, self.metrics, self._ready)
        http_server = HttpServer(self._config, self.ingest, self.metrics, self._api, self._check_ready)
        try:
            ports = (await grpc_server.start(), await http_server.start())
            addresses = Addresses(self._config.host, *ports, encrypted=self._config.tls is not None)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in `start`, which raises it
            await grpc_server.stop()
            started.set_exception(error)
            return
        self.ingest.start()
        started.set_result(addresses)
        await self._stop_asked.wait()
        await asyncio.gather(grpc_server.stop(), http_server.stop())


def _always() -> None:
    """Raise nothing."""
