"""Storing in process, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from collector.embedded import EmbeddedSpanExporter
from collector.errors import RedactionFileError, StoreLockedError
from collector.model import Span
from collector.store.duck import DuckStore


def stored(path: Path) -> list[Span]:
    """Return every span in a database file."""
    store = DuckStore.open(path)
    spans = [span for group in store.groups() for span in store.load(group).spans]
    store.close()
    return spans


def test_spans_are_in_the_file_afterwards(tmp_path: Path) -> None:
    """What a program recorded is stored faithfully, traces that share a session as one group."""
    path = tmp_path / "spans.duckdb"
    exporter = EmbeddedSpanExporter(path, correlation_attributes=frozenset({"session.id"}))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    for name in ("one", "two"):
        with provider.get_tracer("lib").start_as_current_span(name) as span:
            span.set_attributes({"session.id": "s", "data": b"\x00"})
    provider.shutdown()

    assert sorted((span.name, span.attributes["data"]) for span in stored(path)) == [("one", b"\x00"), ("two", b"\x00")]
    store = DuckStore.open(path)
    assert len(list(store.groups())) == 1
    store.close()


def test_an_exporter_that_was_shut_down_fails_instead_of_pretending(tmp_path: Path) -> None:
    """Exporting after shutdown reports a failure; shutting down twice does nothing."""
    exporter = EmbeddedSpanExporter(tmp_path / "spans.duckdb")
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("lib").start_span("late")
    span.end()
    exporter.shutdown()
    exporter.shutdown()
    assert exporter.export([span]) is SpanExportResult.FAILURE  # type: ignore[list-item]


def test_a_file_in_use_is_a_clear_error(tmp_path: Path) -> None:
    """A database that something else has open is refused at once, in words."""
    path = tmp_path / "spans.duckdb"
    exporter = EmbeddedSpanExporter(path)
    with pytest.raises(StoreLockedError, match=r"spans\.duckdb"):
        EmbeddedSpanExporter(path)
    exporter.shutdown()


def test_a_file_is_let_go_of_where_its_key_cannot_be_read(tmp_path: Path) -> None:
    """An exporter that cannot be made leaves the database as it found it, for the next attempt."""
    path, key = tmp_path / "spans.duckdb", tmp_path / "spans.duckdb.redaction-key"
    key.write_bytes(b"short")
    with pytest.raises(RedactionFileError, match="32 bytes"):
        EmbeddedSpanExporter(path)
    key.unlink()
    EmbeddedSpanExporter(path).shutdown()
