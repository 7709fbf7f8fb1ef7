-- What was redacted before storage, by record: the note that redaction leaves in a record's own attributes. A record of
-- several sessions is listed for each; one of a session that is not compiled yet has NULL there.
CREATE VIEW main.redactions AS
WITH records AS (
    SELECT 'span' AS signal, trace_id, span_id, NULL AS correlation_value, attributes FROM telemetry.spans
    UNION ALL
    SELECT 'log' AS signal, trace_id, span_id, correlation_value, attributes FROM telemetry.logs
),
noted AS (
    SELECT signal, trace_id, span_id, correlation_value, attributes -> '$."clawtrace.redacted"' AS note
    FROM records
    WHERE contains(attributes::VARCHAR, '"clawtrace.redacted":')
),
counted AS (
    SELECT
        signal, trace_id, span_id, correlation_value, unnest(json_keys(note)) AS kind,
        unnest(list_transform(json_keys(note), lambda name: try_cast(note ->> name AS BIGINT))) AS count
    FROM noted
    WHERE json_type(note) = 'OBJECT'
),
places AS (
    SELECT session_id, unnest(trace_ids) AS trace_id, NULL AS correlation_value FROM derived.sessions
    UNION ALL
    SELECT s.session_id, NULL, m.value FROM derived.sessions AS s
    JOIN derived.members AS m ON m.group_key = s.group_key AND m.value IS NOT NULL
)
SELECT p.session_id, c.signal, c.trace_id, c.span_id, c.kind, c.count
FROM counted AS c
LEFT JOIN places AS p
    ON p.trace_id = c.trace_id OR (c.trace_id IS NULL AND p.correlation_value = c.correlation_value);
