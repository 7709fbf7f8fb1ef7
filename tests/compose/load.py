"""Send many small agent sessions through a load balancer, with the exporters that agents use, over gRPC and HTTP.

What an exporter gives up on is exported again until it is acknowledged. The number of acknowledged spans is written
into a file while it grows; at the end it is printed with the number of exports that had failed.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from tests.compose.spans import agent_run

_SESSIONS_AN_EXPORT = 10
_SENDERS_A_PROTOCOL = 3
_PATIENCE_S = 120.0


class Progress:
    """Counts, for whoever waits for them."""

    def __init__(self, file: Path, exports: range) -> None:
        self.failed = 0
        self._file = file
        self._spans = 0
        self._lock = threading.Lock()
        self._numbers = iter(exports)

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of exports that nobody took yet."""
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            yield number

    def acknowledge(self, spans: int) -> None:
        """Note spans that are stored for certain."""
        with self._lock:
            self._spans += spans
            partial = self._file.with_suffix(".partial")
            partial.write_text(str(self._spans), encoding="utf-8")
            partial.replace(self._file)

    def fail(self) -> None:
        """Note an export that has to be done again."""
        with self._lock:
            self.failed += 1


def send(exporter: SpanExporter, progress: Progress) -> None:
    """Export for as long as there is something to export."""
    for number in progress.numbers():
        first = number * _SESSIONS_AN_EXPORT
        spans = [span for one in range(_SESSIONS_AN_EXPORT) for span in agent_run(f"load-{first + one}")]
        limit = time.monotonic() + _PATIENCE_S
        while exporter.export(spans) is not SpanExportResult.SUCCESS:
            progress.fail()
            if time.monotonic() > limit:
                raise SystemExit("nothing is acknowledged any more")
            time.sleep(0.2)
        progress.acknowledge(len(spans))
    exporter.shutdown()


def main() -> None:
    """Send as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int, help="the number of the first export, so that a second load differs")
    parser.add_argument("exports", type=int)
    parser.add_argument("progress", type=Path)
    parser.add_argument("--grpc", required=True, metavar="HOST:PORT")
    parser.add_argument("--http", required=True, metavar="URL")
    arguments = parser.parse_args()
    token = os.environ.get("CLAWTRACE_TOKEN")
    header = {"authorization": f"Bearer {token}"} if token else {}
    exporters: list[SpanExporter] = []
    for _ in range(_SENDERS_A_PROTOCOL):
        exporters.append(GrpcExporter(endpoint=arguments.grpc, insecure=True, headers=header))
        exporters.append(HttpExporter(endpoint=f"{arguments.http}/v1/traces", headers=header))
    progress = Progress(arguments.progress, range(arguments.first, arguments.first + arguments.exports))
    with ThreadPoolExecutor(len(exporters)) as threads:
        for sender in [threads.submit(send, exporter, progress) for exporter in exporters]:
            sender.result()
    print(arguments.progress.read_text("utf-8"), progress.failed)  # noqa: T201 - what the caller reads


if __name__ == "__main__":
    main()
