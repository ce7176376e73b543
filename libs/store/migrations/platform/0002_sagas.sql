-- Sagas: where each stands. `state` is what the machine knows, with the data
-- that the saga started with; `definition` is the one it began with.
CREATE TABLE sagas (
    id TEXT PRIMARY KEY,
    saga TEXT NOT NULL,
    definition TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'compensating',
        'compensated', 'needs_attention', 'failed')),
    -- The step that is done or undone.
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    -- Counts the changes, so that none is lost.
    revision INTEGER NOT NULL,
    correlation_id TEXT NOT NULL,
    traceparent TEXT,
    started_by TEXT NOT NULL,
    -- When time changes something.
    due_at INTEGER,
    -- The sweeper that works on it, and until when nobody else does.
    lease_owner TEXT,
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE INDEX sagas_due ON sagas (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX sagas_by_time ON sagas (created_at DESC, id DESC);
CREATE INDEX sagas_by_status ON sagas (status, created_at DESC, id DESC);
CREATE INDEX sagas_by_name ON sagas (saga, created_at DESC, id DESC);
CREATE INDEX sagas_ended ON sagas (ended_at) WHERE ended_at IS NOT NULL;

-- What happened to a saga, without the data of people.
CREATE TABLE saga_log (
    saga_id TEXT NOT NULL REFERENCES sagas (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    participant TEXT,
    attempt INTEGER,
    reason TEXT,
    PRIMARY KEY (saga_id, position)
) WITHOUT ROWID;
