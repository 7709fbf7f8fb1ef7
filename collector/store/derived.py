"""The tables of what is derived from telemetry, and their columns.

The SQL of `sql/` creates the same tables; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import pyarrow as pa

MONEY: Final = pa.decimal128(38, 12)
TIME: Final = pa.timestamp("ns")
TEXTS: Final = pa.list_(pa.string())
JSON_MARK: Final = {b"holds": b"json"}
"""Metadata of the columns that hold JSON."""


def _table(**columns: pa.DataType | pa.Field) -> pa.Schema:
    return pa.schema(
        [kind.with_name(name) if isinstance(kind, pa.Field) else pa.field(name, kind) for name, kind in columns.items()]
    )


_TEXT: Final = pa.string()
_COUNT: Final = pa.int64()
_FLAG: Final = pa.bool_()
_JSON: Final = pa.field("", pa.string(), metadata=JSON_MARK)

_USAGE: Final = {
    "input_tokens": _COUNT,
    "cache_read_input_tokens": _COUNT,
    "cache_write_input_tokens": _COUNT,
    "output_tokens": _COUNT,
    "reasoning_output_tokens": _COUNT,
}

SESSIONS: Final = _table(
    session_id=_TEXT,
    task_id=_TEXT,
    agent_name=_TEXT,
    service_name=_TEXT,
    started_at=TIME,
    ended_at=TIME,
    duration_ms=pa.float64(),
    models=TEXTS,
    llm_call_count=_COUNT,
    tool_call_count=_COUNT,
    sub_agent_count=_COUNT,
    error_count=_COUNT,
    **_USAGE,
    cost_usd=MONEY,
    reported_cost_usd=MONEY,
    unpriced_call_count=_COUNT,
    wasted_usd=MONEY,
    outcome_score=pa.float64(),
    outcome_passed=_FLAG,
    condition=_TEXT,
    session_source=_TEXT,
    conversation_ids=TEXTS,
    trace_ids=TEXTS,
    gaps=TEXTS,
    unpriced_reasons=TEXTS,
)
"""`outcome_*`, `task_id` and `condition` are what the telemetry itself says; a recorded outcome goes before it."""

STEPS: Final = _table(
    session_id=_TEXT,
    step_index=_COUNT,
    step_id=_TEXT,
    parent_step_id=_TEXT,
    trace_id=_TEXT,
    span_id=_TEXT,
    kind=_TEXT,
    name=_TEXT,
    agent_name=_TEXT,
    provider=_TEXT,
    model=_TEXT,
    request_id=_TEXT,
    tool_call_id=_TEXT,
    started_at=TIME,
    duration_ms=pa.float64(),
    error_type=_TEXT,
    **_USAGE,
    cost_usd=MONEY,
    attributed_usd=MONEY,
    carried_usd=MONEY,
    subtree_usd=MONEY,
    saving_usd=MONEY,
    price_source=_TEXT,
    unpriced_reason=_TEXT,
    counted_by=_TEXT,
    inferred=_FLAG,
    dialect=_TEXT,
    note=_TEXT,
    error_message=_TEXT,
    context_id=_TEXT,
    arguments=_TEXT,
    result=_TEXT,
)

FINDINGS: Final = _table(
    session_id=_TEXT,
    finding_id=_TEXT,
    detector=_TEXT,
    step_ids=TEXTS,
    span_ids=TEXTS,
    wasted_usd=MONEY,
    saving_usd=MONEY,
    evidence=_JSON,
    note=_TEXT,
    soft=_FLAG,
    related_step_ids=TEXTS,
)

LEDGER: Final = _table(
    session_id=_TEXT,
    call_step_id=_TEXT,
    producer_step_id=_TEXT,
    token_class=_TEXT,
    tokens=_COUNT,
    usd=MONEY,
)

TRACECARDS: Final = _table(session_id=_TEXT, schema_version=_TEXT, card=_JSON, yaml=_TEXT, compiled_at=TIME)

EVALUATIONS: Final = _table(
    session_id=_TEXT,
    name=_TEXT,
    score=pa.float64(),
    label=_TEXT,
    passed=_FLAG,
    explanation=_TEXT,
    source=_TEXT,
    trace_id=_TEXT,
    span_id=_TEXT,
    decides=_FLAG,
    checks=_JSON,
    recorded_at=TIME,
)
"""`decides` where nobody judged more of the session; those rows stand among the outcomes too."""

OUTCOMES: Final = _table(
    session_id=_TEXT,
    task_id=_TEXT,
    condition=_TEXT,
    name=_TEXT,
    score=pa.float64(),
    passed=_FLAG,
    source=_TEXT,
    checks=_JSON,
    recorded_at=TIME,
)

BUDGETS: Final = _table(
    breach_id=_TEXT,
    rule=_TEXT,
    per=_TEXT,
    session_id=_TEXT,
    day=pa.date32(),
    agent_name=_TEXT,
    finding=_TEXT,
    limit_usd=MONEY,
    amount_usd=MONEY,
    limit_count=_COUNT,
    amount_count=_COUNT,
    unknown_count=_COUNT,
    state=_TEXT,
    judged_at=TIME,
    breached_at=TIME,
    posted_at=TIME,
)
"""What budgets said: one row per rule and subject, `state` one of `over`, `unknown`, `within`."""

PATCHES: Final = _table(
    patch_id=_TEXT,
    skill_name=_TEXT,
    action=_TEXT,
    rule=_TEXT,
    root_cause=_TEXT,
    section=_TEXT,
    target=_TEXT,
    polarity=_TEXT,
    scope=_TEXT,
    analyst=_TEXT,
    confidence=pa.float64(),
    support=_COUNT,
    evidence_level=_COUNT,
    saving_usd=MONEY,
    session_ids=TEXTS,
    span_ids=TEXTS,
    evidence=_JSON,
    accepted=_FLAG,
    reason=_TEXT,
    recorded_at=TIME,
)
"""`accepted` and `reason` are the merge's decision on the patch."""

SKILLS: Final = _table(
    skill_id=_TEXT,
    name=_TEXT,
    description=_TEXT,
    markdown=_TEXT,
    base_skill_id=_TEXT,
    patch_ids=TEXTS,
    session_ids=TEXTS,
    report=_JSON,
    recorded_at=TIME,
)

PER_SESSION: Final[Mapping[str, pa.Schema]] = {
    "sessions": SESSIONS,
    "steps": STEPS,
    "findings": FINDINGS,
    "ledger": LEDGER,
    "tracecards": TRACECARDS,
    "evaluations": EVALUATIONS,
}
"""What `replace` swaps."""

CORRELATIONS: Final = _table(trace_id=_TEXT, value=_TEXT, lasting=_FLAG)
"""Values that a reader of content found, by which traces belong together as by those in their attributes.

One that is not `lasting` only joins traces that hold it already.
"""

REPLACED: Final[Mapping[str, pa.Schema]] = {**PER_SESSION, "budgets": BUDGETS, "correlations": CORRELATIONS}
"""What `replace` takes: `budgets` are brought up to date and `correlations` only added, not swapped."""

ADDED: Final[Mapping[str, pa.Schema]] = {"patches": PATCHES, "skills": SKILLS}
"""What `append_rows` adds to."""

Row: TypeAlias = Mapping[str, object]
