"""OTLP in both encodings to Arrow tables."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.columns import CORRELATIONS, LOGS, METRIC_POINTS, SPANS
from collector.decode import Signal
from collector.errors import MalformedRequestError
from collector.store.rows import spans_of
from collector.values import decode_attributes
from tests.collector.otlp import REQUESTS, as_text, batch_of, decode, one_span
from tests.support.recordings import Request, names, otlp_json, requests_of

SOME = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("signal", REQUESTS)
@SOME
@given(data=st.data())
def test_both_encodings_give_the_same_tables(signal: Signal, data: st.DataObject) -> None:
    """The same request in protobuf and in JSON gives identical rows and correlations, and loses nothing."""
    request = data.draw(REQUESTS[signal])
    body = request.SerializeToString()
    binary = decode(body, signal)
    text = decode(otlp_json(Request(signal, body)), signal, "json")
    assert as_text(batch_of(binary)) == as_text(batch_of(text))
    assert binary.losses.message() == text.losses.message() == ""


@SOME
@given(REQUESTS["traces"])
def test_spans_come_back_as_they_were_sent(request: Any) -> None:
    """Every field of a span, its events and its links survives the way to Arrow and back."""
    sent = [span for outer in request.resource_spans for inner in outer.scope_spans for span in inner.spans]
    for span, back in zip(sent, spans_of(batch_of(decode(request.SerializeToString())).spans), strict=True):
        assert (back.trace_id, back.span_id, back.name) == (span.trace_id.hex(), span.span_id.hex(), span.name)
        assert back.parent_span_id == (span.parent_span_id.hex() or None)
        assert (back.start_time_unix_nano, back.end_time_unix_nano) == (
            span.start_time_unix_nano,
            span.end_time_unix_nano,
        )
        assert (back.status_code, back.status_message) == (span.status.code, span.status.message)
        assert repr(dict(back.attributes)) == repr({pair.key: python(pair.value) for pair in span.attributes})
        assert [(event.name, event.time_unix_nano) for event in back.events] == [
            (event.name, event.time_unix_nano) for event in span.events
        ]
        assert [(link.trace_id, link.trace_state, link.flags) for link in back.links] == [
            (link.trace_id.hex(), link.trace_state, link.flags) for link in span.links
        ]


def python(value: AnyValue) -> Any:
    """Return an AnyValue as plain Python, by protobuf's own accessors."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [python(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: python(pair.value) for pair in value.kvlist_value.values}
        case kind:
            return getattr(value, kind)


@pytest.mark.parametrize("name", names())
def test_recordings_are_taken_whole(name: str) -> None:
    """What real frameworks sent loses nothing, and gives the same rows in both encodings."""
    for request in requests_of(name):
        signal: Any = request.signal
        binary = decode(request.content, signal)
        assert binary.losses.message() == ""
        assert as_text(batch_of(binary)) == as_text(batch_of(decode(otlp_json(request), signal, "json")))


def test_tables_have_the_agreed_layout_also_when_empty() -> None:
    """A batch without rows has the same schemas as one with rows."""
    batch = batch_of()
    schemas = [table.schema for table in (batch.spans, batch.logs, batch.metric_points, batch.correlations)]
    assert schemas == [SPANS, LOGS, METRIC_POINTS, CORRELATIONS]
    assert batch_of(decode(one_span().SerializeToString())).spans.schema == SPANS


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b"\x01" * 15}, "id has 15 bytes, not 16"),
        ({"span_id": b"\x01" * 3}, "id has 3 bytes, not 8"),
        ({"trace_id": b""}, "trace_id is missing or zero"),
        ({"span_id": bytes(8)}, "span_id is missing or zero"),
    ],
)
def test_a_malformed_span_costs_only_itself(fields: dict[str, Any], reason: str) -> None:
    """A span that cannot be identified is rejected with its reason; its neighbour is stored."""
    request = one_span(**fields)
    request.MergeFrom(one_span(name="neighbour"))
    decoded = decode(request.SerializeToString())
    assert batch_of(decoded).spans["name"].to_pylist() == ["neighbour"]
    assert decoded.losses.rejected == 1
    assert reason in decoded.losses.message()


def test_a_malformed_parent_or_link_costs_only_that_field() -> None:
    """The span is stored without what was broken, and the sender is told."""
    link = Span.Link(trace_id=b"\x09" * 5, span_id=b"\x01" * 8)
    decoded = decode(one_span(parent_span_id=b"\x01", links=[link]).SerializeToString())
    (span,) = spans_of(batch_of(decoded).spans)
    assert (span.parent_span_id, span.links, decoded.losses.rejected) == (None, (), 0)
    assert "parent_span_id: id has 1 bytes" in decoded.losses.message()
    assert "link: id has 5 bytes" in decoded.losses.message()


