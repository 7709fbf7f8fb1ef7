"""OTLP exporters that choose their transport from the standard variables.

Spans, log records and metrics come from the OpenTelemetry SDK and go to `OTEL_EXPORTER_OTLP_ENDPOINT`. The classes
are registered as `clawtrace`, so `OTEL_TRACES_EXPORTER=clawtrace opentelemetry-instrument ...` finds them.
Source: OpenTelemetry specification, OTLP exporter configuration.
"""

from __future__ import annotations

import logging
import os
from importlib.metadata import entry_points
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

from clawtrace_otel.errors import ConfigurationError

Signal: TypeAlias = Literal["traces", "logs", "metrics"]

GRPC_PORT: Final = 4317
HTTP_PORT: Final = 4318
EXPORTER_BY_PROTOCOL: Final = {
    "grpc": "otlp_proto_grpc",
    "http/protobuf": "otlp_proto_http",
    "http/json": "otlp_json_http",
}

_logger = logging.getLogger("clawtrace_otel")


def create_otlp_exporter(signal: Signal) -> Any:  # noqa: ANN401 the class is chosen at run time, by entry point
    """Return the SDK's own OTLP exporter for a signal, over the transport that the environment asks for.

    Raises:
        ConfigurationError: the protocol is unknown or its package is missing, or the endpoint is no usable URL.
    """
    protocol = _protocol(signal)
    return load_exporter(signal, EXPORTER_BY_PROTOCOL[protocol])()


def load_exporter(signal: Signal, name: str) -> type[Any]:
    """Return the exporter class that an installed package registers under a name.

    Raises:
        ConfigurationError: no installed package does.
    """
    for entry_point in entry_points(group=f"opentelemetry_{signal}_exporter", name=name):
        exporter: type[Any] = entry_point.load()
        return exporter
    if name == EXPORTER_BY_PROTOCOL["http/json"]:
        raise ConfigurationError(
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/json needs `pip install opentelemetry-exporter-otlp-json-http`; "
            "or set it to http/protobuf, which the collector takes on the same port"
        )
    raise ConfigurationError(
        f"OTEL_{signal.upper()}_EXPORTER names {name!r}, which no installed package provides; use otlp, console or none"
    )


def _protocol(signal: Signal) -> str:
    """Name the protocol; where none is given, gRPC on its registered port and HTTP with protobuf elsewhere."""
    variable, endpoint = _endpoint(signal)
    port = _port(variable, endpoint) if endpoint else None
    given = (
        os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "").strip()
        or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip()
    )
    if given and given not in EXPORTER_BY_PROTOCOL:
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL is {given!r}; it must be one of {', '.join(EXPORTER_BY_PROTOCOL)}"
        )
    if given == "grpc" and port == HTTP_PORT:
        # opentelemetry-instrument writes "grpc" where the user wrote nothing, so on this port it is no decision.
        _logger.warning("%s names the OTLP/HTTP port %d, so http/protobuf is used instead of grpc", variable, HTTP_PORT)
        given = "http/protobuf"
    protocol = given or ("grpc" if port == GRPC_PORT else "http/protobuf")
    if endpoint and protocol != "grpc" and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ConfigurationError(
            f"{variable} is {endpoint!r}; for {protocol} it must start with http:// or https://, "
            f"for example http://localhost:{HTTP_PORT}"
        )
    return protocol


def _endpoint(signal: Signal) -> tuple[str, str]:
    """Return the variable that names the endpoint, and its value: empty where the exporter's default applies."""
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
    if os.environ.get(own, "").strip():
        return own, os.environ[own].strip()
    return "OTEL_EXPORTER_OTLP_ENDPOINT", os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()


def _port(variable: str, endpoint: str) -> int | None:
    # `localhost:4317` has no scheme, and without `//` urlsplit would take the host for one.
    try:
        return urlsplit(endpoint if "//" in endpoint else f"//{endpoint}").port
    except ValueError as error:
        raise ConfigurationError(
            f"{variable} is {endpoint!r}, which is not a URL ({error}); write for example http://localhost:{HTTP_PORT}"
        ) from error


# The SDK demands a class of the signal's exporter type. Ours answer a call with the SDK's own exporter, so that every
# method and option of it stays as it is; mypy is told that a constructor may do so.


class ClawtraceSpanExporter(SpanExporter):
    """What `OTEL_TRACES_EXPORTER=clawtrace` names; constructing it gives the SDK's OTLP exporter for spans."""

    def __new__(cls) -> SpanExporter:  # type: ignore[misc]
        """Choose the transport; raises ConfigurationError as `create_otlp_exporter` does."""
        exporter: SpanExporter = create_otlp_exporter("traces")
        return exporter


class ClawtraceLogRecordExporter(LogRecordExporter):
    """What `OTEL_LOGS_EXPORTER=clawtrace` names; constructing it gives the SDK's OTLP exporter for log records."""

    def __new__(cls) -> LogRecordExporter:  # type: ignore[misc]
        """Choose the transport; raises ConfigurationError as `create_otlp_exporter` does."""
        exporter: LogRecordExporter = create_otlp_exporter("logs")
        return exporter


class ClawtraceMetricExporter(MetricExporter):
    """What `OTEL_METRICS_EXPORTER=clawtrace` names; constructing it gives the SDK's OTLP exporter for metrics."""

    def __new__(cls) -> MetricExporter:  # type: ignore[misc]
        """Choose the transport; raises ConfigurationError as `create_otlp_exporter` does."""
        exporter: MetricExporter = create_otlp_exporter("metrics")
        return exporter
