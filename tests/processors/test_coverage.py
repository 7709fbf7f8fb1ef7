"""Coverage says of every recording what its calls and tools carry, and puts every gap of the card in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from collector.model import Attributes, LogRecord, Span
from collector.store import Signals
from processors.coverage import ASPECTS, CALLS, TOOLS, Covered, coverage
from processors.model import ModelCall, ToolCall
from processors.normalise import SESSION_KEYS
from processors.pipeline import Compiled, compile_group
from processors.pricing import price_book
from processors.pricing.session import refused
from processors.rows import session_row
from tests.processors.support import RECORDINGS, load_recording

BOOK = price_book()
CONTENT = re.compile(
    r"message|content|prompt(?!_)|input\.value|output\.value|arguments|result|entity|choices|\.args|response$|input$|llm\.openai"
)
USAGE = re.compile(r"token|usage")


def covered(compiled: Compiled) -> dict[str, Covered]:
    """Return the coverage of a session, with the counts that the command reads off the stored steps."""
    steps = [step for step in compiled.session.steps if step.counted_by is None]
    calls = [step for step in steps if isinstance(step, ModelCall) and step.operation == "chat" and not refused(step)]
    tools = [step for step in steps if isinstance(step, ToolCall)]
    used = sum(call.usage is not None for call in calls)
    row = session_row(compiled)
    gaps, unpriced = row["gaps"], row["unpriced_reasons"]
    assert isinstance(gaps, list)
    assert isinstance(unpriced, list)
    counts = {CALLS: (len(calls), len(calls)), TOOLS: (len(tools), len(tools)), "token usage": (used, len(calls))}
    return {each.aspect: each for each in coverage(gaps, unpriced, counts)}


def compiled(spans: Sequence[Span], logs: Sequence[LogRecord]) -> tuple[Compiled, ...]:
    """Compile a group of signals."""
    return compile_group(Signals(tuple(spans), tuple(logs)), BOOK)


def without(keys: re.Pattern[str], attributes: Attributes) -> Attributes:
    """Return what is left when a source does not send some attributes."""
    return {key: value for key, value in attributes.items() if key in SESSION_KEYS or not keys.search(key)}


def stripped(name: str, keys: re.Pattern[str]) -> tuple[Compiled, ...]:
    """Compile a recording as if some attributes had not been sent."""
    spans, logs = load_recording(name)
    return compiled(
        [replace(span, attributes=without(keys, span.attributes), events=()) for span in spans],
        [replace(record, attributes=without(keys, record.attributes), body=None) for record in logs],
    )


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_gap_is_about_an_aspect(name: str) -> None:
    """Whatever the source leaves out, no gap of the card is missing from the coverage, in the card's own words."""
    for found in (*compiled(*load_recording(name)), *stripped(name, CONTENT), *stripped(name, USAGE)):
        gaps = session_row(found)["gaps"]
        assert isinstance(gaps, list)
        told = {gap for each in covered(found).values() for gap in each.missing}
        assert set(gaps) <= told
        assert set(found.card.gaps) <= told | {gap for gap in found.card.gaps if gap.endswith("…")}


@pytest.mark.parametrize("name", RECORDINGS)
def test_content_is_counted_as_captured(name: str) -> None:
    """Of prompts, answers and results the coverage tells as many as the answered calls and unfailed tools carry."""
    for found in compiled(*load_recording(name)):
        told = covered(found)
        calls = [
            step
            for step in found.session.steps
            if isinstance(step, ModelCall) and step.operation == "chat" and step.counted_by is None and not step.error
        ]
        missing = {aspect: (each.of or 0) - (each.sent or 0) for aspect, each in told.items() if each.unit == CALLS}
        assert missing["prompts"] == sum(call.input_messages is None for call in calls)
        assert missing["answers"] == sum(call.output_messages is None for call in calls)
        assert all((each.sent or 0) <= (each.of or 0) for each in told.values())


def test_a_source_without_content_says_what_cannot_be_found() -> None:
    """Where nothing but usage was sent, the findings that need content are named beside what they need."""
    (found,) = stripped("claude-code-beta-traces", CONTENT)
    told = covered(found)
    assert (told["prompts"].sent, told["answers"].sent, told["token usage"].sent) == (0, 0, 8)
    assert told["tool results"].missing
    assert any("identical model calls" in gap for gap in told["prompts"].missing)
    assert any("sub-agents" in gap for gap in told["answers"].missing)


def test_a_session_without_steps_of_a_kind_lacks_nothing_of_them() -> None:
    """Where nothing could carry an aspect, the number is not 0 but none."""
    told = {each.aspect: each for each in coverage((), (), {})}
    assert [each.sent for each in told.values()] == [1] + [None] * (len(ASPECTS) - 1)