def broken_body(old: bytes, new: bytes, **fields: Any) -> bytes:
    """Return a two-span body in which `old` was overwritten by `new` of the same length."""
    request = one_span(**fields)
    request.MergeFrom(one_span(name="neighbour"))
    body: bytes = request.SerializeToString()
    assert old in body
    assert len(old) == len(new)
    return body.replace(old, new)


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"name": "caf_MARK"}, "name"),
        ({"status": Status(message="caf_MARK")}, "status_message"),
        ({"attributes": [KeyValue(key="k", value=AnyValue(string_value="caf_MARK"))]}, "attributes"),
        ({"events": [Span.Event(name="caf_MARK")]}, "events"),
    ],
)
def test_text_that_is_not_utf8_is_kept_as_far_as_it_goes(fields: dict[str, Any], column: str) -> None:
    """Bytes that are not UTF-8 become U+FFFD where they stand; no span is lost, and the sender is told."""
    decoded = decode(broken_body(b"_MARK", b"\xff ok!", **fields))
    spans = batch_of(decoded).spans
    assert spans.num_rows == 2
    assert "caf\ufffd ok!" in spans[column][0].as_py()
    assert decoded.losses.rejected == 0
    assert "UTF-8" in decoded.losses.message()


def test_an_attribute_that_is_not_protobuf_costs_only_itself() -> None:
    """The span keeps its other attributes."""
    pairs = [KeyValue(key="bad", value=AnyValue(string_value="MARK")), KeyValue(key="ok", value=AnyValue(int_value=1))]
    good = pairs[0].SerializeToString()
    body = broken_body(good, b"\x0a\xff" + good[2:], attributes=pairs)
    decoded = decode(body)
    assert decode_attributes(batch_of(decoded).spans["attributes"][0].as_py()) == {"ok": 1}
    assert "attribute" in decoded.losses.message()


def test_a_span_that_is_not_protobuf_costs_only_itself() -> None:
    """A broken span inside a sound envelope is rejected; its neighbour is stored."""
    decoded = decode(broken_body(b"\x2a\x04work", b"\x2a\xffwork"))
    assert batch_of(decoded).spans["name"].to_pylist() == ["neighbour"]
    assert decoded.losses.rejected == 1


def nested(depth: int) -> AnyValue:
    """Return an array within an array, `depth` times."""
    value = AnyValue(int_value=1)
    for _ in range(depth):
        outer = AnyValue()
        outer.array_value.values.append(value)
        value = outer
    return value


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_nesting_without_end_costs_only_the_attribute(encoding: Any) -> None:
    """Thirty levels are kept, more are dropped with the reason; both encodings draw the same line."""
    pairs = [KeyValue(key="kept", value=nested(30)), KeyValue(key="lost", value=nested(31))]
    body = one_span(attributes=pairs).SerializeToString()
    decoded = decode(body if encoding == "protobuf" else otlp_json(Request("traces", body)), encoding=encoding)
    assert list(decode_attributes(batch_of(decoded).spans["attributes"][0].as_py())) == ["kept"]
    assert "nested deeper than 30 levels" in decoded.losses.message()


def json_span(**fields: Any) -> dict[str, Any]:
    """Return an OTLP/JSON request with one span."""
    span = {"traceId": "AB" * 16, "spanId": "01" * 8, "name": "work"} | fields
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span, {"traceId": "01" * 16, "spanId": "02" * 8}]}]}]}


def decode_json(document: Any) -> Any:
    """Decode a document sent as OTLP/JSON."""
    return decode(json.dumps(document).encode(), encoding="json")


def test_json_is_read_as_the_specification_says() -> None:
    """Hex ids in either case, 64-bit integers as strings or numbers, unknown fields and nulls ignored."""
    value = {"bytesValue": "-_8", "futureValue": 1}
    document = json_span(
        startTimeUnixNano="18446744073709551615",
        endTimeUnixNano=7,
        kind=3,
        parentSpanId=None,
        future={"x": 1},
        attributes=[
            {"key": "int", "value": {"intValue": "-9223372036854775808"}},
            {"key": "nan", "value": {"doubleValue": "NaN"}},
            {"key": "bytes", "value": value},
            {"key": "none", "value": {}},
        ],
    )
    decoded = decode_json(document)
    assert decoded.losses.message() == ""
    span = spans_of(batch_of(decoded).spans)[0]
    assert (span.trace_id, span.start_time_unix_nano, span.end_time_unix_nano) == ("ab" * 16, 2**64 - 1, 7)
    assert span.attributes["int"] == -(2**63)
    assert isinstance(span.attributes["nan"], float)
    assert math.isnan(span.attributes["nan"])
    assert (span.attributes["bytes"], span.attributes["none"]) == (b"\xfb\xff", None)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"traceId": "zz" * 16}, "id is not hex"),
        ({"spanId": "01"}, "id has 2 characters, not 16 hex digits"),
        ({"startTimeUnixNano": "soon"}, "startTimeUnixNano"),
        ({"startTimeUnixNano": 2**64}, "64 bits"),
        ({"kind": "SPAN_KIND_CLIENT"}, "kind"),
    ],
)
def test_a_malformed_json_span_costs_only_itself(fields: dict[str, Any], reason: str) -> None:
    """A span with a field that JSON cannot mean is rejected with the field's name; its neighbour is stored."""
    decoded = decode_json(json_span(**fields))
    assert batch_of(decoded).spans["trace_id"].to_pylist() == ["01" * 16]
    assert decoded.losses.rejected == 1
    assert reason in decoded.losses.message()


