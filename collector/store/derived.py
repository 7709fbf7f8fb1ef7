"""The tables of what is derived from telemetry: their columns, and rows by column name turned into Arrow.

The SQL of `sql/` creates the same tables; a test keeps the two equal. Values come as Python has them: times as
integer nanoseconds since the Unix epoch, money as Decimal USD, JSON as text or as the value itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec
import pyarrow as pa

MONEY: Final = pa.decimal128(38, 12)
TIME: Final = pa.timestamp("ns")
TEXTS: Final = pa.list_(pa.string())
_JSON_MARK: Final = {b"holds": b"json"}
_LARGEST_TIME: Final = 2**63 - 2
"""The largest int64 stands for infinity in DuckDB."""

_encode: Final = msgspec.json.Encoder(decimal_format="string").encode


def _table(**columns: pa.DataType | pa.Field) -> pa.Schema:
    return pa.schema(
        [kind.with_name(name) if isinstance(kind, pa.Field) else pa.field(name, kind) for name, kind in columns.items()]
    )


_TEXT: Final = pa.string()
_COUNT: Final = pa.int64()
_FLAG: Final = pa.bool_()
_JSON: Final = pa.field("", pa.string(), metadata=_JSON_MARK)

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

Row = Mapping[str, object]


def arrow_rows(table: str, schema: pa.Schema, rows: Sequence[Row]) -> pa.Table:
    """Return rows as Arrow. Raises ValueError naming table and column for what the schema cannot hold."""
    unknown = set().union(*rows).difference(schema.names)
    if unknown:
        raise ValueError(f"table {table} has no column {', '.join(sorted(unknown))}")
    return pa.table([_column(table, field, rows) for field in schema], schema=schema)


def arrow_tables(rows: Mapping[str, Sequence[Row]], schemas: Mapping[str, pa.Schema]) -> dict[str, pa.Table]:
    """Return rows by table as Arrow. Raises ValueError as `arrow_rows` does, and for a table not in `schemas`."""
    unknown = sorted(rows.keys() - schemas.keys())
    if unknown:
        raise ValueError(f"no table {', '.join(unknown)}: there are {', '.join(schemas)}")
    return {name: arrow_rows(name, schemas[name], rows[name]) for name in rows}


def outcome_row(row: Row) -> pa.Table:
    """Return one outcome as Arrow. Raises ValueError where it does not say on which session and when."""
    table = arrow_rows("outcomes", OUTCOMES, [row])
    missing = [name for name in ("session_id", "recorded_at") if table.column(name).null_count]
    if missing:
        raise ValueError(f"an outcome needs {' and '.join(missing)}")
    return table


def latest_outcomes(rows: Iterable[Row]) -> dict[str, Row]:
    """Return each session's last outcome, given in the order they came, with the last task and condition said."""
    latest: dict[str, Row] = {}
    for row in rows:
        before = latest.get(str(row["session_id"]), row)
        said = {name: before[name] if row[name] is None else row[name] for name in ("task_id", "condition")}
        latest[str(row["session_id"])] = {**row, **said}
    return latest


def python_rows(table: pa.Table) -> list[dict[str, object]]:
    """Return Arrow rows as Python has them, times as integer nanoseconds again."""
    columns = {
        field.name: (column.cast(pa.int64()) if field.type == TIME else column).to_pylist()
        for field, column in zip(table.schema, table.columns, strict=True)
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _column(table: str, field: pa.Field, rows: Sequence[Row]) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    if field.metadata == _JSON_MARK:
        values = [None if value is None else _json_text(value) for value in values]
    elif field.type == TIME:
        values = [value if isinstance(value, int) and 0 < value <= _LARGEST_TIME else None for value in values]
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"a value of {table}.{field.name} is no {field.type}: {error}") from error


def _json_text(value: object) -> str:
    return value if isinstance(value, str) else _encode(_plain(value)).decode()


def _plain(value: object) -> object:
    """Return a value that JSON can hold; money stays exact as text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
