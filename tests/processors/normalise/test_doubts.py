"""What the other calls of a session say about figures that may have been lost or cut on the way."""

from __future__ import annotations

import pytest

from collector.model import Attributes, AttributeValue, LogRecord, Scope, Span
from processors.normalise.doubts import CACHE_TAKEN_AS_NONE, MAYBE_CUT
from processors.normalise.usage import ESTIMATED, NOT_SENT
from tests.processors.normalise.counting import TRACE, counted, spans_of

make = spans_of("some.sdk")
FULL = "gpt-4o-mini-2024-07-18"


def call(number: int, model: str, *, given: int = 4000, **more: AttributeValue) -> Span:
    """Return a model call, one after the other."""
    sent: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": number,
        **{f"gen_ai.{key.replace('__', '.')}": value for key, value in more.items()},
    }
    return make(number, "chat", sent, at=(10 * number, 10 * number + 5))


def notes(*spans: Span) -> list[str | None]:
    """Return the notes of the calls that count."""
    return [step.note for step in counted(spans).calls]


def test_a_count_that_other_calls_have_is_missed() -> None:
    """Where one call tells of cached tokens, a large one that does not says that none were assumed; a short one not."""
    telling = call(1, "gpt-5", usage__cache_read__input_tokens=3000)
    assert notes(telling, call(2, "gpt-5"), call(3, "gpt-5", given=900)) == [None, CACHE_TAKEN_AS_NONE, None]
    assert notes(call(1, "gpt-5"), call(2, "gpt-5")) == [None, None]


@pytest.mark.parametrize(
    ("names", "doubted"),
    [
        (("gpt-4", "gpt-4o-mini"), [MAYBE_CUT, None]),
        (("gpt-4o", FULL), [MAYBE_CUT, None]),
        (("gpt-4o-mini", FULL), [None, None]),
        (("gpt-4o", "gpt-4o", FULL), [None, None, None]),
        (("gpt-5", "claude-sonnet-4-5"), [None, None]),
    ],
)
def test_a_name_that_begins_another_may_have_been_cut(names: tuple[str, ...], doubted: list[str | None]) -> None:
    """`gpt-4` once beside `gpt-4o-mini` may be that; an alias beside its dated name, or one used twice, is itself."""
    assert notes(*(call(number, name) for number, name in enumerate(names, start=1))) == doubted


@pytest.mark.parametrize(
    ("answered", "asked", "model"),
    [
        ("gpt-4", "gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-5-mini", "gpt-5-mini-production", "gpt-5-mini"),
        (7.5, "gpt-5", "gpt-5"),
        ("nan", "gpt-5", "gpt-5"),
    ],
)
def test_the_model_that_answered_is_named_whole(answered: AttributeValue, asked: str, model: str) -> None:
    """The answer's model is taken, unless it ends within a word of the one asked for or is no name at all."""
    (found,) = counted([call(1, asked, response__model=answered)]).calls
    assert found.model == model


@pytest.mark.parametrize("cut", ["msg_01", "msg_0123456789msg_0123456789"])
def test_ids_cut_or_doubled_contradict_nothing(cut: str) -> None:
    """A record whose response id lost its end is still the record of its span."""
    span = call(1, "gpt-5", response__id="msg_0123456789")
    record = LogRecord(
        time_unix_nano=span.end_time_unix_nano,
        event_name="gen_ai.client.inference.operation.details",
        attributes={**span.attributes, "gen_ai.response.id": cut},
        trace_id=TRACE,
        span_id=span.span_id,
        scope=Scope("some.sdk"),
    )
    assert len(counted([span], [record]).calls) == 1
    other = {**record.attributes, "gen_ai.response.id": "msg_9876543210", "gen_ai.usage.output_tokens": 77}
    apart = LogRecord(
        time_unix_nano=span.end_time_unix_nano + 60_000_000_000,
        event_name=record.event_name,
        attributes=other,
        trace_id=TRACE,
        span_id=span.span_id,
        scope=Scope("some.sdk"),
    )
    assert len(counted([span], [apart]).calls) == 2


def test_a_source_without_counts_for_a_stream_made_up_those_of_the_next() -> None:
    """Traceloop's instrumentation for JavaScript counts a stream's text itself: no counts, once one call has none."""
    stream = spans_of("@traceloop/instrumentation-openai")
    asked: Attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini"}
    told: Attributes = {**asked, "gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 4}
    silent, made_up = stream(1, "chat", asked), stream(2, "chat", told, at=(10, 20))
    assert [step.usage_missing for step in counted([silent, made_up]).calls] == [NOT_SENT, ESTIMATED]
    assert [usage.input_tokens for usage in counted([made_up]).usages] == [30]
