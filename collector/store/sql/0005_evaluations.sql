-- What evaluators say in telemetry. It counts as an outcome where nobody recorded one for the session.
CREATE TABLE derived.evaluations (
    session_id VARCHAR NOT NULL,
    name VARCHAR,
    score DOUBLE,
    label VARCHAR,
    passed BOOLEAN,
    explanation VARCHAR USING COMPRESSION zstd,
    source VARCHAR,
    trace_id VARCHAR,
    span_id VARCHAR,
    decides BOOLEAN,
    checks JSON USING COMPRESSION zstd,
    recorded_at TIMESTAMP_NS
);

CREATE VIEW main.evaluations AS
SELECT
    session_id,
    name,
    score,
    label,
    passed,
    explanation,
    source,
    trace_id,
    span_id,
    decides,
    checks,
    recorded_at
FROM derived.evaluations;

CREATE OR REPLACE VIEW main.outcomes AS
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
FROM derived.outcomes
UNION ALL
SELECT
    e.session_id,
    s.task_id,
    s.condition,
    e.name,
    e.score,
    e.passed,
    e.source,
    e.checks,
    e.recorded_at
FROM derived.evaluations AS e
JOIN derived.sessions AS s ON s.session_id = e.session_id
WHERE e.decides AND e.session_id NOT IN (SELECT session_id FROM derived.outcomes);
