-- Virtual keys: what programs of a user show instead of a token. NULL is no limit;
-- money is in millionths of the currency.
CREATE TABLE virtual_keys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- A JSON list; empty for all.
    models TEXT NOT NULL,
    budget_micros_max INTEGER CHECK (budget_micros_max >= 0),
    budget_duration TEXT,
    requests_per_minute_max INTEGER CHECK (requests_per_minute_max > 0),
    tokens_per_minute_max INTEGER CHECK (tokens_per_minute_max > 0),
    parallel_max INTEGER CHECK (parallel_max > 0),
    -- A JSON object.
    metadata TEXT NOT NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    rotated_at INTEGER
) WITHOUT ROWID;
CREATE INDEX virtual_keys_of_user ON virtual_keys (user_id, id DESC);

-- What was shown once: SHA-256 in hexadecimal digits. The one before the current
-- is good for a while after a rotation.
CREATE TABLE virtual_key_secrets (
    digest TEXT PRIMARY KEY,
    key_id TEXT NOT NULL REFERENCES virtual_keys (id) ON DELETE CASCADE,
    last4 TEXT NOT NULL,
    is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) WITHOUT ROWID;
CREATE INDEX virtual_key_secrets_of_key ON virtual_key_secrets (key_id);
