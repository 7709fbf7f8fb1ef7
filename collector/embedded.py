"""For programs that want no server: a span exporter that stores in process, by the collector's own ingest path.

`EmbeddedSpanExporter(path)` goes where an OTLP exporter would; `clawtrace card --db PATH` reads the file afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import TimeoutError as AnswerTimeoutError
from contextlib import ExitStack, closing
from pathlib import Path

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from collector.config import IngestConfig
from collector.errors import CollectorError
from collector.ingest import Ingest
from collector.metrics import Metrics
from collector.redaction import BatchRedactor, Redaction, redaction_key
from collector.store import TelemetryStore

_EXPORT_TIMEOUT_S = 30.0


class EmbeddedSpanExporter(SpanExporter):
    """Stores spans in a database file of its own; an export succeeds once its spans would survive a crash.

    Secrets are redacted as `redaction` says. Raises StoreError where the file cannot be opened, for one because a
    collector has it open: then send to that; RedactionFileError where the redaction key cannot be read.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        correlation_attributes: frozenset[str] = frozenset(),
        redaction: Redaction = Redaction(),  # noqa: B008 - frozen
    ) -> None:
        from collector.store.duck import DuckStore  # noqa: PLC0415 - duckdb loads when a file is really opened

        with ExitStack() as undo:
            self._store: TelemetryStore = undo.enter_context(closing(DuckStore.open(Path(path))))
            key = redaction_key(Path(path))
            undo.pop_all()
        redactor = BatchRedactor(redaction, key, correlation_attributes=correlation_attributes)
        config = IngestConfig(correlation_attributes=correlation_attributes)
        self._ingest = Ingest(config, self._store, Metrics(), redactor=redactor)
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
