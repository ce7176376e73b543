-- Readings with their history, as in 0005_health_data.sql, with a partition for each
-- month of measurement: ensure_month() makes it before the first reading of the month
-- comes, so that what is old is dropped as a whole and indexes stay small. An id begins
-- with the instant of the reading, so (user_id, id) is unique although the key of a
-- partition has to name the instant.
ALTER TABLE readings RENAME TO readings_before;
CREATE TABLE readings (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    device_id TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    value_milli BIGINT NOT NULL,
    value2_milli BIGINT,
    original_value DOUBLE PRECISION,
    original_value2 DOUBLE PRECISION,
    original_unit TEXT COLLATE "C" NOT NULL,
    effective_ms BIGINT NOT NULL,
    end_ms BIGINT,
    offset_minutes BIGINT NOT NULL,
    context TEXT COLLATE "C",
    data TEXT COLLATE "C",
    blob TEXT COLLATE "C",
    quality TEXT COLLATE "C" NOT NULL CHECK (quality IN ('ok', 'implausible')),
    status TEXT COLLATE "C" NOT NULL DEFAULT 'final'
        CHECK (status IN ('final', 'amended', 'entered_in_error')),
    supersedes TEXT COLLATE "C",
    source TEXT COLLATE "C" NOT NULL,
    source_rank BIGINT NOT NULL DEFAULT 0,
    shadowed BIGINT NOT NULL DEFAULT 0,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, id, effective_ms)
) PARTITION BY RANGE (effective_ms);
-- What is before 2010, and what nobody has made a partition for.
CREATE TABLE readings_other PARTITION OF readings DEFAULT;

SELECT ensure_month('readings', month) FROM (
    SELECT DISTINCT (date_part('epoch', date_trunc('month',
        to_timestamp(effective_ms / 1000) AT TIME ZONE 'UTC')) * 1000)::bigint AS month
    FROM readings_before) AS months;
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
-- What analysts look for: readings after a meal, at rest, of a place on the body.
CREATE INDEX readings_by_context ON readings USING gin (to_document(context))
    WHERE context IS NOT NULL;

CREATE TABLE blobs (
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE TABLE profiles (
    user_id TEXT COLLATE "C" PRIMARY KEY,
    timezone TEXT COLLATE "C" NOT NULL DEFAULT 'Asia/Shanghai',
    sex TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (sex IN ('', 'male', 'female')),
    birth_date TEXT COLLATE "C",
    height_cm DOUBLE PRECISION,
    altitude_m BIGINT,
    rules TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
