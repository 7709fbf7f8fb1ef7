"""The collector's configuration: one frozen value per process, made at the edge (the cli, a test)."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

from collector.access import Access, Token
from collector.tls import TlsFiles

MEBIBYTE = 1024 * 1024
_POSITIVE = ("queue_bytes", "group_bytes", "max_body_bytes", "max_attributes", "max_attribute_bytes", "retry_after_s")
LARGEST_BODY_MIB = 64
INSTANCE_HEADER = "X-ClawTrace-Instance"
"""Tells in the answer of `/healthz` which collector it is, of all that may have used its address."""
LAKE_COMMIT_INTERVAL_S = 0.25
"""A lake's commit costs tens of milliseconds of CPU and a turn at the catalog, whatever its size."""


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
    commit_interval_s: float = 0.0
    """How long after the start of one commit the next one starts at the earliest, unless a group is full: for stores
    whose commits cost much whatever their size. A request that comes after a pause does not wait."""
    max_body_bytes: int = LARGEST_BODY_MIB * MEBIBYTE
    """Limit of one request, as sent and unpacked."""
    max_attributes: int = 10_000
    """Of one span, event, log record, point, resource or scope; what comes after them is dropped and counted."""
    max_attribute_bytes: int = 16 * MEBIBYTE
    """Of one attribute or log body; longer text is cut and longer structures are dropped, both counted."""
    retry_after_s: int = 1
    """What senders are told to wait when the queue is full or the store asks to try again."""

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if self.max_body_bytes > self.queue_bytes:
            raise ValueError("max_body_bytes exceeds queue_bytes: the largest allowed request could never be queued")


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorConfig:
    """Where the collector listens, whom it lets in and how it takes telemetry in."""

    host: str = "127.0.0.1"
    published: str | None = None
    """The address under which a container engine publishes the ports: in a container `host` does not say who comes."""
    grpc_port: int = 4317
    http_port: int = 4318
    """Port 0 picks a free one."""
    token: str | None = None
    """When set, every call but the health checks must carry `authorization: Bearer TOKEN`; good for everything."""
    tokens: tuple[Token, ...] = ()
    """Further tokens, each with a name and scopes."""
    tls: TlsFiles | None = None
    max_connections: int = 2048
    """Per transport. Past it HTTP requests are answered 503, and connections past twice as many are closed."""
    request_timeout_s: float = 60.0
    """How long the body of one request may take to arrive."""
    answer_timeout_s: float = 300.0
    """How long a client may take to read an answer."""
    header_timeout_s: float = 20.0
    """How long a new connection may take to send the head of its first request."""
    instance: str = field(default_factory=lambda: uuid4().hex)
    """Names this collector, as no other is or was named."""
    ingest: IngestConfig = IngestConfig()

    @property
    def access(self) -> Access:
        """Every token that is let in."""
        own = () if self.token is None else (Token.of("CLAWTRACE_TOKEN", self.token),)
        return Access((*own, *self.tokens))
