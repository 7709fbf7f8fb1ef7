-- What is computed from telemetry, and what oracles and CostCraft add. Columns as in collector.store.derived.
CREATE SCHEMA derived;

CREATE TABLE derived.sessions (
    session_id VARCHAR NOT NULL,
    task_id VARCHAR,
    agent_name VARCHAR,
    service_name VARCHAR,
    started_at TIMESTAMP_NS,
    ended_at TIMESTAMP_NS,
    duration_ms DOUBLE,
    models VARCHAR[],
    llm_call_count BIGINT,
    tool_call_count BIGINT,
    sub_agent_count BIGINT,
    error_count BIGINT,
    input_tokens BIGINT,
    cache_read_input_tokens BIGINT,
    cache_write_input_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_output_tokens BIGINT,
    cost_usd DECIMAL(38, 12),
    reported_cost_usd DECIMAL(38, 12),
    unpriced_call_count BIGINT,
    wasted_usd DECIMAL(38, 12),
    outcome_score DOUBLE,
    outcome_passed BOOLEAN,
    condition VARCHAR,
    session_source VARCHAR,
    conversation_ids VARCHAR[],
    trace_ids VARCHAR[],
    gaps VARCHAR[],
    unpriced_reasons VARCHAR[],
    group_key VARCHAR NOT NULL
);

-- The traces and values that each group of sessions was derived from.
CREATE TABLE derived.members (
    group_key VARCHAR NOT NULL,
    trace_id VARCHAR,
    value VARCHAR
);

CREATE TABLE derived.steps (
    session_id VARCHAR NOT NULL,
    step_index BIGINT,
    step_id VARCHAR,
    parent_step_id VARCHAR,
    trace_id VARCHAR,
    span_id VARCHAR,
    kind VARCHAR,
    name VARCHAR,
    agent_name VARCHAR,
    provider VARCHAR,
    model VARCHAR,
    request_id VARCHAR,
    tool_call_id VARCHAR,
    started_at TIMESTAMP_NS,
    duration_ms DOUBLE,
    error_type VARCHAR,
    input_tokens BIGINT,
    cache_read_input_tokens BIGINT,
    cache_write_input_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_output_tokens BIGINT,
    cost_usd DECIMAL(38, 12),
    attributed_usd DECIMAL(38, 12),
    carried_usd DECIMAL(38, 12),
    subtree_usd DECIMAL(38, 12),
    saving_usd DECIMAL(38, 12),
    price_source VARCHAR,
    unpriced_reason VARCHAR,
    counted_by VARCHAR,
    inferred BOOLEAN,
    dialect VARCHAR,
    note VARCHAR,
    error_message VARCHAR,
    context_id VARCHAR,
    arguments VARCHAR USING COMPRESSION zstd
);

CREATE TABLE derived.findings (
    session_id VARCHAR NOT NULL,
    finding_id VARCHAR,
    detector VARCHAR,
    step_ids VARCHAR[],
    span_ids VARCHAR[],
    wasted_usd DECIMAL(38, 12),
    saving_usd DECIMAL(38, 12),
    evidence JSON USING COMPRESSION zstd,
    note VARCHAR,
    soft BOOLEAN,
    related_step_ids VARCHAR[]
);

CREATE TABLE derived.ledger (
    session_id VARCHAR NOT NULL,
    call_step_id VARCHAR,
    producer_step_id VARCHAR,
    token_class VARCHAR,
    tokens BIGINT,
    usd DECIMAL(38, 12)
);

CREATE TABLE derived.tracecards (
    session_id VARCHAR NOT NULL,
    schema_version VARCHAR,
    card JSON USING COMPRESSION zstd,
    yaml VARCHAR USING COMPRESSION zstd,
    compiled_at TIMESTAMP_NS
);

CREATE TABLE derived.outcomes (
    outcome_number BIGINT NOT NULL,
    session_id VARCHAR NOT NULL,
    task_id VARCHAR,
    condition VARCHAR,
    name VARCHAR,
    score DOUBLE,
    passed BOOLEAN,
    source VARCHAR,
    checks JSON USING COMPRESSION zstd,
    recorded_at TIMESTAMP_NS
);

CREATE TABLE derived.patches (
    patch_id VARCHAR NOT NULL,
    skill_name VARCHAR,
    action VARCHAR,
    rule VARCHAR,
    root_cause VARCHAR,
    section VARCHAR,
    target VARCHAR,
    polarity VARCHAR,
    scope VARCHAR,
    analyst VARCHAR,
    confidence DOUBLE,
    support BIGINT,
    evidence_level BIGINT,
    saving_usd DECIMAL(38, 12),
    session_ids VARCHAR[],
    span_ids VARCHAR[],
    evidence JSON USING COMPRESSION zstd,
    accepted BOOLEAN,
    reason VARCHAR,
    recorded_at TIMESTAMP_NS
);

CREATE TABLE derived.skills (
    skill_id VARCHAR NOT NULL,
    name VARCHAR,
    description VARCHAR,
    markdown VARCHAR USING COMPRESSION zstd,
    base_skill_id VARCHAR,
    patch_ids VARCHAR[],
    session_ids VARCHAR[],
    report JSON USING COMPRESSION zstd,
    recorded_at TIMESTAMP_NS
);
