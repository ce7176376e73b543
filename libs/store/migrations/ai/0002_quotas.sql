-- How much of the models somebody may use in a period. Where a limit is NULL there is
-- none; money is in millionths of the currency.
CREATE TABLE quotas (
    user_id TEXT PRIMARY KEY,
    period TEXT NOT NULL CHECK (period IN ('day', 'month')),
    tokens_max INTEGER CHECK (tokens_max >= 0),
    cost_micros_max INTEGER CHECK (cost_micros_max >= 0),
    requests_per_minute_max INTEGER CHECK (requests_per_minute_max >= 0),
    tokens_per_minute_max INTEGER CHECK (tokens_per_minute_max >= 0),
    -- From how much of it on a warning is given.
    soft_limit_percent INTEGER NOT NULL CHECK (soft_limit_percent BETWEEN 1 AND 100),
    -- Who set it: `default` at registration, otherwise a person.
    set_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
