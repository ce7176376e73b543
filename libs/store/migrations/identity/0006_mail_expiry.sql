-- After this time a mail is of no use, and is not sent any more.
ALTER TABLE mails ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
-- All that there are hold a code that is good for half an hour.
UPDATE mails SET expires_at = created_at + 1800000;
CREATE INDEX mails_by_expiry ON mails (expires_at) WHERE done_at IS NULL AND dead_at IS NULL;
