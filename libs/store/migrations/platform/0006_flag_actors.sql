-- Who changed a flag last: a user, or `operator`. Only operators could, until this was
-- written down.
ALTER TABLE flags ADD COLUMN changed_by TEXT NOT NULL DEFAULT 'operator';

-- The highest version of a flag that was taken away: flags made later begin above it, so
-- that a name that comes back has no version twice. One row, as names are unbounded.
CREATE TABLE flags_ended (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
);
