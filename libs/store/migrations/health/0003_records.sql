-- What happened to a person's health, such as a consultation. Codes alone: the report
-- stays with the consultation.
CREATE TABLE health_records (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('consultation')),
    consultation_id TEXT NOT NULL UNIQUE,
    report_id TEXT NOT NULL,
    -- JSON: codes of red flags and syndromes.
    summary TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX health_records_of_user ON health_records (user_id, id DESC);
