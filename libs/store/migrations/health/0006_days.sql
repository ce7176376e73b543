-- Figures of a person's metric on one local day: `[day_ms, end_ms)` is the day in the
-- person's time zone. A day without readings has no row. Values are thousandths of the
-- canonical unit, times are milliseconds. `distribution` holds the values and how often
-- each occurs, `series` the figures of five minutes each: longer buckets are merged from
-- them exactly. Large texts come last, so that those before them are read alone.
CREATE TABLE days (
    user_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    day_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    min_milli INTEGER NOT NULL,
    max_milli INTEGER NOT NULL,
    sum_milli INTEGER NOT NULL,
    p50_milli INTEGER NOT NULL,
    p95_milli INTEGER NOT NULL,
    first_milli INTEGER NOT NULL,
    last_milli INTEGER NOT NULL,
    in_range_ms INTEGER NOT NULL,
    below_ms INTEGER NOT NULL,
    above_ms INTEGER NOT NULL,
    covered_ms INTEGER NOT NULL,
    computed_ms INTEGER NOT NULL,
    distribution TEXT NOT NULL,
    series TEXT NOT NULL,
    PRIMARY KEY (user_id, metric, day_ms)
) WITHOUT ROWID;

-- Days of UTC whose readings changed between `from_ms` and `to_ms`: the figures of the
-- local days around are out of date. A run takes marks away, recomputes and commits, so
-- that a mark made meanwhile stays.
CREATE TABLE dirty_days (
    user_id TEXT NOT NULL,
    type TEXT NOT NULL,
    utc_day INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    marked_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, type, utc_day)
) WITHOUT ROWID;

-- Finds the flags that may have to be taken back; readings without one cost nothing.
CREATE INDEX readings_shadowed ON readings (user_id, type, effective_ms) WHERE shadowed = 1;

-- Everything is computed anew. `%` keeps the sign, so that it is added up first.
INSERT INTO dirty_days (user_id, type, utc_day, from_ms, to_ms, marked_ms)
SELECT user_id, type, utc_day, MIN(effective_ms), MAX(effective_ms), 0
FROM (SELECT user_id, type, effective_ms,
    (effective_ms - ((effective_ms % 86400000) + 86400000) % 86400000) / 86400000 AS utc_day
    FROM readings) AS marked
GROUP BY user_id, type, utc_day;

DROP TABLE dirty_buckets;
DROP TABLE aggregates;
