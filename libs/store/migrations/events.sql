-- What happened here and must be told: written with the state it belongs to.
-- `done_at`: every subscriber has answered; `dead_at`: at least one never could.
CREATE TABLE event_outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    correlation_id TEXT,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- When this round of deliveries began: anew with every redrive and replay.
    started_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    attempts_max INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    done_at INTEGER,
    dead_at INTEGER,
    last_error TEXT,
    UNIQUE (aggregate, sequence)
);
CREATE INDEX event_outbox_due ON event_outbox (next_attempt_at, position)
    WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX event_outbox_by_time ON event_outbox (created_at);
CREATE INDEX event_outbox_by_type ON event_outbox (type, id DESC);
CREATE INDEX event_outbox_by_correlation ON event_outbox (correlation_id, id DESC);

-- The last number given to an event of an aggregate.
CREATE TABLE event_sequences (
    aggregate TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) WITHOUT ROWID;

-- What a consumer has done already: one effect per consumer and event. It is the
-- acknowledgement, too: the relay looks for it.
CREATE TABLE event_inbox (
    event_id TEXT NOT NULL,
    consumer TEXT NOT NULL,
    processed_at INTEGER NOT NULL,
    PRIMARY KEY (event_id, consumer)
) WITHOUT ROWID;
CREATE INDEX event_inbox_by_time ON event_inbox (processed_at);

-- What a consumer could not do; with `dead_at` it is a dead letter.
CREATE TABLE event_failures (
    event_id TEXT NOT NULL,
    consumer TEXT NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_failed_at INTEGER NOT NULL,
    last_failed_at INTEGER NOT NULL,
    dead_at INTEGER,
    PRIMARY KEY (event_id, consumer)
);

-- What went well later failed no more.
CREATE TRIGGER event_inbox_mends AFTER INSERT ON event_inbox BEGIN
    DELETE FROM event_failures WHERE event_id = NEW.event_id AND consumer = NEW.consumer;
END;

-- How far a consumer that needs order has come.
CREATE TABLE event_positions (
    consumer TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    last_sequence INTEGER NOT NULL,
    PRIMARY KEY (consumer, aggregate)
) WITHOUT ROWID;

-- Streams: state that is the sum of its events. Versions count from 1 without gaps.
CREATE TABLE stream_events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    stream_type TEXT NOT NULL,
    stream_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (stream_type, stream_id, version)
);

-- The newest state of a stream that was stored whole.
CREATE TABLE stream_snapshots (
    stream_type TEXT NOT NULL,
    stream_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (stream_type, stream_id)
) WITHOUT ROWID;
