"""Rows of the derived tables: names, conservation, NULL where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store.derived import PER_SESSION, REPLACED
from collector.store.derived_rows import arrow_tables
from processors.model import AgentRun, EvaluationResult, ModelCall, Outcome, Session, StepError, Usage
from processors.pipeline import Compiled, compile_session
from processors.pricing import price_book
from processors.rows import derived_rows
from tests.processors.sessions import START, Script, simulated

BOOK = price_book()
Row = dict[str, Any]


def rows_of(*sessions: Session) -> dict[str, list[Row]]:
    """Compile sessions and return their rows by table."""
    derived = derived_rows([compile_session(session, BOOK) for session in sessions], 7)
    return {name: [dict(row) for row in rows] for name, rows in derived.items()}


def compiled(session: Session) -> Compiled:
    """Compile a session."""
    return compile_session(session, BOOK)


def total(rows: list[Row], column: str) -> Decimal | None:
    """Sum as SQL does: NULLs are left out, and nothing but NULLs is NULL."""
    known = [row[column] for row in rows if row.get(column) is not None]
    return sum(known, Decimal(0)) if known else None


def claiming(session: Session, *costs: str | None) -> Session:
    """Let the session's steps claim costs, in order."""
    claims = [None if cost is None else Decimal(cost) for cost in costs]
    steps = [
        replace(step, reported_cost=claim) if isinstance(step, AgentRun | ModelCall) else step
        for step, claim in zip(session.steps, claims, strict=True)
    ]
    return replace(session, steps=tuple(steps))


def reported(session: Session) -> object:
    """Return what the session's row says was claimed."""
    return rows_of(session)["sessions"][0]["reported_cost_usd"]


def test_the_tables_take_every_row() -> None:
    """Every row fits the derived tables: known columns, and values of their types."""
    said = EvaluationResult(name="task_success", passed=True, source="gen_ai.evaluation.result", recorded_at=START)
    sessions = [replace(simulated(number), evaluations=(said,)) for number in range(5)]
    tables = arrow_tables(rows_of(*sessions), REPLACED)
    assert all(tables[name].num_rows for name in PER_SESSION)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 1.0]))
def test_money_is_conserved(seed: int, lost_usage: float) -> None:
    """The steps' own and attributed costs each sum to the session's cost, and so does the ledger, to the last digit."""
    rows = rows_of(simulated(seed, lost_usage))
    cost = rows["sessions"][0]["cost_usd"]
    assert total(rows["steps"], "cost_usd") == total(rows["steps"], "attributed_usd") == cost
    assert total(rows["ledger"], "usd") == cost
    missing = sum(row.get("unpriced_reason") is not None for row in rows["steps"])
    assert rows["sessions"][0]["unpriced_call_count"] == missing
    assert (cost is None) == (missing == rows["sessions"][0]["llm_call_count"])


def test_a_session_without_priced_calls_has_no_money_at_all() -> None:
    """Where no call could be priced every money column is NULL, and the reasons say why."""
    script = Script()
    script.call(model="foo-1", asks=["read-1"])
    script.tool("read", call_id="read-1")
    rows = rows_of(script.session())
    assert all(
        row.get(column) is None for row in rows["steps"] for column in ("cost_usd", "attributed_usd", "carried_usd")
    )
    assert rows["sessions"][0]["cost_usd"] is None
    assert rows["sessions"][0]["wasted_usd"] is None
    assert rows["sessions"][0]["unpriced_reasons"] == ["unknown_model foo-1"]
    assert rows["steps"][0]["unpriced_reason"] == "unknown_model foo-1"


def test_an_agent_of_whose_calls_none_is_priced_costs_an_unknown_amount() -> None:
    """Beside priced agents too; one that called no model cost nothing, one with calls of both kinds what is known."""
    script = Script()
    root = script.agent("root")
    unknown, idle, mixed = (script.agent(name, sub=True, parent=root) for name in ("unknown", "idle", "mixed"))
    script.call(model="foo-1", parent=unknown)
    script.tool("read", parent=idle)
    script.call(model="foo-1", parent=mixed)
    script.call(parent=mixed)
    rows = rows_of(script.session())
    subtree = {row["step_id"]: row["subtree_usd"] for row in rows["steps"]}
    cost = rows["sessions"][0]["cost_usd"]
    assert cost == Decimal("0.00175")
    assert [subtree[agent] for agent in (root, unknown, idle, mixed)] == [cost, None, 0, cost]
    assert subtree["call-4"] is None


