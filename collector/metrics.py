"""What the collector counts about itself, for Prometheus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from collector.api import CompileCounts
from collector.store import Receipt

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_COMMIT_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """One registry per collector, so that two in one process do not mix. `signal` is traces, logs or metrics."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.received = self._counter("received_records", "Records that arrived in readable requests", "signal")
        self.stored = self._counter("stored_records", "Records committed", "signal")
        self.duplicates = self._counter("duplicate_records", "Records that were stored already", "signal")
        self.rejected = self._counter("rejected_records", "Malformed records, answered as partial success", "signal")
        self.failed = self._counter("failed_requests", "Export requests answered with an error", "reason")
        self.compiled = self._counter("compiled_sessions", "Sessions tried to turn into cards", "result")
        self.budget_breaches = self._counter("budget_breaches", "Breaches of budgets, each counted once", "rule")
        self.webhook_posts = self._counter("webhook_posts", "Attempts to tell a webhook of a breach", "result")
        self.redacted = self._counter("redacted_values", "Values replaced or left out before storage", "kind")
        self.retired = self._counter("retired_sessions", "Sessions deleted because they are not kept", "reason")
        self.returned_bytes = Counter(
            "clawtrace_returned_bytes", "Bytes given back to the file system", registry=self._registry
        )
        self.database_bytes = Gauge(
            "clawtrace_database_bytes",
            "What the database file and its log take of the disk; not a number for a store that is no file",
            registry=self._registry,
        )
        self.database_bytes.set(math.nan)
        self.queue_bytes = Gauge(
            "clawtrace_queue_bytes", "Request bytes received and not yet answered", registry=self._registry
        )
        self.commit_seconds = Histogram(
            "clawtrace_commit_seconds", "Time of one commit", buckets=_COMMIT_BUCKETS, registry=self._registry
        )

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(f"clawtrace_{name}", text, [label], registry=self._registry)

    def count_receipt(self, receipt: Receipt) -> None:
        """Add what one commit stored."""
        for signal, stored, duplicate in (
            ("traces", receipt.spans, receipt.duplicate_spans),
            ("logs", receipt.logs, receipt.duplicate_logs),
            ("metrics", receipt.metric_points, receipt.duplicate_metric_points),
        ):
            self.stored.labels(signal).inc(stored)
            self.duplicates.labels(signal).inc(duplicate)

    def count_compiled(self, counts: CompileCounts) -> None:
        """Add what one round of compiling did."""
        self.compiled.labels("compiled").inc(counts.compiled)
        self.compiled.labels("failed").inc(counts.failed)

    def count_posted(self, result: str) -> None:
        """Add an attempt to tell a webhook: `posted` or `failed`."""
        self.webhook_posts.labels(result).inc()

    def count_redacted(self, counts: Mapping[str, int]) -> None:
        """Add what was redacted in one commit, by kind."""
        for kind, count in counts.items():
            self.redacted.labels(kind).inc(count)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