@pytest.mark.parametrize("value", [{"intValue": "many"}, {"intValue": 2**63}, {"bytesValue": "?"}, {"doubleValue": []}])
def test_a_malformed_json_attribute_costs_only_itself(value: dict[str, Any]) -> None:
    """The span keeps its other attributes."""
    pairs = [{"key": "bad", "value": value}, {"key": "ok", "value": {"boolValue": True}}]
    decoded = decode_json(json_span(attributes=pairs))
    spans = batch_of(decoded).spans
    assert spans.num_rows == 2
    assert decode_attributes(spans["attributes"][0].as_py()) == {"ok": True}
    assert decoded.losses.rejected == 0
    assert decoded.losses.message()


def test_half_a_surrogate_pair_is_replaced() -> None:
    """JSON can escape half a character; it becomes U+FFFD, and the sender is told."""
    body = json.dumps(json_span()).encode().replace(b"work", b"a\\ud800b")
    decoded = decode(body, encoding="json")
    assert batch_of(decoded).spans["name"][0].as_py() == "a\ufffdb"
    assert "surrogate" in decoded.losses.message()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("protobuf", b"\xff\xff\xff"),
        ("protobuf", b'{"resourceSpans": []}'),
        ("json", b"{"),
        ("json", b"[]"),
        ("json", b"\xff"),
        ("json", b"[" * 100_000),
        ("json", b'{"resourceSpans":' + b"9" * 10_000 + b"}"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(encoding: Any, body: bytes) -> None:
    """What is not the encoding it claims to be raises an error that says so, and nothing else."""
    with pytest.raises(MalformedRequestError, match="body"):
        decode(body, encoding=encoding)


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@SOME
@given(body=st.binary(max_size=200))
def test_no_bytes_break_the_decoder(encoding: Any, body: bytes) -> None:
    """Whatever is sent, the answer is rows or MalformedRequestError."""
    with suppress(MalformedRequestError):
        assert batch_of(decode(body, encoding=encoding)).spans.schema == SPANS


@SOME
@given(request=REQUESTS["traces"], data=st.data())
def test_damaged_requests_never_break_the_decoder(request: Any, data: st.DataObject) -> None:
    """A request with one byte changed is decoded, in part or in whole, or refused; the tables stay valid."""
    body = bytearray(request.SerializeToString())
    if body:
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(MalformedRequestError):
        batch_of(decode(bytes(body))).spans.validate(full=True)


def edges(decoded: Any) -> set[tuple[str | None, ...]]:
    """Return a request's correlations."""
    return {tuple(row.values()) for row in batch_of(decoded).correlations.to_pylist()}


def test_values_of_correlation_attributes_name_what_belongs_together() -> None:
    """Text values on spans and resources count; other types, empty text and other attributes do not."""
    pairs = [
        KeyValue(key="session.id", value=AnyValue(string_value="s1")),
        KeyValue(key="thread.id", value=AnyValue(int_value=5)),
        KeyValue(key="other", value=AnyValue(string_value="no")),
    ]
    request = one_span(attributes=pairs)
    request.resource_spans[0].resource.attributes.add(key="thread.id").value.string_value = "t1"
    trace = "01" * 16
    decoded = decode(request.SerializeToString(), correlation_attributes=frozenset({"session.id", "thread.id"}))
    assert edges(decoded) == {(trace, None, None), (trace, "s1", None), (trace, "t1", None)}


def test_a_link_joins_both_traces() -> None:
    """The linked trace carries the same value, so that both are found together once it arrives."""
    link = Span.Link(trace_id=b"\x09" * 16, span_id=b"\x01" * 8)
    here, there = "01" * 16, "09" * 16
    joined = f"trace:{there}"
    assert edges(decode(one_span(links=[link]).SerializeToString())) == {
        (here, None, None),
        (here, joined, None),
        (there, joined, None),
    }


def test_a_log_record_outside_a_trace_joins_its_values() -> None:
    """It is found by the smallest of its values, to which the others are joined."""
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in (("a", "z"), ("b", "m"))]
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": pairs}, {}]}]}]}
    decoded = decode(json.dumps(document).encode(), "logs", "json", frozenset({"a", "b"}))
    assert edges(decoded) == {(None, "m", None), (None, "z", "m")}
    assert batch_of(decoded).logs["correlation_value"].to_pylist() == ["m", None]
