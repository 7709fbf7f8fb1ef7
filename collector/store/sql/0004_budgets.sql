-- What budgets said of sessions, days and agents: one row per rule and subject that went over or could not be told,
-- updated when a session is compiled again. `posted_at` says that a webhook was told, so that none is told twice.
CREATE TABLE derived.budgets (
    breach_id VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    per VARCHAR NOT NULL,
    session_id VARCHAR,
    day DATE,
    agent_name VARCHAR,
    finding VARCHAR,
    limit_usd DECIMAL(38, 12),
    amount_usd DECIMAL(38, 12),
    limit_count BIGINT,
    amount_count BIGINT,
    unknown_count BIGINT,
    state VARCHAR NOT NULL,
    judged_at TIMESTAMP_NS,
    breached_at TIMESTAMP_NS,
    posted_at TIMESTAMP_NS
);

CREATE VIEW main.budget_breaches AS
SELECT
    breach_id,
    rule,
    per,
    session_id,
    day,
    agent_name,
    finding,
    limit_usd,
    amount_usd,
    limit_count,
    amount_count,
    unknown_count,
    breached_at,
    judged_at,
    posted_at
FROM derived.budgets
WHERE state = 'over';

-- Where a cost is not known whole, and what is known lies within the limit: nobody can say whether it was kept.
CREATE VIEW main.budget_gaps AS
SELECT
    rule,
    per,
    session_id,
    day,
    agent_name,
    finding,
    limit_usd,
    amount_usd,
    unknown_count,
    judged_at
FROM derived.budgets
WHERE state = 'unknown';
