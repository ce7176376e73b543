-- Everybody reads the audit of one subject: who looked at their health.
CREATE INDEX audit_by_subject ON stream_events (stream_id, position)
    WHERE stream_type = 'audit';
