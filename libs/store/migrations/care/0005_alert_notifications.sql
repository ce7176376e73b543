-- People are also told of alerts, which belong to no consultation.
ALTER TABLE notifications RENAME TO notifications_before;
CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL
        CHECK (kind IN ('report_ready', 'emergency', 'health_warning', 'health_critical')),
    consultation_id TEXT REFERENCES consultations (id) ON DELETE CASCADE,
    report_id TEXT,
    alert_id TEXT,
    created_at INTEGER NOT NULL,
    read_at INTEGER,
    cancelled_at INTEGER
);
INSERT INTO notifications
        (id, user_id, kind, consultation_id, report_id, created_at, read_at, cancelled_at)
    SELECT id, user_id, kind, consultation_id, report_id, created_at, read_at, cancelled_at
    FROM notifications_before;
DROP TABLE notifications_before;
CREATE INDEX notifications_of_user ON notifications (user_id, id DESC)
    WHERE cancelled_at IS NULL;
-- For the undo, and for the foreign key when a consultation is deleted.
CREATE INDEX notifications_of_consultation ON notifications (consultation_id);
