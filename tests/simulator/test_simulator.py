"""The yardstick itself: its bills are those of the providers it stands for, and leaving steps out changes only them."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from processors.model import ModelCall
from tests.simulator.agent import bill
from tests.simulator.provider import AutomaticCache, Block, ExplicitCache
from tests.simulator.recording import FULL, NO_CONTENT, record
from tests.simulator.scenario import draw
from tests.simulator.tokens import Kind, Tokenizer


def blocks(*sizes: int) -> list[Block]:
    """Make a prompt of blocks of some sizes."""
    return [Block(f"block {number}", tokens) for number, tokens in enumerate(sizes)]


def test_automatic_caching_reads_in_steps() -> None:
    """A prompt that extends another reads it from the cache in whole steps of 128, from 1,024 tokens up."""
    cache = AutomaticCache()
    assert cache.usage(blocks(1_000), 5, 0, 0.0, missed=False).cache_read_input_tokens == 0
    assert cache.usage(blocks(1_000, 300), 5, 0, 1.0, missed=False).cache_read_input_tokens == 0
    assert cache.usage(blocks(1_000, 300, 50), 5, 0, 2.0, missed=False).cache_read_input_tokens == 1_280


def test_automatic_caching_forgets() -> None:
    """After its lifetime, or where the provider missed, a prompt is paid for afresh."""
    cache = AutomaticCache(lifetime=60)
    cache.usage(blocks(2_000), 5, 0, 0.0, missed=False)
    assert cache.usage(blocks(2_000, 10), 5, 0, 10.0, missed=True).cache_read_input_tokens == 0
    assert cache.usage(blocks(2_000, 10, 5), 5, 0, 200.0, missed=False).cache_read_input_tokens == 0


def test_explicit_caching_writes_what_it_did_not_read() -> None:
    """A marked prompt is written as far as it was not read; what follows the mark is fresh."""
    cache = ExplicitCache()
    first = cache.usage(blocks(2_000, 100), 5, 0, 0.0, missed=False)
    second = cache.usage(blocks(2_000, 100, 60), 5, 0, 9.0, missed=False)
    assert (first.cache_read_input_tokens, first.cache_write_input_tokens) == (0, 2_100)
    assert (second.input_tokens, second.cache_read_input_tokens, second.cache_write_input_tokens) == (2_163, 2_100, 60)


def test_bills_are_list_price() -> None:
    """A bill is tokens times rates, by class."""
    usage = AutomaticCache().usage(blocks(2_000), 100, 40, 0.0, missed=False)
    assert bill("auto-large", usage) == Decimal("0.0025") + Decimal("0.001")


def test_texts_have_one_length() -> None:
    """A text has the same tokens wherever it stands, and its kind decides about how many."""
    tokenizer = Tokenizer.draw(Random(1))
    text = "northern,1200\n" * 50
    assert tokenizer.count(text, Kind.TABLE) == tokenizer.count(text, Kind.TABLE)
    assert tokenizer.count(text, Kind.TABLE) > tokenizer.count(text, Kind.PROSE)


@pytest.mark.parametrize("seed", range(8))
def test_leaving_nothing_out_changes_nothing(seed: int) -> None:
    """A scenario runs the same way every time."""
    assert draw(seed).run().usd == draw(seed).run().usd


@pytest.mark.parametrize("seed", range(8))
def test_leaving_a_step_out_takes_its_turn_along(seed: int) -> None:
    """Without a call that was alone in its turn there is one model call fewer, and no other tool call fewer."""
    scenario = draw(seed)
    done = scenario.run()
    alone = next(tool for tool in done.tools if sum(other.asked_by == tool.asked_by for other in done.tools) == 1)
    without = scenario.run(frozenset({alone.key}))
    gone = {tool.key for tool in done.tools} - {tool.key for tool in without.tools}
    assert gone == {alone.key} | {
        call.key for call in (alone.planned.sub_agent.every_call() if alone.planned.sub_agent else ())
    }
    assert alone.asked_by not in {call.key for call in without.calls}


def test_recordings_leave_out_what_a_source_leaves_out() -> None:
    """Without content there are no messages and no results, but the same usage."""
    scenario = draw(1)
    done = scenario.run()
    full, blind = record(done, scenario.provider, FULL), record(done, scenario.provider, NO_CONTENT)
    calls = [step for step in blind.steps if isinstance(step, ModelCall)]
    assert all(call.input_messages is None and call.output_messages is None for call in calls)
    assert [call.usage for call in calls] == [step.usage for step in full.steps if isinstance(step, ModelCall)]
