"""The ledger's sums hold for any session whatever, in any order, with anything missing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.counterfactual import Counterfactual
from processors.ledger import INITIAL_CONTEXT, Ledger, attribute, entries
from processors.model import (
    AgentRun,
    Context,
    Message,
    ModelCall,
    OtherStep,
    Session,
    Step,
    Text,
    ToolCall,
    ToolRequest,
    ToolResponse,
    Usage,
)
from processors.pricing.model import Cost, Price, TokenClass, Unpriced
from processors.structure import Structure
from tests.simulator.provider import PRICES
from tests.simulator.recording import Capture, record
from tests.simulator.scenario import draw, draw_unusual

IDS = st.sampled_from([f"s{number}" for number in range(12)])
TIMES = st.integers(0, 40)
TEXTS = st.text(max_size=40)
MONEY = st.decimals(0, 5, places=9, allow_nan=False)


@st.composite
def usages(draw: st.DrawFn) -> Usage | None:
    """Draw usage: nothing, a part, or all of it."""
    if draw(st.booleans()) and draw(st.booleans()):
        return None
    read, write, fresh = (draw(st.integers(0, 3_000)) for _ in range(3))
    output, reasoning = draw(st.integers(0, 500)), draw(st.none() | st.integers(0, 500))
    return Usage(
        input_tokens=read + write + fresh,
        cache_read_input_tokens=read,
        cache_write_input_tokens=write,
        output_tokens=draw(st.none() | st.just(output + (reasoning or 0))),
        reasoning_output_tokens=None,
    )


@st.composite
def messages(draw: st.DrawFn) -> tuple[Message, ...] | None:
    """Draw messages, or none."""
    part = st.one_of(
        st.builds(Text, TEXTS),
        st.builds(ToolRequest, st.none() | IDS, TEXTS, TEXTS),
        st.builds(ToolResponse, st.none() | IDS, TEXTS),
    )
    message = st.builds(
        Message, st.sampled_from(["user", "assistant", "tool", "system"]), st.lists(part, max_size=3).map(tuple)
    )
    return draw(st.none() | st.lists(message, max_size=5).map(tuple))


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Draw any step; ids, parents and requests may be missing, wrong, equal or circular."""
    start = draw(TIMES)
    step_id, parent = draw(IDS), draw(st.none() | IDS)
    counted_by, ended = draw(st.none() | st.none() | IDS), start + draw(TIMES)
    match draw(st.sampled_from(["call", "call", "tool", "tool", "agent", "other"])):
        case "call":
            return ModelCall(
                step_id=step_id,
                parent_step_id=parent,
                name="m",
                model=draw(st.sampled_from(["auto-large", "unknown", None])),
                provider=draw(st.sampled_from(["openai", "anthropic", None])),
                operation=draw(st.sampled_from(["chat", "chat", "chat", "embeddings"])),
                started_at=start,
                ended_at=ended,
                dialect="x",
                counted_by=counted_by,
                usage=draw(usages()),
                input_messages=draw(messages()),
                output_messages=draw(messages()),
            )
        case "tool":
            return ToolCall(
                step_id=step_id,
                parent_step_id=parent,
                name=draw(st.sampled_from(["read_file", "edit_file", "Bash", "x"])),
                started_at=start,
                ended_at=ended,
                dialect="x",
                counted_by=counted_by,
                tool_call_id=draw(st.none() | IDS),
                arguments=draw(st.none() | TEXTS),
                result=draw(st.none() | TEXTS),
                requested_by=draw(st.none() | IDS),
            )
        case "agent":
            return AgentRun(
                step_id=step_id,
                parent_step_id=parent,
                name="a",
                started_at=start,
                ended_at=ended,
                dialect="x",
                delegated_by=draw(st.none() | IDS),
            )
        case _:
            return OtherStep(
                step_id=step_id, parent_step_id=parent, name="o", started_at=start, ended_at=ended, dialect="x"
            )


@st.composite
def prices(draw: st.DrawFn) -> Price:
    """Draw a price that need not agree with anything."""
    if draw(st.booleans()) and draw(st.booleans()):
        return Unpriced("unknown_model x")
    classes = draw(st.lists(st.sampled_from(list(TokenClass)), unique=True))
    return Cost(
        tokens={name: draw(st.integers(0, 2_000)) for name in classes},
        usd={name: draw(MONEY) for name in classes},
        source="drawn",
    )


@st.composite
def sessions(draw: st.DrawFn) -> tuple[Session, dict[str, Price]]:
    """Draw a session and prices for it."""
    drawn = draw(st.lists(steps(), max_size=14, unique_by=lambda step: step.step_id))
    contexts = draw(st.lists(st.lists(IDS, max_size=5).map(tuple), max_size=2))
    session = Session(
        session_id="s",
        session_source="trace",
        started_at=0,
        ended_at=100,
        steps=tuple(drawn),
        contexts=tuple(Context(f"c{number}", None, ids) for number, ids in enumerate(contexts)),
    )
    return session, {step.step_id: draw(prices()) for step in drawn if isinstance(step, ModelCall)}


def bill_of(session: Session, priced: dict[str, Price]) -> Decimal:
    """Sum up what the provider bills."""
    counted = (step for step in session.steps if isinstance(step, ModelCall) and step.counted_by is None)
    costs = (priced.get(step.step_id) for step in counted)
    return sum((cost.total for cost in costs if isinstance(cost, Cost)), Decimal(0))


