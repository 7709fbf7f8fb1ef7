"""The parts of a TraceCard, as they stand in YAML, JSON and the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

MAX_USD = Decimal(10**15)


def _decimal_of_whole_number(value: object) -> object:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


Number: TypeAlias = Annotated[
    Decimal,
    BeforeValidator(_decimal_of_whole_number),
    Field(max_digits=60, allow_inf_nan=False),
    WithJsonSchema({"type": "number"}),
]
Usd: TypeAlias = Annotated[
    Number, Field(ge=-MAX_USD, le=MAX_USD), WithJsonSchema({"type": "number", "description": "USD, exact"})
]
Count: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
StepNumber: TypeAlias = Annotated[
    int, Field(ge=0, description="`steps.step_index`; 0 is the initial context: system prompt, tools, user messages")
]


class CardPart(BaseModel):
    """What all parts share: nothing may change, nothing unknown may come in."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CardAgent(CardPart):
    """Who ran."""

    name: str | None = None
    service: str | None = None


class CardOutcome(CardPart):
    """What an oracle said."""

    passed: bool | None = None
    score: Number | None = None
    source: str | None = None


class CostCoverage(CardPart):
    """How many billable calls have a price, and why the others have none."""

    priced: Count = 0
    unpriced: Count = 0
    why: Mapping[str, Count] = Field(default={}, description="Unpriced calls by reason")


class TotalTokens(CardPart):
    """Tokens of all calls that reported them. A count that none reported is absent, never 0."""

    input: Count | None = Field(None, description="Includes cache_read and cache_write")
    cache_read: Count | None = None
    cache_write: Count | None = None
    output: Count | None = Field(None, description="Includes reasoning")
    reasoning: Count | None = None


class SpanTokens(CardPart):
    """Tokens of one call."""

    input: Count | None = None
    output: Count | None = None


class TopCostSpan(CardPart):
    """A step that caused much of the bill."""

    step: StepNumber
    span: str | None = None
    kind: Literal["llm", "embedding", "tool", "agent", "context"]
    name: str
    usd: Usd = Field(description="Attributed cost: what this step caused, whoever was billed for it")
    carried_usd: Usd | None = Field(
        None, description="Part of usd: what later prompts paid to carry its product; absent where small"
    )
    tokens: SpanTokens = SpanTokens()
    hint: str | None = None


class RedundantToolCall(CardPart):
    """Equal or nearly equal calls of a tool that told nothing new."""

    tool: str
    count: Count = Field(description="All of the equal calls, the first and useful one included")
    steps: tuple[StepNumber, ...] = Field((), strict=False)
    why: str
    usd: Usd | None = Field(None, description="What the repeats cost, by the ledger")
    args: str | None = None


class CardSubAgent(CardPart):
    """An agent that another agent called."""

    step: StepNumber
    name: str
    usd: Usd | None = Field(None, description="Everything billed under it")
    calls: Count = Field(description="Model calls under it")
    result_used: bool | None = Field(None, description="Absent where that could not be judged")


class FailedStep(CardPart):
    """A step that failed, and the one that repaired it."""

    step: StepNumber
    tool: str | None = None
    model: str | None = None
    agent: str | None = None
    error: str
    repaired_by: StepNumber | None = None


class CardFinding(CardPart):
    """Avoidable cost that no other list names."""

    detector: str
    count: Count | None = Field(None, description="How many findings of one kind and reason this is, if several")
    steps: tuple[StepNumber, ...] = Field((), strict=False)
    usd: Usd | None = Field(None, description="What it cost, by the ledger")
    note: str
