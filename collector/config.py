"""The collector's configuration: one frozen value per process, made at the edge (the cli, a test)."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestConfig:
    """How telemetry is taken in.

    `correlation_attributes` name the string attributes whose values say which traces belong together; the collector
    knows none of its own.
    """

    correlation_attributes: frozenset[str] = frozenset()
    queue_bytes: int = 256 * MEBIBYTE
    """What may wait to be stored, as received; past it senders are told to come back."""
    group_bytes: int = 16 * MEBIBYTE
    """Bodies up to this size together share one commit; a larger one has a commit of its own."""
    max_body_bytes: int = 64 * MEBIBYTE
    """Limit of one request, as sent and unpacked."""
    retry_after_s: int = 1
    """What senders are told to wait when the queue is full or the store asks to try again."""

    def __post_init__(self) -> None:
        for name in ("queue_bytes", "group_bytes", "max_body_bytes", "retry_after_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if self.max_body_bytes > self.queue_bytes:
            raise ValueError("max_body_bytes exceeds queue_bytes: the largest allowed request could never be queued")


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorConfig:
    """Where the collector listens, whom it lets in and how it takes telemetry in."""

    host: str = "127.0.0.1"
    grpc_port: int = 4317
    http_port: int = 4318
    """Port 0 picks a free one."""
    token: str | None = None
    """When set, every call but the health checks must carry `authorization: Bearer TOKEN`."""
    ingest: IngestConfig = IngestConfig()
