CREATE TABLE consultations (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('created', 'running', 'diagnosed', 'cancelled', 'failed')),
    -- Why it failed.
    reason TEXT,
    chief_complaint TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX consultations_of_user ON consultations (user_id, created_at DESC, id DESC);

-- What the engines found; `result` is the JSON of the step.
CREATE TABLE diagnoses (
    id TEXT PRIMARY KEY,
    consultation_id TEXT NOT NULL REFERENCES consultations (id) ON DELETE CASCADE,
    step TEXT NOT NULL,
    result TEXT NOT NULL,
    engine TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (consultation_id, step)
);
