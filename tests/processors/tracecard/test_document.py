"""The card as a document: bytes, round trip, schema, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.errors import TraceCardError
from processors.tracecard import TraceCard
from processors.tracecard.items import (
    CardAgent,
    CardFinding,
    CardOutcome,
    CardSubAgent,
    CostCoverage,
    FailedStep,
    RedundantToolCall,
    SpanTokens,
    TopCostSpan,
    TotalTokens,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["yes", "null", "0x1f", "1e5", "2026-01-01", "- a", "a: b", "a #b", "00f067aa0ba902b7", "12345", "'", '{"a":"b"}']
)
USD = st.decimals(-(10**15), 10**15, places=12)
COUNT = st.integers(0, 2**63 - 1)
STEP = st.integers(0, 10**6)
STEPS = st.lists(STEP, max_size=4).map(tuple)
COUNTS = st.dictionaries(TEXT, COUNT, max_size=3)


def some(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Return what may also be absent."""
    return st.none() | strategy


def many(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    """Return short tuples."""
    return st.lists(strategy, max_size=3).map(tuple)


CARDS = st.builds(
    TraceCard,
    session_id=TEXT,
    task_id=some(TEXT),
    agent=st.builds(CardAgent, name=some(TEXT), service=some(TEXT)),
    models=COUNTS,
    outcome=st.builds(
        CardOutcome,
        passed=some(st.booleans()),
        score=some(st.decimals(-(10**9), 10**9, places=6)),
        source=some(TEXT),
    ),
    duration_s=st.decimals(0, 10**9, places=3),
    total_cost_usd=some(USD),
    cost_coverage=st.builds(CostCoverage, priced=COUNT, unpriced=COUNT, why=COUNTS),
    reported_cost_usd=some(USD),
    total_tokens=st.builds(TotalTokens, **dict.fromkeys(TotalTokens.model_fields, some(COUNT))),
    llm_call_count=COUNT,
    tool_call_count=COUNT,
    top_cost_spans=many(
        st.builds(
            TopCostSpan,
            step=STEP,
            span=some(TEXT),
            kind=st.sampled_from(["llm", "tool", "agent", "context", "embedding"]),
            name=TEXT,
            usd=USD,
            carried_usd=some(USD),
            tokens=st.builds(SpanTokens, input=some(COUNT), output=some(COUNT)),
            hint=some(TEXT),
        )
    ),
    redundant_tool_calls=many(
        st.builds(RedundantToolCall, tool=TEXT, count=COUNT, steps=STEPS, why=TEXT, usd=some(USD), args=some(TEXT))
    ),
    sub_agents=many(
        st.builds(CardSubAgent, step=STEP, name=TEXT, usd=some(USD), calls=COUNT, result_used=some(st.booleans()))
    ),
    failed_or_repaired_steps=many(
        st.builds(
            FailedStep,
            step=STEP,
            tool=some(TEXT),
            model=some(TEXT),
            agent=some(TEXT),
            error=TEXT,
            repaired_by=some(STEP),
        )
    ),
    findings=many(st.builds(CardFinding, detector=TEXT, steps=STEPS, usd=some(USD), note=TEXT)),
    gaps=many(TEXT),
    left_out=COUNTS,
    prices=some(TEXT),
)


@settings(max_examples=300)
@given(CARDS)
def test_a_card_is_read_back_as_it_was(card: TraceCard) -> None:
    """Reading what was written gives an equal card, and writing that gives the same bytes."""
    text = card.to_yaml()
    again = TraceCard.from_yaml(text)
    assert again == card
    assert again.to_yaml() == text


@settings(max_examples=100)
@given(CARDS)
def test_other_readers_see_the_same_data(card: TraceCard) -> None:
    """An ordinary YAML reader and a JSON reader see the same keys, texts and counts, and no null."""
    read = yaml.safe_load(card.to_yaml())
    assert read.keys() == json.loads(card.to_json()).keys()
    assert read["session_id"] == json.loads(card.to_json())["session_id"] == card.session_id
    assert read["cost_coverage"].get("why", {}) == card.cost_coverage.why
    assert "null" not in json.dumps(read).replace('"null"', "")


@settings(max_examples=100)
@given(CARDS)
def test_a_card_in_json_is_a_card(card: TraceCard) -> None:
    """The JSON form holds every digit: read as numbers without rounding it is the same card."""
    data = json.loads(card.to_json(), parse_float=Decimal)
    assert TraceCard.model_validate(data) == card


CARD = TraceCard(
    session_id="4f0c",
    agent=CardAgent(name="analyst", service="report-bot"),
    models={"gpt-5": 6, "gpt-4o-mini": 2},
    duration_s=Decimal("41.200"),
    total_cost_usd=Decimal("0.013904000000"),
    cost_coverage=CostCoverage(priced=8),
    total_tokens=TotalTokens(input=12579, output=271),
    llm_call_count=8,
    tool_call_count=6,
    top_cost_spans=(
        TopCostSpan(
            step=5,
            span="00f067aa0ba902b7",
            kind="tool",
            name="read_file",
            usd=Decimal("0.0031"),
            carried_usd=Decimal("0.0029"),
            hint="later",
        ),
    ),
    redundant_tool_calls=(
        RedundantToolCall(
            tool="read_file",
            count=2,
            steps=(3, 5),
            why="same, same",
            usd=Decimal("1E-7"),
            args='{"path":"report.csv"}',
        ),
    ),
    gaps=("tool results not captured",),
    prices="genai-prices 0.2.3",
)
YAML = """\
schema: tracecard/1
session_id: "4f0c"
agent: {name: analyst, service: report-bot}
models: {gpt-5: 6, gpt-4o-mini: 2}
duration_s: 41.2
total_cost_usd: 0.013904
cost_coverage: {priced: 8, unpriced: 0}
total_tokens: {input: 12579, output: 271}
llm_call_count: 8
tool_call_count: 6
top_cost_spans:
- {step: 5, span: 00f067aa0ba902b7, kind: tool, name: read_file, usd: 0.0031, carried_usd: 0.0029, hint: later}
redundant_tool_calls:
- {tool: read_file, count: 2, steps: [3, 5], why: "same, same", usd: 0.0000001, args: '{"path":"report.csv"}'}
gaps: [tool results not captured]
prices: genai-prices 0.2.3
"""


def test_a_card_looks_like_this() -> None:
    """Keys one per line, list entries on one line each, money in fixed notation, nothing empty but the coverage."""
    assert CARD.to_yaml() == YAML.replace('"4f0c"', "4f0c")
    assert TraceCard.from_yaml(YAML) == CARD


def test_the_schema_describes_the_written_card() -> None:
    """The JSON Schema names every key of the written card, requires the constant ones, and money is a number."""
    schema = TraceCard.model_json_schema(by_alias=True)
    assert set(CARD.to_data()) <= set(schema["properties"])
    assert schema["properties"]["schema"] == {
        "const": "tracecard/1",
        "default": "tracecard/1",
        "title": "Schema",
        "type": "string",
    }
    assert {"session_id", "duration_s"} <= set(schema["required"])
    assert schema["properties"]["duration_s"]["type"] == "number"
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema: tracecard/1", "schema: tracecard/2", "reads tracecard/1; the document says 'tracecard/2'"),
        ("schema: tracecard/1\n", "", "the document says None"),
        ('session_id: "4f0c"\n', "", "session_id: Field required"),
        ("llm_call_count: 8", "llm_call_count: -8", "line 9: llm_call_count"),
        ("llm_call_count: 8", "llm_call_count: eight", "line 9: llm_call_count"),
        ("llm_call_count: 8", "llm_call_count: 8.5", "line 9: llm_call_count"),
        ("llm_call_count: 8", "llm_call_count: '8'", "line 9: llm_call_count"),
        ("total_cost_usd: 0.013904", "total_cost_usd: '0.01'", "line 6: total_cost_usd"),
        ("total_cost_usd: 0.013904", "total_cost_usd: .nan", "line 6: total_cost_usd"),
        ("total_cost_usd: 0.013904", "total_cost_usd: 1e99", "line 6: total_cost_usd"),
        ("total_cost_usd: 0.013904", "total_cost_usd: true", "line 6: total_cost_usd"),
        ("kind: tool", "kind: hammer", "line 12: top_cost_spans.0.kind"),
        ("hint: later", "hnit: x", "line 12: top_cost_spans.0.hnit"),
        ("gaps: [tool results not captured]", "gaps: nothing", "gaps"),
        ("gaps: [tool results not captured]", "gaps: &a [*a]", "line 15: anchors"),
        ("prices: genai-prices 0.2.3", "pieces: 1", "line 16: pieces"),
        ("prices: genai-prices 0.2.3", "prices: !!python/name:os.system", "line 16: the tag"),
        (YAML, "- 1\n", "the document says None"),
        (YAML, "", "empty"),
        (YAML, "{" * 50, "deeper"),
    ],
)
def test_what_is_no_card_is_refused(old: str, new: str, message: str) -> None:
    """A damaged or hostile document is refused with the line and the key that are wrong."""
    assert old in YAML
    with pytest.raises(TraceCardError) as caught:
        TraceCard.from_yaml(YAML.replace(old, new))
    assert message in str(caught.value)


@given(st.text(max_size=100))
def test_no_text_is_read_as_a_card_by_accident(text: str) -> None:
    """Text that is no card ends in the one error that says so."""
    with pytest.raises(TraceCardError):
        TraceCard.from_yaml(text)
