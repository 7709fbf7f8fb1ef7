"""Spans made to order: how many, how large, and with ids that say which is which."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

START_NS = 1_790_000_000_000_000_000
SPANS_PER_TRACE = 16


def span(number: int, *, size: int, spans_per_trace: int = SPANS_PER_TRACE) -> Span:
    """Return the span of that number; about `size` bytes of it are a model call's attributes."""
    start = START_NS + number * 1_000_000
    made = Span(
        trace_id=(number // spans_per_trace + 1).to_bytes(16, "big"),
        span_id=(number + 1).to_bytes(8, "big"),
        name=f"chat model-{number % 7}",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=start,
        end_time_unix_nano=start + 900_000,
    )
    for key, text in {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.id": f"resp-{number}",
        "gen_ai.input.messages": f"{number} " + "lorem ipsum dolor " * (max(0, size - 300) // 18),
    }.items():
        made.attributes.add(key=key).value.string_value = text
    made.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 100 + number % 50
    made.attributes.add(key="gen_ai.usage.output_tokens").value.int_value = 20
    return made


def request(numbers: Iterable[int], *, size: int = 1_000, spans_per_trace: int = SPANS_PER_TRACE) -> bytes:
    """Return an export request in protobuf with the spans of those numbers."""
    message = ExportTraceServiceRequest()
    resource = message.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "load"
    scope = resource.scope_spans.add()
    scope.scope.name = "tests.load"
    scope.spans.extend(span(number, size=size, spans_per_trace=spans_per_trace) for number in numbers)
    return message.SerializeToString()


def span_id(number: int) -> str:
    """Return the id of the span of that number as the views show it."""
    return (number + 1).to_bytes(8, "big").hex()
