-- Who is erased: work in flight looks here, so that nothing of them comes back.
CREATE TABLE erased_users (
    user_id TEXT PRIMARY KEY,
    erased_at INTEGER NOT NULL
) WITHOUT ROWID;
