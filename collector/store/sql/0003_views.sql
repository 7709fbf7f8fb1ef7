-- What outsiders query. Names, order and meaning of columns are a promise; new columns go to the end.
-- A time that OTLP could send but no timestamp can hold, and 0 which means 'not set', are NULL; the number stays.
CREATE VIEW main.spans AS
SELECT
    trace_id,
    span_id,
    parent_span_id,
    name,
    kind,
    CASE WHEN start_time_unix_nano BETWEEN 1 AND 9223372036854775806
        THEN make_timestamp_ns(TRY_CAST(start_time_unix_nano AS BIGINT)) END AS start_time,
    CASE WHEN end_time_unix_nano BETWEEN 1 AND 9223372036854775806
        THEN make_timestamp_ns(TRY_CAST(end_time_unix_nano AS BIGINT)) END AS end_time,
    CASE WHEN start_time_unix_nano > 0 AND end_time_unix_nano >= start_time_unix_nano
        THEN TRY_CAST(end_time_unix_nano - start_time_unix_nano AS BIGINT) END AS duration_ns,
    status_code,
    status_message,
    service_name,
    scope_name,
    scope_version,
    attributes,
    resource_attributes,
    events,
    links,
    make_timestamp_ns(received_at) AS received_at,
    start_time_unix_nano,
    end_time_unix_nano,
    trace_state,
    flags,
    dropped_attributes_count,
    dropped_events_count,
    dropped_links_count,
    scope_attributes,
    resource_dropped_attributes_count,
    scope_dropped_attributes_count,
    resource_schema_url,
    scope_schema_url
FROM telemetry.spans;

CREATE VIEW main.logs AS
SELECT
    trace_id,
    span_id,
    event_name,
    CASE WHEN time_unix_nano BETWEEN 1 AND 9223372036854775806
        THEN make_timestamp_ns(TRY_CAST(time_unix_nano AS BIGINT)) END AS time,
    CASE WHEN observed_time_unix_nano BETWEEN 1 AND 9223372036854775806
        THEN make_timestamp_ns(TRY_CAST(observed_time_unix_nano AS BIGINT)) END AS observed_time,
    severity_number,
    severity_text,
    body,
    service_name,
    scope_name,
    scope_version,
    attributes,
    resource_attributes,
    make_timestamp_ns(received_at) AS received_at,
    time_unix_nano,
    observed_time_unix_nano,
    flags,
    dropped_attributes_count,
    scope_attributes,
    resource_dropped_attributes_count,
    scope_dropped_attributes_count,
    resource_schema_url,
    scope_schema_url
FROM telemetry.logs;

CREATE VIEW main.metric_points AS
SELECT
    name,
    description,
    unit,
    type,
    aggregation_temporality,
    is_monotonic,
    CASE WHEN start_time_unix_nano BETWEEN 1 AND 9223372036854775806
        THEN make_timestamp_ns(TRY_CAST(start_time_unix_nano AS BIGINT)) END AS start_time,
    CASE WHEN time_unix_nano BETWEEN 1 AND 9223372036854775806
        THEN make_timestamp_ns(TRY_CAST(time_unix_nano AS BIGINT)) END AS time,
    coalesce(value_double, CAST(value_int AS DOUBLE)) AS value,
    value_int,
    value_double,
    count,
    sum,
    data,
    service_name,
    scope_name,
    scope_version,
    attributes,
    resource_attributes,
    make_timestamp_ns(received_at) AS received_at,
    start_time_unix_nano,
    time_unix_nano,
    flags,
    scope_attributes,
    resource_dropped_attributes_count,
    scope_dropped_attributes_count,
    resource_schema_url,
    scope_schema_url
FROM telemetry.metric_points;

-- An oracle's latest verdict counts at once, without compiling again; of task and condition the latest one said.
CREATE VIEW main.sessions AS
SELECT
    s.session_id,
    coalesce(o.task_id, s.task_id) AS task_id,
    s.agent_name,
    s.service_name,
    s.started_at,
    s.ended_at,
    s.duration_ms,
    s.models,
    s.llm_call_count,
    s.tool_call_count,
    s.sub_agent_count,
    s.error_count,
    s.input_tokens,
    s.cache_read_input_tokens,
    s.cache_write_input_tokens,
    s.output_tokens,
    s.reasoning_output_tokens,
    s.cost_usd,
    s.reported_cost_usd,
    s.unpriced_call_count,
    s.wasted_usd,
    CASE WHEN o.session_id IS NULL THEN s.outcome_score ELSE o.verdict.score END AS outcome_score,
    CASE WHEN o.session_id IS NULL THEN s.outcome_passed ELSE o.verdict.passed END AS outcome_passed,
    coalesce(o.condition, s.condition) AS condition,
    s.session_source,
    s.conversation_ids,
    s.trace_ids,
    s.gaps,
    s.unpriced_reasons
FROM derived.sessions AS s
LEFT JOIN (
    SELECT
        session_id,
        arg_max(task_id, outcome_number) AS task_id,
        arg_max(condition, outcome_number) AS condition,
        arg_max(struct_pack(score := score, passed := passed), outcome_number) AS verdict
    FROM derived.outcomes
    GROUP BY session_id
) AS o ON o.session_id = s.session_id;

CREATE VIEW main.steps AS
SELECT
    session_id,
    step_index,
    step_id,
    parent_step_id,
    trace_id,
    span_id,
    kind,
    name,
    agent_name,
    provider,
    model,
    request_id,
    tool_call_id,
    started_at,
    duration_ms,
    error_type,
    input_tokens,
    cache_read_input_tokens,
    cache_write_input_tokens,
    output_tokens,
    reasoning_output_tokens,
    cost_usd,
    attributed_usd,
    carried_usd,
    subtree_usd,
    saving_usd,
    price_source,
    unpriced_reason,
    counted_by,
    inferred,
    dialect,
    note,
    error_message,
    context_id,
    arguments
FROM derived.steps;

CREATE VIEW main.findings AS
SELECT
    session_id,
    finding_id,
    detector,
    step_ids,
    span_ids,
    wasted_usd,
    saving_usd,
    evidence,
    note,
    soft,
    related_step_ids
FROM derived.findings;

CREATE VIEW main.ledger AS
SELECT
    session_id,
    call_step_id,
    producer_step_id,
    token_class,
    tokens,
    usd
FROM derived.ledger;

CREATE VIEW main.tracecards AS
SELECT
    session_id,
    schema_version,
    card,
    yaml,
    compiled_at
FROM derived.tracecards;

CREATE VIEW main.outcomes AS
SELECT
    session_id,
    task_id,
    condition,
    name,
    score,
    passed,
    source,
    checks,
    recorded_at
FROM derived.outcomes;

CREATE VIEW main.patches AS
SELECT
    patch_id,
    skill_name,
    action,
    rule,
    root_cause,
    section,
    target,
    polarity,
    scope,
    analyst,
    confidence,
    support,
    evidence_level,
    saving_usd,
    session_ids,
    span_ids,
    evidence,
    accepted,
    reason,
    recorded_at
FROM derived.patches;

CREATE VIEW main.skills AS
SELECT
    skill_id,
    name,
    description,
    markdown,
    base_skill_id,
    patch_ids,
    session_ids,
    report,
    recorded_at
FROM derived.skills;
