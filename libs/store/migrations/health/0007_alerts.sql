-- What people were alerted to: one row for each time in which readings of a rule, such
-- as `spo2_low`, were abnormal. It is written by whoever replays the readings of the
-- last day; only `acknowledged_ms` is set by the person. No value of a reading.
CREATE TABLE alerts (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    rule TEXT NOT NULL,
    -- The type of the readings.
    metric TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('warning', 'critical')),
    -- The class of the first reading of that level, and its set of rules.
    code TEXT NOT NULL,
    rule_set TEXT NOT NULL,
    -- The first abnormal reading, and the newest.
    reading_id TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    cleared_ms INTEGER,
    -- 'withdrawn': readings that came late, or were corrected or deleted, took it back.
    state TEXT NOT NULL CHECK (state IN ('active', 'cleared', 'withdrawn')),
    -- When the person was last told, and which level; 'none' until then.
    notified_ms INTEGER,
    notified_level TEXT NOT NULL CHECK (notified_level IN ('none', 'warning', 'critical')),
    acknowledged_ms INTEGER,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;
CREATE INDEX alerts_of_rule ON alerts (user_id, rule, last_ms DESC);
