"""What a ledger says of prompts that lost something."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from random import Random

from processors.ledger import attribute, entries
from processors.model import ModelCall
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
