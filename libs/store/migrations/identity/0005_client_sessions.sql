-- The registered client that a session was started through, for its user: only it
-- can refresh the session, and the session ends with it. Without one, whoever holds
-- the refresh token can.
ALTER TABLE sessions ADD COLUMN client_id TEXT;
CREATE INDEX sessions_of_client ON sessions (client_id)
    WHERE client_id IS NOT NULL AND ended_at IS NULL;
