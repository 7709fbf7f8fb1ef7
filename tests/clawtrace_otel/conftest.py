"""Spans of this process with deterministic ids, and a receiver that speaks OTLP to other processes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from clawtrace_otel import SessionSpanProcessor
from tests.clawtrace_otel.receiver import Receiver, receiver

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


class CountingIds(IdGenerator):
    """1, 2, 3, ... for both kinds of id."""

    def __init__(self) -> None:
        self._spans = itertools.count(1)
        self._traces = itertools.count(1)

    def generate_span_id(self) -> int:
        return next(self._spans)

    def generate_trace_id(self) -> int:
        return next(self._traces)


class FinishedSpans:
    """What ended so far, by span name."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.all]

    def clear(self) -> None:
        self._exporter.clear()

    def one(self, name: str) -> ReadableSpan:
        (span,) = (span for span in self.all if span.name == name)
        return span

    def attributes(self, name: str) -> dict[str, object]:
        return dict(self.one(name).attributes or {})


@pytest.fixture(scope="session")
def exporter() -> InMemorySpanExporter:
    """Set the global provider of the process, which OpenTelemetry lets a program set only once."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(id_generator=CountingIds(), shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    memory = InMemorySpanExporter()
    provider.add_span_processor(SessionSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return memory


@pytest.fixture
def spans(exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> FinishedSpans:
    """Return the spans that this test ends; content capture is off."""
    monkeypatch.delenv(CAPTURE, raising=False)
    exporter.clear()
    return FinishedSpans(exporter)


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch, spans: FinishedSpans) -> FinishedSpans:
    """Return the spans that this test ends; content capture is on."""
    monkeypatch.setenv(CAPTURE, "true")
    return spans


@pytest.fixture
def otlp() -> Iterator[Receiver]:
    """Return a running OTLP receiver, gRPC and HTTP."""
    with receiver() as running:
        yield running
