-- What happened here and must be told: written with the state it belongs to.
CREATE TABLE event_outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    published_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    dead_at INTEGER,
    last_error TEXT,
    UNIQUE (aggregate, sequence)
);
CREATE INDEX event_outbox_pending ON event_outbox (next_attempt_at, position)
    WHERE published_at IS NULL AND dead_at IS NULL;
CREATE INDEX event_outbox_by_type ON event_outbox (type, created_at DESC);

-- The last number given to an event of an aggregate.
CREATE TABLE event_sequences (
    aggregate TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) WITHOUT ROWID;

-- What a consumer has done already: one effect per consumer and event.
CREATE TABLE event_inbox (
    consumer TEXT NOT NULL,
    event_id TEXT NOT NULL,
    processed_at INTEGER NOT NULL,
    PRIMARY KEY (consumer, event_id)
) WITHOUT ROWID;
CREATE INDEX event_inbox_by_time ON event_inbox (processed_at);
