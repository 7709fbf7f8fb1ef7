"""Spans decoded by column, beside the same spans decoded row by row."""

from __future__ import annotations

from time import thread_time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector.columnar import Worthwhile
from collector.decode import Decoder, Export
from collector.limits import AttributeLimits
from collector.wire import lazy
from tests.collector.otlp import REQUESTS, as_text, batch_of, decode, decode_by_column, one_span
from tests.support.recordings import names, requests_of
from tests.support.spans import request as spans_request

SOME = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def assert_same(body: bytes) -> bool:
    """Assert that both ways give the same rows, edges and losses; return whether columns were used."""
    by_column, by_row = decode_by_column(body), decode(body)
    assert as_text(batch_of(by_column)) == as_text(batch_of(by_row))
    assert by_column.losses.message() == by_row.losses.message()
    return bool(by_column.columns)


def sent_spans(request: Any) -> list[Any]:
    """Return all spans of a request."""
    return [span for outer in request.resource_spans for inner in outer.scope_spans for span in inner.spans]


def in_order(span: Any) -> bool:
    """Whether a span can be decoded by column."""
    keys = [attribute.key for attribute in span.attributes]
    return not span.links and len(set(keys)) == len(keys) and all(keys)


@SOME
@given(REQUESTS["traces"])
def test_any_request_gives_the_same_rows(request: Any) -> None:
    """Rows, edges and losses are equal; spans with links, or with keys that repeat or are empty, are declined."""
    used = assert_same(request.SerializeToString())
    spans = sent_spans(request)
    assert used == (bool(spans) and all(map(in_order, spans)))


@pytest.mark.parametrize("name", names())
def test_recordings_give_the_same_rows(name: str) -> None:
    """What real frameworks send is read alike."""
    for sent in requests_of(name):
        if sent.signal == "traces":
            assert_same(sent.content)


UNUSUAL = {
    "trace id of another size": {"trace_id": b"\x01" * 15},
    "zero trace id": {"trace_id": b"\x00" * 16},
    "parent id of another size": {"parent_span_id": b"\x01"},
    "zero parent id": {"parent_span_id": b"\x00" * 8},
    "unknown kind": {"kind": 77},
    "no value": {"attributes": [KeyValue(key="k")]},
    "empty key": {"attributes": [KeyValue(value=AnyValue(int_value=-1))]},
    "text to escape": {"attributes": [KeyValue(key='a"\n', value=AnyValue(string_value='\x00\x1f\x7f"\\/\u2028é'))]},
    "placeholder session": {"attributes": [KeyValue(key="session.id", value=AnyValue(string_value="none"))]},
    "session that is a number": {"attributes": [KeyValue(key="session.id", value=AnyValue(int_value=7))]},
}


@pytest.mark.parametrize("fields", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_spans_give_the_same_rows(fields: dict[str, Any]) -> None:
    """Ids, kinds and values at the edge of what OTLP allows are read alike."""
    assert_same(one_span(**fields).SerializeToString())


def test_a_value_of_two_types_gives_the_same_rows() -> None:
    """An attribute that sets its value twice has the last one, whichever way it is read."""
    first = KeyValue(key="k", value=AnyValue(string_value="first")).SerializeToString()
    second = KeyValue(value=AnyValue(int_value=2)).SerializeToString()
    request = lazy(TracesData)()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, attributes=[first + second])
    assert assert_same(request.SerializeToString())


def test_a_session_of_two_types_gives_the_same_edges() -> None:
    """A correlation value that is set twice counts as what it is last, whichever way it is read."""
    key = KeyValue(key="session.id").SerializeToString()
    text, number = (
        KeyValue(value=value).SerializeToString() for value in (AnyValue(string_value="text"), AnyValue(int_value=2))
    )
    for both in (text + number, number + text):
        request = lazy(TracesData)()
        spans = request.resource_spans.add().scope_spans.add().spans
        spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, attributes=[key + both])
        assert_same(request.SerializeToString())


def seconds_for(resources: int, spans_each: int) -> float:
    """Return the processor time that decoding as many resources with as many spans takes at best."""
    request = TracesData()
    for number in range(1, resources + 1):
        session = KeyValue(key="session.id", value=AnyValue(string_value=str(number)))
        scope = request.resource_spans.add().scope_spans.add()
        for span_id in range(1, spans_each + 1):
            scope.spans.add(trace_id=number.to_bytes(16), span_id=span_id.to_bytes(8), attributes=[session])
    body = request.SerializeToString()

    def seconds() -> float:
        started = thread_time()
        assert decode_by_column(body).columns
        return thread_time() - started

    return min(seconds() for _ in range(3))


def test_many_resources_cost_little_more_than_one_of_as_many_spans() -> None:
    """The values of a request are gone through once, not once per resource, which takes a hundred times as long."""
    assert seconds_for(16_000, 4) < 30 * seconds_for(1, 64_000)


def test_attributes_past_a_limit_are_cut_as_before() -> None:
    """Limits are applied, and what they cost is reported."""
    body = one_span(
        attributes=[KeyValue(key=str(number), value=AnyValue(string_value="x" * 100)) for number in range(5)]
    ).SerializeToString()
    for limits in (AttributeLimits(count=3), AttributeLimits(value_bytes=50)):
        made = [
            Decoder(frozenset(), limits, worth).decode(Export("traces", "protobuf", body, 7))
            for worth in (Worthwhile(), Worthwhile(spans=1, spans_per_block=0))
        ]
        assert as_text(batch_of(made[0])) == as_text(batch_of(made[1]))
        assert made[0].losses.message() == made[1].losses.message() != ""


def test_large_requests_are_decoded_by_column_and_small_ones_are_not() -> None:
    """A column costs the same whatever its length."""
    large, small = (decode(spans_request(range(count))) for count in (512, 8))
    assert large.columns
    assert not large.rows
    assert small.rows
    assert not small.columns


def test_a_body_whose_text_could_outgrow_arrows_offsets_is_decoded_row_by_row() -> None:
    """Text may be six times as long in JSON, and a column of it must stay below 2 GiB."""
    body = spans_request(range(512))
    decoder = Decoder(frozenset(), worth_columns=Worthwhile(at_most_bytes=len(body) - 1))
    assert decoder.decode(Export("traces", "protobuf", body, 7)).rows
