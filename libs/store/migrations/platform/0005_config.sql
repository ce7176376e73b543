-- Settings of services, and every change of them. A key has a version that
-- counts its changes in all layers, also after it is gone.
CREATE TABLE config_keys (
    service TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (service, key)
) WITHOUT ROWID;

-- What holds now. `environment` is empty unless the layer is of one.
CREATE TABLE config_values (
    service TEXT NOT NULL,
    key TEXT NOT NULL,
    layer TEXT NOT NULL CHECK (layer IN ('runtime', 'environment', 'base', 'default')),
    environment TEXT NOT NULL,
    -- JSON, and the YAML that it was written as.
    value TEXT NOT NULL,
    yaml TEXT,
    version INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (service, key, layer, environment)
) WITHOUT ROWID;

CREATE TABLE config_changes (
    service TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('set', 'removed', 'rolled_back')),
    layer TEXT NOT NULL,
    environment TEXT NOT NULL,
    -- Null where it was removed.
    value TEXT,
    yaml TEXT,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (service, key, version)
) WITHOUT ROWID;

-- Feature flags. Who is among `users` or `groups` (JSON) has it, and of all
-- others a share in hundredths of a percent.
CREATE TABLE flags (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    share INTEGER NOT NULL CHECK (share BETWEEN 0 AND 10000),
    users TEXT NOT NULL,
    groups TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