def test_tools_without_model_calls_cost_an_unknown_amount() -> None:
    """A session of which no model call was recorded has no cost, rather than none to pay."""
    script = Script()
    script.tool("read")
    row = rows_of(script.session())["sessions"][0]
    assert (row["cost_usd"], row["llm_call_count"], row["unpriced_call_count"]) == (None, None, 0)


def test_the_initial_context_is_step_0() -> None:
    """What no step produced stands as a step of its own: number 0, no span, attributed but never billed."""
    script = Script()
    script.call()
    rows = rows_of(script.session())["steps"]
    assert [(row["step_index"], row["kind"], row["step_id"]) for row in rows] == [
        (0, "context", "initial_context"),
        (1, "llm", "call-0"),
    ]
    assert rows[0].get("span_id") is None
    assert rows[0]["cost_usd"] == 0
    assert rows[0]["attributed_usd"] == Decimal("0.00125")
    assert rows[1]["attributed_usd"] == Decimal("0.0005")


def test_a_refused_request_is_an_error_and_no_call() -> None:
    """A request that failed with nothing coming back is counted as an error only."""
    script = Script()
    script.call(None, error=StepError("429"))
    script.call()
    row = rows_of(script.session())
    session = row["sessions"][0]
    assert (session["llm_call_count"], session["error_count"], session["unpriced_call_count"]) == (1, 1, 0)
    assert row["steps"][1]["unpriced_reason"] == "request_failed"


def test_tokens_are_summed_over_the_calls_that_reported_them() -> None:
    """A count that no call reported is NULL, one that some reported is their sum."""
    script = Script()
    script.call(Usage(input_tokens=10, output_tokens=1))
    script.call(None, says="streamed")
    row = rows_of(script.session())["sessions"][0]
    assert (row["input_tokens"], row["output_tokens"]) == (10, 1)
    assert row["cache_read_input_tokens"] is None
    assert row["unpriced_call_count"] == 1


def test_a_second_sighting_has_no_money_and_counts_nowhere() -> None:
    """A step that another one counts keeps its row, names that step, and adds nothing."""
    script = Script()
    script.call()
    script.call()
    session = script.session()
    twice = replace(session, steps=(session.steps[0], replace(session.steps[1], counted_by="call-0")))
    rows = rows_of(twice)
    assert rows["sessions"][0]["llm_call_count"] == 1
    assert rows["steps"][2]["counted_by"] == "call-0"
    assert rows["steps"][2].get("cost_usd") is None
    assert rows["sessions"][0]["input_tokens"] == 1000


def test_a_reported_cost_stands_beside_ours() -> None:
    """What calls claimed is summed; an agent's claim for its tree counts where no call claimed anything."""
    script = Script()
    script.agent("outer")
    script.agent("inner", sub=True, parent="agent-outer")
    script.call(parent="agent-inner")
    session = script.session()
    assert reported(claiming(session, "0.3", "0.1", None)) == Decimal("0.3")
    assert reported(claiming(session, "0.3", "0.1", "0.123456789012345")) == Decimal("0.123456789012")
    assert rows_of(claiming(session, "0.3", "0.1", "0.2"))["sessions"][0]["cost_usd"] == Decimal("0.00175")


def test_a_claim_that_cannot_be_meant_is_not_repeated() -> None:
    """A claimed cost that is negative, endless or absurd is left out."""
    for claim in ("-1", "NaN", "Infinity", "1e30"):
        script = Script()
        script.call()
        session = script.session()
        assert reported(claiming(session, claim)) is None


def test_times_and_outcome_are_those_of_the_session() -> None:
    """Start, end, duration and the verdict stand in the session's row; the compile time in the card's."""
    script = Script()
    script.call()
    rows = rows_of(script.session(outcome=Outcome(passed=True, score=0.5), task_id="t", condition="new"))
    row = rows["sessions"][0]
    assert (row["started_at"], row["duration_ms"]) == (START, 1000.0)
    assert (row["outcome_passed"], row["outcome_score"], row["task_id"], row["condition"]) == (True, 0.5, "t", "new")
    assert rows["tracecards"][0]["compiled_at"] == 7
    assert (
        rows["tracecards"][0]["yaml"]
        == compiled(script.session(outcome=Outcome(passed=True, score=0.5), task_id="t")).card.to_yaml()
    )
