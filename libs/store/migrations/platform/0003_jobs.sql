-- Jobs: events that are to happen later, or again and again. A job with a
-- schedule stays pending until it is cancelled.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('pending', 'dispatched', 'done', 'dead', 'cancelled')),
    -- When it is due next, or was last.
    run_at INTEGER NOT NULL,
    schedule TEXT,
    time_zone TEXT,
    unique_key TEXT,
    retries_max INTEGER NOT NULL,
    correlation_id TEXT NOT NULL,
    -- The event of the last run, and what became of it.
    runs INTEGER NOT NULL DEFAULT 0,
    last_run_at INTEGER,
    event_id TEXT,
    last_outcome TEXT CHECK (last_outcome IN ('done', 'dead')),
    reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX jobs_live_key ON jobs (unique_key)
    WHERE unique_key IS NOT NULL AND status IN ('pending', 'dispatched');
CREATE INDEX jobs_due ON jobs (run_at) WHERE status = 'pending';
CREATE INDEX jobs_open ON jobs (last_run_at) WHERE event_id IS NOT NULL AND last_outcome IS NULL;
CREATE INDEX jobs_by_time ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_by_status ON jobs (status, created_at DESC, id DESC);
CREATE INDEX jobs_ended ON jobs (updated_at) WHERE status IN ('done', 'dead', 'cancelled');
