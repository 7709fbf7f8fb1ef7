"""The recordings as requests: as they were sent, in the other encodings, and cut into single records."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.support.collector import JSON, PROTOBUF, RunningCollector

CAPTURES: Final = Path(__file__).parent.parent / "fixtures" / "captures"
_REQUESTS: Final[dict[str, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
_STUBS: Final[dict[str, Any]] = {"traces": TraceServiceStub, "logs": LogsServiceStub, "metrics": MetricsServiceStub}
_ID_KEYS: Final = frozenset({"traceId", "spanId", "parentSpanId"})
MAX_GRPC_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    signal: str
    content: bytes

    @property
    def message(self) -> Any:
        return _REQUESTS[self.signal].FromString(self.content)


def names() -> list[str]:
    """Return every recording's name."""
    return sorted(path.parent.name for path in CAPTURES.glob("*/truth.json"))


def truth(name: str) -> dict[str, Any]:
    """Return what the model server really served."""
    said: dict[str, Any] = json.loads((CAPTURES / name / "truth.json").read_text(encoding="utf-8"))
    return said


def requests_of(name: str) -> list[Request]:
    """Return a recording's requests in the order in which they were sent."""
    files = sorted((CAPTURES / name).glob("*.pb"))
    return [Request(file.stem.rsplit("-", 1)[1], file.read_bytes()) for file in files]


def otlp_json(request: Request) -> bytes:
    """Return the request in OTLP/JSON: ids in hex, unlike protobuf's own mapping, enums as numbers."""
    return json.dumps(_with_hex_ids(MessageToDict(request.message, use_integers_for_enums=True))).encode()


def single_records(requests: Iterable[Request], seed: int) -> list[Request]:
    """Return one request per span, log record and metric, in an order drawn from the seed."""
    cut = [piece for request in requests for piece in _cut(request)]
    random.Random(seed).shuffle(cut)
    return cut


def send_protobuf(collector: RunningCollector, request: Request) -> None:
    """Send as OTLP/HTTP protobuf."""
    _post(collector, request, request.content, Content_Type=PROTOBUF)


def send_json(collector: RunningCollector, request: Request) -> None:
    """Send as OTLP/HTTP JSON."""
    _post(collector, request, otlp_json(request), Content_Type=JSON)


def send_gzip(collector: RunningCollector, request: Request) -> None:
    """Send as gzipped OTLP/HTTP protobuf."""
    _post(collector, request, gzip.compress(request.content), Content_Type=PROTOBUF, Content_Encoding="gzip")


def send_grpc(collector: RunningCollector, request: Request) -> None:
    """Send over OTLP/gRPC."""
    options = [("grpc.max_send_message_length", MAX_GRPC_BYTES), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(collector.grpc, options=options) as channel:
        answer = _STUBS[request.signal](channel).Export(request.message, timeout=60)
    assert not answer.partial_success.error_message, answer


Send = Callable[[RunningCollector, Request], None]
ENCODINGS: Final[dict[str, Send]] = {
    "http-protobuf": send_protobuf,
    "http-json": send_json,
    "http-gzip": send_gzip,
    "grpc": send_grpc,
}


def _post(collector: RunningCollector, request: Request, content: bytes, **headers: str) -> None:
    answer = collector.request("POST", f"/v1/{request.signal}", content, **headers)
    assert answer.status == 200, (answer.status, answer.body)
    assert answer.body in {b"", b"{}"}, f"not taken whole: {answer.body!r}"


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in _ID_KEYS and isinstance(item, str) else _with_hex_ids(item)
        for key, item in value.items()
    }


_LAYERS: Final = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
}


def _cut(request: Request) -> Iterator[Request]:
    outer, middle, inner = _LAYERS[request.signal]
    for resource in getattr(request.message, outer):
        for scope in getattr(resource, middle):
            for record in getattr(scope, inner):
                message = _REQUESTS[request.signal]()
                new_resource = getattr(message, outer).add(resource=resource.resource, schema_url=resource.schema_url)
                new_scope = getattr(new_resource, middle).add(scope=scope.scope, schema_url=scope.schema_url)
                getattr(new_scope, inner).append(record)
                yield Request(request.signal, message.SerializeToString())
