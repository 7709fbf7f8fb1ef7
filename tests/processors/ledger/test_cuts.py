"""What a ledger says of prompts that lost something."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from random import Random

from processors.ledger import attribute, entries
from processors.model import Context, Message, ModelCall, Session, Text, Usage
from tests.processors.findings.stories import OTHER, REPORT, call, plan
from tests.simulator.agent import run
from tests.simulator.plan import Compaction
from tests.simulator.provider import PRICES, AutomaticCache
from tests.simulator.recording import record
from tests.simulator.tokens import Tokenizer


def test_results_cleared_inside_a_prompt_are_carried_no_further() -> None:
    """A result that gave way to a placeholder costs nothing after that, although the prompt went on growing."""
    told = (
        call("a", "read_file", REPORT * 40, path="a.csv"),
        call("b", "read_file", OTHER * 60, path="b.csv"),
        call("c", "read_file", OTHER * 90, path="c.csv"),
        call("d", "list_files", "one, two", path="."),
        call("e", "list_files", "three, four", path="there"),
    )
    story = replace(plan("main", told), compact_above=3_500, compaction=Compaction.CLEAR)
    done = run(story, AutomaticCache(), Tokenizer.draw(Random(3)))
    assert len(done.cuts) == 1
    session = record(done, "openai")
    prices = {step.step_id: PRICES.price(step) for step in session.steps if isinstance(step, ModelCall)}
    paid: dict[tuple[str, str | None], int] = defaultdict(int)
    for entry in entries(attribute(session, prices)):
        paid[entry.call_step_id, entry.producer_step_id] += entry.tokens
    first, last = done.calls[1].key, done.calls[-1].key
    assert paid[last, "a"] < paid[first, "a"] / 5
    assert paid[last, "b"] > paid[first, "a"]


def test_an_answer_that_outlives_a_summary_is_still_its_authors() -> None:
    """After a compaction, what was kept word for word is carried for who wrote it, and the summary for its call."""
    answer = "The northern region sold 1200 units in spring, more than any other region did."
    summary = "So far: figures of the northern region were read, and one answer was given about them."
    asked, kept = Message("user", (Text("Read the report. " * 60),)), Message("assistant", (Text(answer),))
    calls = (
        chat("c0", 900, (asked,), answer),
        chat("c1", 950, (asked, kept, Message("user", (Text("Summarise."),))), summary),
        chat("c2", 120, (Message("user", (Text(summary),)), kept, Message("user", (Text("Go on."),))), "Done."),
    )
    session = Session(
        session_id="s",
        session_source="session.id",
        started_at=0,
        ended_at=9,
        steps=calls,
        contexts=(Context("c", None, ("c0", "c1", "c2")),),
    )
    ledger = attribute(session, {call.step_id: PRICES.price(call) for call in calls})
    carried = {entry.producer_step_id for entry in entries(ledger) if entry.call_step_id == "c2" and entry.tokens}
    assert {"c0", "c1"} <= carried


def chat(step_id: str, length: int, prompt: tuple[Message, ...], answer: str) -> ModelCall:
    """Return a call; its number is its place in time."""
    started = int(step_id[1:]) * 2
    return ModelCall(
        step_id=step_id,
        name="auto-large",
        model="auto-large",
        provider="openai",
        started_at=started,
        ended_at=started + 1,
        dialect="test",
        usage=Usage(
            input_tokens=length, cache_read_input_tokens=0, cache_write_input_tokens=0, output_tokens=len(answer) // 4
        ),
        input_messages=prompt,
        output_messages=(Message("assistant", (Text(answer),)),),
    )
