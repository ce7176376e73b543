-- What a user tells of themselves, and how they want things: JSON objects.
CREATE TABLE user_profiles (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    profile TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE user_settings (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    settings TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- What a user may do wherever they are.
CREATE TABLE user_permissions (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    subject TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    PRIMARY KEY (user_id, position)
) WITHOUT ROWID;

CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    -- A JSON object.
    settings TEXT NOT NULL,
    -- One of its owners: whom others turn to.
    owner_id TEXT NOT NULL REFERENCES users (id),
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX groups_of_owner ON groups (owner_id, name);

CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    -- A user, or `operator`.
    added_by TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX group_members_of_user ON group_members (user_id, group_id);
CREATE INDEX group_members_by_role ON group_members (group_id, role, added_at);

-- What members may do in a group.
CREATE TABLE group_permissions (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    subject TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    PRIMARY KEY (group_id, position)
) WITHOUT ROWID;

-- Who did what: the streams of type `audit`, one for each subject. `position` is the
-- order of all of them.
CREATE INDEX audit_by_position ON stream_events (position) WHERE stream_type = 'audit';
CREATE INDEX audit_by_time ON stream_events (created_at) WHERE stream_type = 'audit';
CREATE INDEX audit_by_type ON stream_events (type, position) WHERE stream_type = 'audit';
CREATE INDEX audit_by_actor ON stream_events (json_extract(metadata, '$.actor'), position)
    WHERE stream_type = 'audit';

-- What functions have done for sagas: the barrier that makes a command take
-- effect once and keeps a late one from working after its undo.
CREATE TABLE saga_participations (
    saga_id TEXT NOT NULL,
    step TEXT NOT NULL,
    participant TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('begun', 'done', 'undone')),
    -- What the work gave, as JSON.
    output TEXT NOT NULL,
    -- The attempt that was begun last, and where its answer goes.
    attempt INTEGER NOT NULL,
    reply_to TEXT NOT NULL,
    -- What an answer that comes later is found by.
    answer_key TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (saga_id, step, participant)
) WITHOUT ROWID;
CREATE INDEX saga_participations_begun ON saga_participations (participant, answer_key)
    WHERE state = 'begun';
CREATE INDEX saga_participations_by_time ON saga_participations (updated_at);
