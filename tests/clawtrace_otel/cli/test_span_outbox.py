"""Spans leave in requests that a collector takes, whatever their size, and none is lost or sent twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clawtrace_otel.cli import span_outbox
from clawtrace_otel.cli.bodies import Body
from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.span_outbox import SpanOutbox
from collector.decode import Decoder, Export
from collector.model import Span
from processors.session_logs import read_claude_code
from tests.support.session_lines import answer, lines, said, usage

SPANS = [
    span
    for number in range(6)
    for span in read_claude_code(
        lines(answer(f"m{number}", number, said("x" * 400), tokens=usage(5))), f"s{number}"
    ).spans
]


def sent(spans: list[Span], complaints: list[str]) -> list[Body]:
    """Return the requests in which some spans leave."""
    bodies: list[Body] = []

    def deliver(body: Body) -> str:
        bodies.append(body)
        return ""

    with SpanOutbox(deliver, complaints.append) as outbox:
        for span in spans:
            outbox.add([span])
    return bodies


def span_ids(bodies: list[Body]) -> list[str]:
    """Return the ids of the spans that a collector would store of some requests."""
    decoded = [Decoder(frozenset()).decode(Export("traces", "json", body.content, 1)) for body in bodies]
    assert not any(one.losses.rejected for one in decoded)
    return sorted(str(row[1]) for one in decoded for row in one.rows)


def test_many_spans_leave_in_several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is closed once it is large enough; each span is in exactly one."""
    monkeypatch.setattr(span_outbox, "REQUEST_BYTES", 2_000)
    bodies = sent(SPANS, [])
    assert len(bodies) > 1
    assert span_ids(bodies) == sorted(span.span_id for span in SPANS)


def test_a_span_that_no_request_can_carry_keeps_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its long texts are left out, which is said; the call and its tokens arrive."""
    monkeypatch.setattr(span_outbox, "LARGEST_SPAN", 5_000)
    monkeypatch.setattr(span_outbox, "_LONGEST_KEPT", 1_000)
    call = next(span for span in SPANS if span.name.startswith("chat"))
    huge = replace(call, attributes={**call.attributes, "gen_ai.output.messages": "y" * 10_000})
    complaints: list[str] = []
    (body,) = sent([huge], complaints)
    assert span_ids([body]) == [call.span_id]
    assert b"gen_ai.usage.input_tokens" in body.content
    assert b"gen_ai.output.messages" not in body.content
    assert "content of chat claude-sonnet-4-5-20250929 left out" in complaints[0]


def test_a_collector_that_refuses_ends_the_import() -> None:
    """What the store raises is raised, at the latest at the end; what it rejected of a request is said."""
    complaints: list[str] = []
    with SpanOutbox(lambda _: "1 span rejected", complaints.append) as outbox:
        outbox.add(SPANS)
    assert complaints == ["1 span rejected"]

    def refuse(_: Body) -> str:
        raise CliError("the disk is full")

    with pytest.raises(CliError, match="the disk is full"), SpanOutbox(refuse, complaints.append) as outbox:
        outbox.add(SPANS)
