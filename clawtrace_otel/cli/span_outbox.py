"""Spans made here, sent to the store as OTLP/JSON requests of some megabytes while the next ones are made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Final

import msgspec

from clawtrace_otel.cli.bodies import JSON, Body

if TYPE_CHECKING:
    from collector.model import Attributes, AttributeValue, Resource, Scope, Span

REQUEST_BYTES: Final = 4 * 1024 * 1024
"""A request is sent once it is this large; one span may be larger."""
LARGEST_SPAN: Final = 48 * 1024 * 1024
"""Bytes; a request of one such span and of some before it is still one that a collector takes."""
_LONGEST_KEPT: Final = 1024 * 1024
_UNDER_WAY: Final = 3
"""Requests that are sent and not answered: enough to keep the store at work, few enough to bound memory."""


class SpanOutbox:
    """Takes spans of one resource and scope after another; what was rejected of them is told to `complain`."""

    def __init__(self, deliver: Callable[[Body], str], complain: Callable[[str], None]) -> None:
        self._deliver, self._complain = deliver, complain
        self._senders = ThreadPoolExecutor(_UNDER_WAY, thread_name_prefix="send")
        self._answers: deque[Future[str]] = deque()
        self._origin: tuple[Resource, Scope] | None = None
        self._spans: list[bytes] = []
        self._size = 0

    def __enter__(self) -> SpanOutbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send the rest, unless the block failed, and wait for every answer."""
        try:
            if error is None:
                self._flush()
                self._wait(0)
        finally:
            self._senders.shutdown(cancel_futures=True)

    def add(self, spans: Iterable[Span]) -> None:
        """Take spans, and send what has gathered. Raises what `deliver` raised for earlier ones."""
        for span in spans:
            origin = span.resource, span.scope
            if origin != self._origin or self._size >= REQUEST_BYTES:
                self._flush()
                self._origin = origin
            encoded = self._encoded(span)
            self._spans.append(encoded)
            self._size += len(encoded)

    def _encoded(self, span: Span) -> bytes:
        """Return a span as bytes; one that no request could carry loses its longest texts, not its figures."""
        encoded = encode_span(span)
        if len(encoded) <= LARGEST_SPAN:
            return encoded
        kept = {key: value for key, value in span.attributes.items() if len(str(value)) <= _LONGEST_KEPT}
        self._complain(f"content of {span.name} left out: {len(encoded)} bytes are more than a request may have")
        return encode_span(replace(span, attributes=kept, status_message=span.status_message[:_LONGEST_KEPT]))

    def _flush(self) -> None:
        if self._origin is not None and self._spans:
            body = Body("traces", _request(*self._origin, self._spans), JSON)
            self._answers.append(self._senders.submit(self._deliver, body))
            self._wait(_UNDER_WAY - 1)
        self._spans, self._size = [], 0

    def _wait(self, most: int) -> None:
        while len(self._answers) > most:
            rejected = self._answers.popleft().result()
            if rejected:
                self._complain(rejected)


def encode_span(span: Span) -> bytes:
    """Return a span as OTLP/JSON, without the resource and scope it came under, events and links."""
    return msgspec.json.encode(
        {
            "traceId": span.trace_id,
            "spanId": span.span_id,
            "parentSpanId": span.parent_span_id or "",
            "name": span.name,
            "kind": span.kind,
            "startTimeUnixNano": span.start_time_unix_nano,
            "endTimeUnixNano": span.end_time_unix_nano,
            "attributes": _attributes(span.attributes),
            "status": {"code": span.status_code, "message": span.status_message},
        }
    )


def _request(resource: Resource, scope: Scope, spans: Iterable[bytes]) -> bytes:
    encode = msgspec.json.encode
    return b'{"resourceSpans":[{"resource":{"attributes":%b},"scopeSpans":[{"scope":{"name":%b},"spans":[%b]}]}]}' % (
        encode(_attributes(resource.attributes)),
        encode(scope.name),
        b",".join(spans),
    )


def _attributes(attributes: Attributes) -> list[dict[str, object]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: AttributeValue) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
