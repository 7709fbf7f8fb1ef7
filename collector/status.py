"""The border where errors become what a sender understands: HTTP statuses, gRPC codes, `google.rpc.Status`.

Source: OTLP specification, "OTLP/gRPC Response", "OTLP/HTTP Response" and "Retryable Response Codes".
"""

from __future__ import annotations

from typing import Final

import grpc
import msgspec
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.decode import Encoding, Signal
from collector.errors import (
    CollectorError,
    ForbiddenError,
    MalformedRequestError,
    QueryError,
    QueueFullError,
    RequestTooLargeError,
    StoppingError,
    UnauthorizedError,
    UnknownSessionError,
)
from collector.ingest import Accepted

_CODES: Final[dict[type[CollectorError], tuple[int, grpc.StatusCode]]] = {
    MalformedRequestError: (400, grpc.StatusCode.INVALID_ARGUMENT),
    UnauthorizedError: (401, grpc.StatusCode.UNAUTHENTICATED),
    ForbiddenError: (403, grpc.StatusCode.PERMISSION_DENIED),
    UnknownSessionError: (404, grpc.StatusCode.NOT_FOUND),
    RequestTooLargeError: (413, grpc.StatusCode.RESOURCE_EXHAUSTED),
    QueueFullError: (429, grpc.StatusCode.RESOURCE_EXHAUSTED),
    StoppingError: (503, grpc.StatusCode.UNAVAILABLE),
}
_RETRYABLE: Final = (503, grpc.StatusCode.UNAVAILABLE)
_PERMANENT: Final = (500, grpc.StatusCode.INTERNAL)
_RESPONSES: Final = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}
_CAMEL: Final = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}


def http_status(error: CollectorError) -> int:
    """Return the HTTP status that tells a client what to do about an error."""
    return error.status if isinstance(error, QueryError) else _codes(error)[0]


def grpc_status(error: CollectorError) -> grpc.StatusCode:
    """Return the gRPC code that tells a client what to do about an error."""
    return _codes(error)[1]


def _codes(error: CollectorError) -> tuple[int, grpc.StatusCode]:
    return _CODES.get(type(error), _RETRYABLE if error.retryable else _PERMANENT)


def retry_after_s(error: CollectorError) -> int | None:
    """Return how long a sender should wait before it tries again; None where trying again cannot help."""
    if isinstance(error, QueueFullError):
        return error.retry_after_s
    return 1 if error.retryable else None


def rpc_status(error: CollectorError) -> Status:
    """Return an error as `google.rpc.Status`, with RetryInfo where sending again can help."""
    status = Status(code=grpc_status(error).value[0], message=str(error))
    seconds = retry_after_s(error)
    if seconds is not None:
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=seconds)))
    return status


def error_body(error: CollectorError, encoding: Encoding) -> bytes:
    """Return the body of an OTLP/HTTP error, in the request's encoding."""
    status = rpc_status(error)
    if encoding == "json":
        return msgspec.json.encode({"code": status.code, "message": status.message})
    body: bytes = status.SerializeToString()
    return body


def export_response(signal: Signal, accepted: Accepted, encoding: Encoding) -> bytes:
    """Return the body of an export response; `partial_success` is absent when nothing was lost."""
    partial = bool(accepted.rejected or accepted.message)
    if encoding == "json":
        # 64-bit integers are strings in ProtoJSON.
        lost = {_CAMEL[signal]: str(accepted.rejected), "errorMessage": accepted.message}
        return msgspec.json.encode({"partialSuccess": lost} if partial else {})
    kind, count_field = _RESPONSES[signal]
    response = kind()
    if partial:
        setattr(response.partial_success, count_field, accepted.rejected)
        response.partial_success.error_message = accepted.message
    body: bytes = response.SerializeToString()
    return body
