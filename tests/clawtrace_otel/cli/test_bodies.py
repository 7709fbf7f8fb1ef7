"""OTLP requests in files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, TracesData
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from clawtrace_otel.cli.bodies import JSON, PROTOBUF, NotOtlpError, bodies_in, files_in
from clawtrace_otel.cli.errors import CliError
from tests.support.recordings import CAPTURES, names, otlp_json, requests_of


@pytest.mark.parametrize("name", names())
def test_the_signal_is_told_by_the_content(name: str, tmp_path: Path) -> None:
    """A protobuf body whose file name says nothing is recognised, in every recording."""
    for number, request in enumerate(requests_of(name)):
        file = tmp_path / f"{number}.pb"
        file.write_bytes(request.content)
        (body,) = bodies_in(file)
        assert (body.signal, body.content, body.content_type) == (request.signal, request.content, PROTOBUF)


def test_json_gzip_and_lines(tmp_path: Path) -> None:
    """JSON bodies are recognised alone, packed, and one per line."""
    request = requests_of("pydantic-ai")[0]
    document = otlp_json(request)
    alone, packed, lines = tmp_path / "a.json", tmp_path / "b.gz", tmp_path / "c.jsonl"
    alone.write_bytes(document)
    packed.write_bytes(gzip.compress(document))
    lines.write_bytes(document + b"\n" + document + b"\n")
    found = [[(body.signal, body.content_type) for body in bodies_in(file)] for file in (alone, packed, lines)]
    assert found == [[("traces", JSON)], [("traces", JSON)], [("traces", JSON)] * 2]


@pytest.mark.parametrize("size", [ord("["), ord("{")])
def test_protobuf_that_begins_like_json_is_protobuf(size: int, tmp_path: Path) -> None:
    """A length of 91 or 123 bytes is a brace, and the byte before it a line break: what stands inside tells."""
    scope = ScopeSpans(spans=[OtlpSpan(trace_id=b"t" * 16, span_id=b"s" * 8)])
    scope.spans[0].name = "n" * (size - ResourceSpans(scope_spans=[scope]).ByteSize() - 2)
    content = TracesData(resource_spans=[ResourceSpans(scope_spans=[scope])]).SerializeToString()
    assert content[:2] == b"\n" + bytes([size])
    file = tmp_path / "request.pb"
    file.write_bytes(content)
    (body,) = bodies_in(file)
    assert (body.signal, body.content_type) == ("traces", PROTOBUF)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\n", b"{}", b'{"resourceSpans": []', b"[1, 2]", b"\x1f\x8bbroken", b"hello", b"\x00\xff" * 9),
        pytest.param(b"[" * 10**6, id="deeply-nested"),
    ],
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    """A file that holds no OTLP is refused in words that name it."""
    file = tmp_path / "something.pb"
    file.write_bytes(content)
    with pytest.raises(NotOtlpError, match=r"something\.pb"):
        list(bodies_in(file))


def test_folders_are_looked_through(tmp_path: Path) -> None:
    """A folder gives its OTLP-like files in order of name, each once; a missing path is an error."""
    folder = CAPTURES / "pydantic-ai"
    assert [file.name for file in files_in([folder, folder / "truth.json"])] == sorted(p.name for p in folder.iterdir())
    with pytest.raises(CliError, match="does not exist"):
        files_in([tmp_path / "none"])
    with pytest.raises(CliError, match="holds no OTLP files"):
        files_in([tmp_path])
