-- Readings in canonical form, beside what was sent. Values are thousandths of the
-- canonical unit, so that sums are exact; `value2_milli` is the diastolic pressure.
-- Ids begin with the instant of measurement: a person's newest readings are the
-- last of the primary key.
CREATE TABLE readings (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    identity TEXT NOT NULL,
    type TEXT NOT NULL,
    value_milli INTEGER NOT NULL,
    value2_milli INTEGER,
    unit TEXT NOT NULL,
    original_value REAL NOT NULL,
    original_value2 REAL,
    original_unit TEXT NOT NULL,
    effective_ms INTEGER NOT NULL,
    end_ms INTEGER,
    offset_minutes INTEGER NOT NULL,
    context TEXT,
    quality TEXT NOT NULL CHECK (quality IN ('ok', 'implausible')),
    source TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX readings_identity ON readings (user_id, device_id, identity);
-- Holds the values, so that aggregates are computed from the index alone.
CREATE INDEX readings_by_type ON readings
    (user_id, type, effective_ms DESC, value_milli, value2_milli);

-- Exact figures of five minutes from `bucket_ms` on. An empty bucket has no row.
CREATE TABLE aggregates (
    user_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    bucket_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    min_milli INTEGER NOT NULL,
    max_milli INTEGER NOT NULL,
    sum_milli INTEGER NOT NULL,
    computed_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, metric, bucket_ms)
) WITHOUT ROWID;

-- Buckets whose figures are out of date. A run claims marks, recomputes and
-- deletes those it still claims: marking again takes the claim away.
CREATE TABLE dirty_buckets (
    user_id TEXT NOT NULL,
    type TEXT NOT NULL,
    bucket_ms INTEGER NOT NULL,
    marked_ms INTEGER NOT NULL,
    claim TEXT,
    PRIMARY KEY (user_id, type, bucket_ms)
) WITHOUT ROWID;
CREATE INDEX dirty_buckets_claimed ON dirty_buckets (claim) WHERE claim IS NOT NULL;
