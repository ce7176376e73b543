-- What the agents answered, by rules; `answer` is JSON.
CREATE TABLE agent_answers (
    consultation_id TEXT NOT NULL REFERENCES consultations (id) ON DELETE CASCADE,
    agent TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('answered', 'cancelled')),
    answer TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (consultation_id, agent)
) WITHOUT ROWID;

-- What came of a consultation; `content` is JSON, red flags first.
CREATE TABLE reports (
    id TEXT PRIMARY KEY,
    consultation_id TEXT NOT NULL UNIQUE REFERENCES consultations (id) ON DELETE CASCADE,
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

-- What people are told. The words are made when it is shown, in their language.
CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('report_ready', 'emergency')),
    consultation_id TEXT NOT NULL REFERENCES consultations (id) ON DELETE CASCADE,
    report_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    read_at INTEGER,
    cancelled_at INTEGER
);
CREATE INDEX notifications_of_user ON notifications (user_id, id DESC)
    WHERE cancelled_at IS NULL;
-- For the undo, and for the foreign key when a consultation is deleted.
CREATE INDEX notifications_of_consultation ON notifications (consultation_id);
