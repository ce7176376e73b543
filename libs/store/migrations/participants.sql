-- What functions have done for sagas: the barrier that makes a command take
-- effect once and keeps a late one from working after its undo.
CREATE TABLE saga_participations (
    saga_id TEXT NOT NULL,
    step TEXT NOT NULL,
    participant TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('begun', 'done', 'undone')),
    -- What the work gave, as JSON.
    output TEXT NOT NULL,
    -- The attempt that was begun last, and where its answer goes.
    attempt INTEGER NOT NULL,
    reply_to TEXT NOT NULL,
    -- What an answer that comes later is found by.
    answer_key TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (saga_id, step, participant)
) WITHOUT ROWID;
CREATE INDEX saga_participations_begun ON saga_participations (participant, answer_key)
    WHERE state = 'begun';
CREATE INDEX saga_participations_by_time ON saga_participations (updated_at);