def check_sums(session: Session, ledger: Ledger, total: Decimal) -> None:
    """Check every invariant of the ledger."""
    structure = Structure.of(session)
    assert (ledger.total or Decimal(0)) == total
    assert sum(money.billed or 0 for money in ledger.steps.values()) == total
    assert sum(money.attributed for money in ledger.steps.values()) == total
    roots = [step for step in structure.by_id.values() if step.step_id not in structure.parents]
    hidden = [step for step in roots if step.counted_by is not None]
    if not hidden:
        assert sum(ledger.money(step.step_id).subtree or 0 for step in roots) == total
    assert all(money.attributed >= money.carried for money in ledger.steps.values())


def check_segments(ledger: Ledger) -> None:
    """Check that the segments of every prompt lie side by side, from its start to the end of its longest call."""
    for stretch in (stretch for prompt in ledger.prompts for stretch in prompt.stretches):
        ends = [0, *(segment.end for segment in stretch.segments)]
        assert [segment.start for segment in stretch.segments] == ends[:-1]
        assert ends[-1] == max((call.length or 0 for call in stretch.calls), default=0)


def check_entries(ledger: Ledger) -> None:
    """Check that rows sum to bills by call, and to what was attributed by producer."""
    by_call: dict[str, Decimal] = defaultdict(Decimal)
    by_producer: dict[str | None, Decimal] = defaultdict(Decimal)
    for entry in entries(ledger):
        by_call[entry.call_step_id] += entry.usd
        by_producer[entry.producer_step_id] += entry.usd
    assert sum(by_call.values()) == (ledger.total or 0)
    for step_id, money in ledger.steps.items():
        assert by_producer[step_id] == money.attributed
        assert step_id == INITIAL_CONTEXT or by_call[step_id] == (money.billed or 0)
    short: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries(ledger, max_rows=1):
        short[entry.call_step_id] += entry.usd
    assert {call: usd for call, usd in short.items() if usd} == {call: usd for call, usd in by_call.items() if usd}


@given(sessions())
@settings(deadline=None, max_examples=150)
def test_sums_hold_for_any_session(drawn: tuple[Session, dict[str, Price]]) -> None:
    """Billed and attributed sum to the session's cost, and so do the rows, to the last digit."""
    session, priced = drawn
    ledger = attribute(session, priced)
    check_sums(session, ledger, bill_of(session, priced))
    check_segments(ledger)
    check_entries(ledger)


@given(sessions(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_order_does_not_matter(drawn: tuple[Session, dict[str, Price]], random: Random) -> None:
    """The same steps in any order, and each twice, give the same ledger."""
    session, priced = drawn
    shuffled = list(session.steps) * 2
    random.shuffle(shuffled)
    assert attribute(replace(session, steps=tuple(shuffled)), priced) == attribute(session, priced)


@given(sessions())
@settings(deadline=None, max_examples=60)
def test_any_question_about_any_session_is_answered(drawn: tuple[Session, dict[str, Price]]) -> None:
    """Leaving out any step of any session is priced or refused, never an error, and an unknown step saves nothing."""
    session, priced = drawn
    what_if = Counterfactual(session, attribute(session, priced), PRICES)
    for step in session.steps:
        saving = what_if.saving([step.step_id])
        assert saving is None or isinstance(saving.usd, Decimal)
    assert what_if.saving(["nobody"]) is None


@given(st.integers(0, 400), st.floats(0, 1), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_sums_hold_whatever_is_lost(seed: int, lost: float, content: bool, agents: bool, random: Random) -> None:  # noqa: FBT001 - drawn
    """Simulated sessions keep their sums with usage lost, steps lost, and steps out of order."""
    scenario = draw(seed)
    session = record(
        scenario.run(), scenario.provider, Capture(content=content, agents=agents, lost_usage=lost), seed=seed
    )
    kept = [step for step in session.steps if random.random() > lost / 3]
    random.shuffle(kept)
    session = replace(session, steps=tuple(kept))
    priced = {step.step_id: PRICES.price(step) for step in kept if isinstance(step, ModelCall)}
    ledger = attribute(session, priced)
    check_sums(session, ledger, bill_of(session, priced))
    check_entries(ledger)


@given(st.integers(0, 400), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=25)
def test_sums_hold_for_amounts_that_do_not_divide(seed: int, unusual: bool, content: bool, random: Random) -> None:  # noqa: FBT001 - drawn
    """Amounts that no number of tokens divides, and tools that cost, are shared out to the last digit all the same."""
    scenario = (draw_unusual if unusual else draw)(seed)
    session = record(scenario.run(), scenario.provider, Capture(content=content))
    priced: dict[str, Price] = {}
    for step in session.steps:
        cost = PRICES.price(step) if isinstance(step, ModelCall) else None
        if isinstance(cost, Cost):
            odd = {name: usd + Decimal(random.randint(1, 10**7)).scaleb(-13) for name, usd in cost.usd.items()}
            priced[step.step_id] = replace(cost, usd=odd)
    tools = {
        step.name: Decimal(random.randint(1, 10**7)).scaleb(-13) for step in session.steps if isinstance(step, ToolCall)
    }
    ledger = attribute(session, priced, tools)
    per_call = sum((tools[step.name] for step in session.steps if isinstance(step, ToolCall)), Decimal(0))
    check_sums(session, ledger, bill_of(session, priced) + per_call)
    check_segments(ledger)
    by_call: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries(ledger, max_rows=random.choice([1, 25_000])):
        by_call[entry.call_step_id] += entry.usd
    assert by_call == {step_id: cost.total for step_id, cost in priced.items() if isinstance(cost, Cost)}
