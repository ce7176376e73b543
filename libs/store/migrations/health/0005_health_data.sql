-- Readings with their history, what they refer to, and what is known of a person.
--
-- The id of a reading is its identity: it is made of (user, device, type, instant,
-- the client's id or the value), so that sending one again finds the row that is
-- there. It begins with the instant, so that a person's newest readings are the last
-- of the primary key. Values are thousandths of the canonical unit; `data` holds
-- what is no number, as JSON.
ALTER TABLE readings RENAME TO readings_before;
CREATE TABLE readings (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    -- The client's own id, '' where there is none.
    client_id TEXT NOT NULL,
    type TEXT NOT NULL,
    value_milli INTEGER NOT NULL,
    value2_milli INTEGER,
    original_value REAL,
    original_value2 REAL,
    original_unit TEXT NOT NULL,
    effective_ms INTEGER NOT NULL,
    end_ms INTEGER,
    offset_minutes INTEGER NOT NULL,
    context TEXT,
    data TEXT,
    -- The blob that `data` refers to.
    blob TEXT,
    quality TEXT NOT NULL CHECK (quality IN ('ok', 'implausible')),
    -- 'amended': another reading supersedes it. 'entered_in_error': deleted, and
    -- purged after some days.
    status TEXT NOT NULL DEFAULT 'final'
        CHECK (status IN ('final', 'amended', 'entered_in_error')),
    supersedes TEXT,
    source TEXT NOT NULL,
    -- 4 clinic, 3 medical device, 2 wearable, 1 by hand, 0 not known.
    source_rank INTEGER NOT NULL DEFAULT 0,
    -- 1: at this moment a better source measured the same. Written by the
    -- aggregation, which decides it from all readings of the day.
    shadowed INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;
-- Identities of 64 digits were made from the value and none of the client's.
INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, value2_milli,
        original_value, original_value2, original_unit, effective_ms, end_ms, offset_minutes,
        context, quality, source, created_ms, changed_ms)
    SELECT user_id, id, device_id, CASE WHEN length(identity) = 64 THEN '' ELSE identity END,
        type, value_milli, value2_milli, original_value, original_value2, original_unit,
        effective_ms, end_ms, offset_minutes, context, quality, source, created_ms, created_ms
    FROM readings_before;
DROP TABLE readings_before;
-- Holds the values, so that figures are computed from the index alone.
CREATE INDEX readings_by_type ON readings
    (user_id, type, effective_ms DESC, value_milli, value2_milli, source_rank)
    WHERE status = 'final';

-- What is to be purged; readings that count cost nothing here.
CREATE INDEX readings_deleted ON readings (changed_ms) WHERE status = 'entered_in_error';
-- What refers to a blob, what corrects a reading, what has an id of the client's:
-- readings that do none of it cost nothing here. They hold all that is asked for, so
-- that they are preferred to the primary key.
CREATE INDEX readings_of_blob ON readings (user_id, blob, status) WHERE blob IS NOT NULL;
CREATE INDEX readings_superseding ON readings (user_id, supersedes)
    WHERE supersedes IS NOT NULL;
CREATE INDEX readings_of_client_id ON readings (user_id, client_id, status)
    WHERE client_id <> '';

-- Bytes that belong to a person: images, sounds, the samples of waveforms. The bytes
-- themselves are in the key-value store `blobs` under `{user_id}/{id}`.
CREATE TABLE blobs (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;

-- What the figures of a person are judged by. No row is the same as all defaults.
CREATE TABLE profiles (
    user_id TEXT PRIMARY KEY,
    timezone TEXT NOT NULL DEFAULT 'Asia/Shanghai',
    sex TEXT NOT NULL DEFAULT '' CHECK (sex IN ('', 'male', 'female')),
    birth_date TEXT,
    height_cm REAL,
    altitude_m INTEGER,
    -- JSON: which rule set classifies what.
    rules TEXT NOT NULL,
    version INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) WITHOUT ROWID;
