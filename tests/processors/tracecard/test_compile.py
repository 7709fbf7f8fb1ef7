"""From a session to its card: what stands on it, in which order, and what is cut."""

from __future__ import annotations

from decimal import Decimal
from statistics import median

from processors.model import Outcome, Session, StepError, Usage
from processors.pipeline import compile_session
from processors.pricing import price_book
from processors.tracecard import TraceCard
from processors.tracecard.fitting import LONGEST, MAX_BYTES, TARGET_BYTES
from tests.processors.sessions import Script, simulated, with_models

BOOK = price_book()


def card_of(session: Session) -> TraceCard:
    """Compile a session."""
    return compile_session(session, BOOK).card


def test_spans_are_named_by_what_they_caused() -> None:
    """A result that later prompts carry stands above the cheap calls around it, with what carrying it cost."""
    script = Script()
    script.call(Usage(input_tokens=100, output_tokens=10, cache_read_input_tokens=0), asks=["read-1"], prompt="go")
    read = script.tool("read", call_id="read-1", result="x" * 40_000)
    script.call(Usage(input_tokens=10_100, output_tokens=10, cache_read_input_tokens=0), asks=["write-1"])
    script.tool("write", call_id="write-1", result="ok")
    script.call(Usage(input_tokens=10_200, output_tokens=10, cache_read_input_tokens=0), says="done")
    card = card_of(script.session())
    top = card.top_cost_spans[0]
    assert (top.kind, top.name, top.step, top.hint) == ("tool", "read", 2, "carried in 2 later calls")
    assert top.span == next(step.span_id for step in script.steps if step.step_id == read)
    assert [span.usd for span in card.top_cost_spans] == sorted(
        (span.usd for span in card.top_cost_spans), reverse=True
    )
    assert sum(span.usd for span in card.top_cost_spans) <= (card.total_cost_usd or 0)


def test_every_number_on_the_card_is_a_step_of_the_session() -> None:
    """Step numbers are those of the steps view: a reader finds each step and its span under them."""
    session = simulated(7)
    card = card_of(session)
    spans = {0: None} | {number: step.span_id for number, step in enumerate(session.steps, start=1)}
    assert card.top_cost_spans
    assert all(spans[top.step] == top.span for top in card.top_cost_spans)
    repeated = {step for item in card.redundant_tool_calls for step in item.steps}
    assert repeated | {step for item in card.findings for step in item.steps} <= spans.keys()


def test_a_failure_names_its_repair() -> None:
    """A failed tool call stands with its error and the step that repaired it."""
    script = Script()
    script.call(asks=["fetch-1"])
    script.tool("fetch", call_id="fetch-1", arguments="{}", error=StepError("503", "rates unavailable"))
    script.call(asks=["fetch-2"])
    script.tool("fetch", call_id="fetch-2", arguments="{}", result="1.08")
    failed = card_of(script.session()).failed_or_repaired_steps
    assert [(item.step, item.tool, item.error, item.repaired_by) for item in failed] == [
        (2, "fetch", "rates unavailable (503)", 4)
    ]


def test_a_sub_agent_stands_with_all_that_it_cost() -> None:
    """A sub-agent's entry sums the calls beneath it; without a price for any of them it has no cost."""
    script = Script()
    outer = script.agent("outer")
    inner = script.agent("helper", sub=True, parent=outer)
    script.call(parent=inner)
    script.call(parent=inner)
    session = script.session()
    agent = card_of(session).sub_agents[0]
    assert (agent.name, agent.calls, agent.usd) == ("helper", 2, Decimal("0.0035"))
    assert card_of(with_models(session, "foo-1")).sub_agents[0].usd is None


def test_unpriced_calls_are_counted_with_their_reasons() -> None:
    """The card says how many calls have no price and why, the most frequent reason first."""
    script = Script()
    script.call()
    script.call(model="foo-1")
    script.call(model="foo-1")
    script.call(None, says="streamed")
    coverage = card_of(script.session()).cost_coverage
    assert (coverage.priced, coverage.unpriced) == (1, 3)
    assert list(coverage.why.items()) == [("unknown_model foo-1", 2), ("usage_not_reported", 1)]


def test_a_bound_is_not_passed_off_as_the_cost() -> None:
    """Where cached tokens were not reported the gaps say that the cost is an upper bound."""
    script = Script()
    script.call(Usage(input_tokens=5000, output_tokens=1))
    assert card_of(script.session()).gaps[0].startswith("1 of 1 model calls: cached tokens not reported")


def test_an_outcome_is_there_when_somebody_said() -> None:
    """The verdict stands on the card; without one the key is absent."""
    script = Script()
    script.call()
    assert "outcome" not in card_of(script.session()).to_data()
    for score in (None, float("nan"), 1e300):
        judged = card_of(script.session(outcome=Outcome(passed=False, score=score, source="tests")))
        assert judged.to_data()["outcome"] == {"passed": False, "source": "tests"}


def hostile() -> Session:
    """Return a session whose every name and message is as long and as strange as can be."""
    script = Script("id\n\x00" + "\U0001f600" * 5000)
    for number in range(60):
        name = f"{number}" + "'\"\\\u2028{}[]: #" * 500
        script.call(model=name, asks=[f"{name}-{number}"])
        script.tool(name, call_id=f"{name}-{number}", arguments="{" * 5000, error=StepError(name, name * 3))
    for number in range(20):
        inner = script.agent(f"{number}" + "\x1b[31m" * 1000, sub=True)
        script.call(parent=inner)
    return script.session(
        task_id="\x07" * 9000, agent_name="a" * 9000, gaps=tuple(f"{n}" + "ö" * 900 for n in range(50))
    )


def test_no_session_makes_a_large_card() -> None:
    """However long and strange what an agent sent, the card stays under 4 kB, is read back, and says what it left."""
    card = card_of(hostile())
    text = card.to_yaml()
    assert len(text.encode()) <= MAX_BYTES
    assert TraceCard.from_yaml(text) == card
    assert card.left_out["gaps"] > 0
    assert card.left_out["models"] > 0
    assert card.left_out["failed_or_repaired_steps"] >= 60 - LONGEST["failed_or_repaired_steps"]
    assert text.isprintable() or all(line.isprintable() for line in text.splitlines())


def test_what_is_cut_is_counted() -> None:
    """Entries on the card and entries left out add up to all there are, whatever the size made necessary."""
    card = card_of(hostile())
    failed = 60
    kept = len(card.failed_or_repaired_steps)
    assert kept + card.left_out["failed_or_repaired_steps"] == failed
    assert len(card.sub_agents) + card.left_out["sub_agents"] == 20


def test_cards_of_simulated_sessions_are_small() -> None:
    """Cards of ordinary sessions come to 1.5 kB in the median and never over 4 kB."""
    sizes = [len(card_of(simulated(seed)).to_yaml().encode()) for seed in range(100)]
    assert median(sizes) <= TARGET_BYTES
    assert max(sizes) <= MAX_BYTES
