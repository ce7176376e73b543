-- The run of a job whose end is waited for: not always the last one, because a
-- job may run again before that is known.
ALTER TABLE jobs ADD COLUMN watched_event_id TEXT;
ALTER TABLE jobs ADD COLUMN watched_at INTEGER;
UPDATE jobs SET watched_event_id = event_id, watched_at = last_run_at
    WHERE event_id IS NOT NULL AND last_outcome IS NULL;
DROP INDEX jobs_open;
CREATE INDEX jobs_open ON jobs (watched_at, id) WHERE watched_event_id IS NOT NULL;
