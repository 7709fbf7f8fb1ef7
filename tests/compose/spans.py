"""Send a small agent session to a collector with the exporters that agents use.

Two model calls and a tool call by the GenAI semantic conventions, one half over gRPC, the other over HTTP. The session
is named by the argument; a token is taken from CLAWTRACE_TOKEN; `service.name` is `compose-test`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


def agent_run(session: str) -> Sequence[ReadableSpan]:
    """Return the spans of one session, in the order in which they ended."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "compose-test"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("compose-test")
    common = {"gen_ai.conversation.id": session}
    agent = {**common, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "probe"}
    tool = {**common, "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "clock", "gen_ai.tool.call.id": "1"}
    with tracer.start_as_current_span("invoke_agent probe", attributes=agent):
        for input_tokens, output_tokens in ((1000, 50), (1100, 60)):
            call: dict[str, str | int] = {
                **common,
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.response.model": "gpt-4o-mini",
                "gen_ai.usage.input_tokens": input_tokens,
                "gen_ai.usage.cache_read.input_tokens": 0,
                "gen_ai.usage.output_tokens": output_tokens,
            }
            with tracer.start_as_current_span("chat gpt-4o-mini", attributes=call):
                pass
            if input_tokens == 1000:
                with tracer.start_as_current_span("execute_tool clock", attributes=tool):
                    pass
    provider.shutdown()
    return memory.get_finished_spans()


def send(exporter: SpanExporter, spans: Sequence[ReadableSpan]) -> None:
    """Export, and insist on the collector's acknowledgement."""
    result = exporter.export(spans)
    exporter.shutdown()
    if result is not SpanExportResult.SUCCESS:
        raise SystemExit(f"{type(exporter).__module__} was not acknowledged")


def main() -> None:
    """Send the session named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("session")
    parser.add_argument("--grpc", required=True, metavar="HOST:PORT")
    parser.add_argument("--http", required=True, metavar="URL")
    arguments = parser.parse_args()
    spans = agent_run(arguments.session)
    token = os.environ.get("CLAWTRACE_TOKEN")
    header = {"authorization": f"Bearer {token}"} if token else {}
    send(GrpcExporter(endpoint=arguments.grpc, insecure=True, headers=header), spans[:2])
    send(HttpExporter(endpoint=f"{arguments.http}/v1/traces", headers=header), spans[2:])


if __name__ == "__main__":
    main()
