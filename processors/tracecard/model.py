"""The TraceCard: one session, small enough to put a hundred into a prompt, exact enough to bill from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, ValidationError

from collector import strict_yaml
from collector.errors import DocumentError
from collector.strict_yaml import Value
from processors import plain_text
from processors.errors import TraceCardError
from processors.tracecard.items import (
    CardAgent,
    CardFinding,
    CardOutcome,
    CardPart,
    CardSubAgent,
    CostCoverage,
    Count,
    FailedStep,
    Number,
    RedundantToolCall,
    TopCostSpan,
    TotalTokens,
    Usd,
)

SCHEMA_VERSION: Final = "tracecard/1"


class TraceCard(CardPart):
    """What one session cost, which steps caused it, and what was waste.

    A key without a value is absent. Lists are ordered by cost and cut; `left_out` says how many entries each has lost.
    Money is USD, exact. Source: design/tracecard.md.
    """

    model_config = ConfigDict(title="TraceCard", validate_by_alias=True, validate_by_name=True)
    WHOLE: ClassVar[frozenset[str]] = frozenset({"cost_coverage"})
    """Keys that stand on every card."""

    schema_version: Literal["tracecard/1"] = Field(SCHEMA_VERSION, alias="schema")
    session_id: str
    task_id: str | None = None
    agent: CardAgent = CardAgent()
    models: Mapping[str, Count] = Field(default={}, description="Billable calls by model")
    outcome: CardOutcome = Field(CardOutcome(), description="Absent when nobody said")
    duration_s: Number
    total_cost_usd: Usd | None = Field(None, description="Sum of the priced calls; absent when no call has a price")
    cost_coverage: CostCoverage = CostCoverage()
    reported_cost_usd: Usd | None = Field(None, description="What the agent itself claimed; never added to ours")
    total_tokens: TotalTokens = TotalTokens()
    llm_call_count: Count | None = Field(0, description="Absent when the source sends no model calls")
    tool_call_count: Count | None = Field(0, description="Absent when the source sends no tools and no answers")
    top_cost_spans: tuple[TopCostSpan, ...] = Field((), strict=False, description="By attributed cost")
    redundant_tool_calls: tuple[RedundantToolCall, ...] = Field((), strict=False)
    sub_agents: tuple[CardSubAgent, ...] = Field((), strict=False)
    failed_or_repaired_steps: tuple[FailedStep, ...] = Field((), strict=False)
    findings: tuple[CardFinding, ...] = Field((), strict=False, description="Of the other detectors")
    gaps: tuple[str, ...] = Field((), strict=False, description="What could not be judged, and why")
    left_out: Mapping[str, Count] = Field(default={}, description="How many entries were cut, by key")
    prices: str | None = Field(None, description="Where the rates are from")

    def to_data(self) -> dict[str, Value]:
        """Return the card as plain data, in the order of its keys, without those that are empty."""
        data = _plain(self.model_dump(by_alias=True))
        if not isinstance(data, dict):
            raise TypeError("a card is a mapping")
        return {key: value for key, value in data.items() if value not in ({}, []) or key in self.WHOLE}

    def to_yaml(self) -> str:
        """Return the card as YAML: the same bytes for equal cards, whoever wrote them."""
        return plain_text.to_yaml(self.to_data())

    def to_json(self) -> str:
        """Return the card as compact JSON; money is a number with all its digits."""
        return plain_text.to_json(self.to_data())

    @classmethod
    def from_yaml(cls, text: str) -> TraceCard:
        """Read a card. Raises `TraceCardError` naming the line, or the version where it is another one."""
        try:
            document = strict_yaml.load(text)
        except DocumentError as error:
            raise TraceCardError(f"not a TraceCard: {error}") from error
        version = document.data.get("schema") if isinstance(document.data, dict) else None
        if version != SCHEMA_VERSION:
            raise TraceCardError(f"this program reads {SCHEMA_VERSION}; the document says {version!r:.60}")
        try:
            return cls.model_validate(document.data)
        except ValidationError as error:
            problems = [
                f"line {document.line(problem['loc'])}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}"
                for problem in error.errors()
            ]
            raise TraceCardError("not a TraceCard: " + "; ".join(problems[:10])) from error


def _plain(value: Any) -> Value:  # noqa: ANN401 - what pydantic dumps has no narrower type
    """Return plain data without what is not there: no null, and no mapping that came to nothing."""
    if isinstance(value, Mapping):
        items = {str(key): _plain(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not None and item not in ({}, [])}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    plain: Value = value
    return plain
