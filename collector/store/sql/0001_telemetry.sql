-- OTLP as it came in: the columns of collector.columns, then what the store adds.
-- `batch` numbers commits. `identity` is a hash of what makes a row the same row when it is sent again; equal hashes
-- are compared in full. It is DuckDB's own hash: a version that hashes differently needs a migration that computes it
-- anew. There is no PRIMARY KEY: it makes commits twenty times slower at two million rows.
CREATE SCHEMA telemetry;

CREATE TABLE telemetry.spans (
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR,
    name VARCHAR NOT NULL,
    kind INTEGER NOT NULL,
    start_time_unix_nano UBIGINT NOT NULL,
    end_time_unix_nano UBIGINT NOT NULL,
    status_code INTEGER NOT NULL,
    status_message VARCHAR NOT NULL,
    trace_state VARCHAR NOT NULL,
    flags UINTEGER NOT NULL,
    dropped_attributes_count UINTEGER NOT NULL,
    dropped_events_count UINTEGER NOT NULL,
    dropped_links_count UINTEGER NOT NULL,
    attributes JSON NOT NULL USING COMPRESSION zstd,
    events JSON NOT NULL USING COMPRESSION zstd,
    links JSON NOT NULL USING COMPRESSION zstd,
    service_name VARCHAR,
    resource_attributes JSON NOT NULL,
    resource_dropped_attributes_count UINTEGER NOT NULL,
    resource_schema_url VARCHAR NOT NULL,
    scope_name VARCHAR NOT NULL,
    scope_version VARCHAR NOT NULL,
    scope_attributes JSON NOT NULL,
    scope_dropped_attributes_count UINTEGER NOT NULL,
    scope_schema_url VARCHAR NOT NULL,
    received_at BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    identity UBIGINT NOT NULL
);

CREATE TABLE telemetry.logs (
    time_unix_nano UBIGINT NOT NULL,
    observed_time_unix_nano UBIGINT NOT NULL,
    severity_number INTEGER NOT NULL,
    severity_text VARCHAR NOT NULL,
    event_name VARCHAR NOT NULL,
    body JSON USING COMPRESSION zstd,
    attributes JSON NOT NULL USING COMPRESSION zstd,
    trace_id VARCHAR,
    span_id VARCHAR,
    flags UINTEGER NOT NULL,
    dropped_attributes_count UINTEGER NOT NULL,
    correlation_value VARCHAR,
    service_name VARCHAR,
    resource_attributes JSON NOT NULL,
    resource_dropped_attributes_count UINTEGER NOT NULL,
    resource_schema_url VARCHAR NOT NULL,
    scope_name VARCHAR NOT NULL,
    scope_version VARCHAR NOT NULL,
    scope_attributes JSON NOT NULL,
    scope_dropped_attributes_count UINTEGER NOT NULL,
    scope_schema_url VARCHAR NOT NULL,
    received_at BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    identity UBIGINT NOT NULL,
    timestamp_unix_nano UBIGINT NOT NULL
);

CREATE TABLE telemetry.metric_points (
    name VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    aggregation_temporality INTEGER NOT NULL,
    is_monotonic BOOLEAN,
    attributes JSON NOT NULL USING COMPRESSION zstd,
    start_time_unix_nano UBIGINT NOT NULL,
    time_unix_nano UBIGINT NOT NULL,
    value_int BIGINT,
    value_double DOUBLE,
    count UBIGINT,
    sum DOUBLE,
    data JSON NOT NULL USING COMPRESSION zstd,
    flags UINTEGER NOT NULL,
    service_name VARCHAR,
    resource_attributes JSON NOT NULL,
    resource_dropped_attributes_count UINTEGER NOT NULL,
    resource_schema_url VARCHAR NOT NULL,
    scope_name VARCHAR NOT NULL,
    scope_version VARCHAR NOT NULL,
    scope_attributes JSON NOT NULL,
    scope_dropped_attributes_count UINTEGER NOT NULL,
    scope_schema_url VARCHAR NOT NULL,
    received_at BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    identity UBIGINT NOT NULL
);

-- Which batch brought rows for which trace or value: the edges whose connected components are the groups.
CREATE TABLE telemetry.arrivals (
    batch BIGINT NOT NULL,
    trace_id VARCHAR,
    value VARCHAR,
    joined_value VARCHAR
);

-- The to-do list: arrivals that no derived row reflects yet. Rows are inserted and deleted, never changed, but for a
-- `received_at` that turned out to lie in the future.
CREATE TABLE telemetry.pending (
    batch BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    trace_id VARCHAR,
    value VARCHAR,
    joined_value VARCHAR
);
