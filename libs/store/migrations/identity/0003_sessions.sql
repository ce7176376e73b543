-- Every access token says under which version it was issued; a token of an older
-- one is no longer good. `token_version_at` tells when it was raised last, so that
-- the denylist can be built anew.
ALTER TABLE users ADD COLUMN token_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN token_version_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_by_token_version_time ON users (token_version_at) WHERE token_version_at > 0;

-- A login and everything that its refresh tokens have led to: the id is their family.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The client as it was when the session was used last.
    client_ip TEXT,
    user_agent TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT
) WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id, last_used_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at)
SELECT family, user_id, min(created_at), max(created_at), max(expires_at)
FROM refresh_tokens GROUP BY family, user_id;

-- Who used a refresh token: the hash of address and user agent.
ALTER TABLE refresh_tokens ADD COLUMN used_by BLOB;

-- Access tokens that were revoked before they expired.
CREATE TABLE revoked_tokens (
    jti TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_time ON revoked_tokens (revoked_at);
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- Programs that get tokens of their own. The row stays when one is taken away:
-- tokens name it until they expire.
CREATE TABLE oauth_clients (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    token_version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    deleted_at INTEGER
) WITHOUT ROWID;
CREATE INDEX oauth_clients_by_deletion ON oauth_clients (deleted_at) WHERE deleted_at IS NOT NULL;

-- What is mailed to somebody and good once, by its hash.
CREATE TABLE one_time_tokens (
    token_hash BLOB PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL CHECK (purpose IN ('password_reset')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX one_time_tokens_of_user ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);

-- The second factor. It counts from `confirmed_at` on; `last_step` is the time step
-- of the last code that was accepted, so that each is accepted once.
CREATE TABLE totp (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_secret BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_step INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE totp_recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    PRIMARY KEY (user_id, code_hash)
) WITHOUT ROWID;

-- What is to be mailed. Address and text are sealed; a mail without a user is none
-- and only makes a request for an unknown address cost the same.
CREATE TABLE mails (
    id TEXT PRIMARY KEY,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    -- A keyed hash of the address: how many were asked for lately.
    address_hash BLOB NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    -- Sent, or nothing to send.
    done_at INTEGER,
    -- Given up.
    dead_at INTEGER,
    last_error TEXT
) WITHOUT ROWID;
CREATE INDEX mails_due ON mails (next_attempt_at) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX mails_of_address ON mails (address_hash, created_at);
CREATE INDEX mails_of_user ON mails (user_id);
CREATE INDEX mails_by_time ON mails (created_at);
