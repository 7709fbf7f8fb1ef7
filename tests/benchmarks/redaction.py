"""What redaction costs: batches alone, in processor time, and through a real collector with and without it."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clawtrace_otel.cli.options import ContentAction
from clawtrace_otel.cli.redacting import RedactionChoice, redactor
from collector.batch import BatchBuilder
from collector.decode import Decoder, Export
from collector.store import Batch
from tests.benchmarks.ingest import CASES, SPANS_PER_REQUEST, through_a_collector
from tests.support.spans import request

_ROUNDS: Final = 3
_SPANS: Final = 2048


def main() -> None:
    """Print spans per second of redaction alone, then of the whole."""
    print(f"{'spans':12} {'with a secret':>14} {'content':>8} {'redacted/s':>11} {'us/span':>8}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            for share, content in ((0, "keep"), (10, "keep"), (1, "keep"), (0, "hash")):
                rate = _alone(Path(folder), case.span_bytes, share, ContentAction(content))
                having = f"1 in {share}" if share else "none"
                print(f"{case.name:12} {having:>14} {content:>8} {rate:11,.0f} {1e6 / rate:8.1f}")  # noqa: T201
    print(f"{'spans':12} {'redaction off/s':>16} {'on/s':>9} {'ratio':>6}")  # noqa: T201
    for case in CASES:
        count = range(0, case.requests * SPANS_PER_REQUEST, SPANS_PER_REQUEST)
        bodies = [request(range(first, first + SPANS_PER_REQUEST), size=case.span_bytes) for first in count]
        off, on = _through(bodies)
        print(f"{case.name:12} {off:16,.0f} {on:9,.0f} {on / off:6.2f}")  # noqa: T201


def _alone(folder: Path, size: int, share: int, content: ContentAction) -> float:
    redact = redactor(folder / "a.duckdb", RedactionChoice(content=content))
    assert redact is not None
    batch = _batch(size, share)
    times = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        redact.redact(batch)
        times.append(time.process_time() - started)
    return _SPANS / min(times)


def _batch(size: int, share: int) -> Batch:
    """Return spans, one in `share` of which carries a secret in a tool's arguments."""
    builder, decoder = BatchBuilder(), Decoder(frozenset())
    for first in range(0, _SPANS, SPANS_PER_REQUEST):
        message = ExportTraceServiceRequest.FromString(request(range(first, first + SPANS_PER_REQUEST), size=size))
        for number, span in enumerate(message.resource_spans[0].scope_spans[0].spans):
            if share and number % share == 0:
                arguments = json.dumps({"command": f"curl -H 'Authorization: Bearer {number:032d}abc' localhost"})
                span.attributes.add(key="gen_ai.tool.call.arguments").value.string_value = arguments
        builder.add(decoder.decode(Export("traces", "protobuf", message.SerializeToString(), 1)))
    return builder.build()


def _through(bodies: Iterable[bytes]) -> tuple[float, float]:
    """Return spans per second with redaction off and on, taken in turns."""
    bodies = list(bodies)
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "off.yaml"
        rules.write_text("secrets: false\n", encoding="utf-8")
        off, on = [], []
        for _ in range(_ROUNDS):
            off.append(through_a_collector(bodies, "--redact", str(rules)).per_second)
            on.append(through_a_collector(bodies).per_second)
    return statistics.median(off), statistics.median(on)


if __name__ == "__main__":
    main()
