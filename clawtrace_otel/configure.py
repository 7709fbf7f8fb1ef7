"""Sets up the OpenTelemetry SDK from the standard OTEL_* variables, and nothing else.

Spans and log records of this process go over OTLP to `OTEL_EXPORTER_OTLP_ENDPOINT`, by default the collector on
localhost. Source: OpenTelemetry specification, SDK environment variables and OTLP exporter configuration.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry import _logs, trace
from opentelemetry._logs._internal import ProxyLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from clawtrace_otel.errors import ConfigurationError
from clawtrace_otel.exporter import Signal, create_otlp_exporter, load_exporter
from clawtrace_otel.hooks import end_open_sessions
from clawtrace_otel.session import SessionSpanProcessor

FLUSH_MILLISECONDS: Final = 30_000
OTLP_NAMES: Final = frozenset({"otlp", "clawtrace"})


@dataclass(slots=True)
class Telemetry:
    """What `configure()` set up; flush it where a process must not lose spans before it goes on."""

    _processors: list[SpanProcessor | BatchLogRecordProcessor] = field(default_factory=list)
    _closed: bool = False

    @property
    def enabled(self) -> bool:
        """False where OTEL_SDK_DISABLED, or an exporter of `none`, left nothing to send."""
        return bool(self._processors) and not self._closed

    def flush(self, timeout_millis: int = FLUSH_MILLISECONDS) -> bool:
        """Hand what has ended so far to the exporters; False where that took too long.

        What a collector did not take, the exporters log.
        """
        sent = [processor.force_flush(timeout_millis) for processor in self._processors]
        return all(sent)

    def shutdown(self) -> None:
        """End open hook sessions, send everything and stop; runs by itself when the interpreter exits."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.shutdown)
        end_open_sessions()
        for processor in self._processors:
            processor.shutdown()


class _State:
    """The one set-up of this process."""

    lock = threading.Lock()
    telemetry: Telemetry | None = None


def configure() -> Telemetry:
    """Send this process's spans and log records to the collector, as the standard variables say.

    Called again it returns the same set-up. A tracer provider that is already there stays and gets our processors;
    `OTEL_SDK_DISABLED=true` leaves everything alone.

    Raises:
        ConfigurationError: a variable cannot be obeyed, or a provider is set that takes no span processors.
    """
    with _State.lock:
        if _State.telemetry is None or _State.telemetry._closed:  # noqa: SLF001 its own module
            _State.telemetry = _set_up()
        return _State.telemetry


def _set_up() -> Telemetry:
    telemetry = Telemetry()
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return telemetry
    # Everything that can be refused is asked for before anything is installed or a processor's thread runs.
    span_exporters, log_exporters = _exporters("traces"), _exporters("logs")
    add_span_processor = _span_border() if span_exporters else None
    span_processors = [BatchSpanProcessor(exporter) for exporter in span_exporters]
    log_processors = [BatchLogRecordProcessor(exporter) for exporter in log_exporters]
    if add_span_processor is not None:
        for processor in (SessionSpanProcessor(), *span_processors):
            add_span_processor(processor)
    if log_processors:
        add_log_processor = _log_border()
        for log_processor in log_processors:
            add_log_processor(log_processor)
    telemetry._processors = [*span_processors, *log_processors]  # noqa: SLF001 its own module
    atexit.register(telemetry.shutdown)
    return telemetry


def _exporters(signal: Signal) -> list[Any]:
    """Build the exporters that `OTEL_<SIGNAL>_EXPORTER` lists; by default the OTLP one."""
    names = os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or "otlp"
    wanted = [name.strip() for name in names.split(",") if name.strip() not in ("", "none")]
    return [create_otlp_exporter(signal) if name in OTLP_NAMES else load_exporter(signal, name)() for name in wanted]


def _span_border() -> Callable[[SpanProcessor], None]:
    """Return where span processors are added: the provider that is there, else one of ours."""
    present = trace.get_tracer_provider()
    if isinstance(present, trace.ProxyTracerProvider):
        # Without its own exit handler: ours ends open hook sessions before the processors stop.
        provider = TracerProvider(shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
        return provider.add_span_processor
    add = getattr(present, "add_span_processor", None)
    if add is None:
        raise ConfigurationError(
            f"a tracer provider of type {type(present).__name__} is already set and takes no span processors; "
            "call clawtrace_otel.configure() before it is set, or export to the collector from there"
        )
    border: Callable[[SpanProcessor], None] = add
    return border


def _log_border() -> Callable[[BatchLogRecordProcessor], None]:
    """Return where log processors are added; where another provider is set, ours stays unused and that one is kept."""
    present = _logs.get_logger_provider()
    if isinstance(present, LoggerProvider):
        return present.add_log_record_processor
    provider = LoggerProvider(shutdown_on_exit=False)
    if isinstance(present, ProxyLoggerProvider):
        _logs.set_logger_provider(provider)
    return provider.add_log_record_processor
