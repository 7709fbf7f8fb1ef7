"""For programs that want no server: a span exporter that stores in process, by the collector's own ingest path.

`EmbeddedSpanExporter(path)` goes where an OTLP exporter would; `clawtrace card --db PATH` reads the file afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import TimeoutError as AnswerTimeoutError
from pathlib import Path

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from collector.config import IngestConfig
from collector.errors import CollectorError
from collector.ingest import Ingest
from collector.metrics import Metrics
from collector.store import TelemetryStore

_EXPORT_TIMEOUT_S = 30.0


class EmbeddedSpanExporter(SpanExporter):
    """Stores spans in a database file of its own; an export succeeds once its spans would survive a crash.

    Raises StoreError where the file cannot be opened, for one because a collector has it open: then send to that.
    """

    def __init__(self, path: str | Path, *, correlation_attributes: frozenset[str] = frozenset()) -> None:
        from collector.store.duck import DuckStore  # noqa: PLC0415 - duckdb loads when a file is really opened

        self._store: TelemetryStore = DuckStore.open(Path(path))
        self._ingest = Ingest(IngestConfig(correlation_attributes=correlation_attributes), self._store, Metrics())
        self._ingest.start()
        self._is_open = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Return SUCCESS when the spans are durable, FAILURE where they could not be stored."""
        try:
            answer = self._ingest.submit("traces", encode_spans(spans).SerializeToString())
            answer.result(_EXPORT_TIMEOUT_S)
        except (CollectorError, AnswerTimeoutError):
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing is held back to be flushed
        """Return True: an export returns only when its spans are stored."""
        return True

    def shutdown(self) -> None:
        """Finish what was taken in and release the file."""
        if self._is_open:
            self._is_open = False
            self._ingest.stop()
            self._store.close()
