-- Everything the first version keeps. Times are microseconds since the epoch.

CREATE TABLE perdure_schema (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

-- Rows stand in the order they arrive, not by run: appending is five times cheaper.
CREATE TABLE journal (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX journal_by_run ON journal (run, seq);

CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    version TEXT,
    digest TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    labels BLOB NOT NULL,
    wake_at INTEGER,
    owner TEXT,
    recoveries INTEGER NOT NULL DEFAULT 0,
    outcome BLOB
) STRICT;
CREATE INDEX runs_due ON runs (wake_at)
    WHERE owner IS NULL AND wake_at IS NOT NULL AND status IN ('scheduled', 'running');
CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX runs_by_workflow ON runs (workflow);
CREATE INDEX runs_by_status ON runs (status);

CREATE TABLE snapshots (
    run INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;

-- AUTOINCREMENT: a key is never given twice, so a reader may go on after the last key it saw.
CREATE TABLE inbox (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (run, id)
) STRICT;

CREATE TABLE asks (
    run INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    address TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    due INTEGER,
    body BLOB NOT NULL,
    PRIMARY KEY (run, frame)
) STRICT, WITHOUT ROWID;

CREATE TABLE heartbeats (
    run INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    details BLOB NOT NULL,
    PRIMARY KEY (run, frame)
) STRICT, WITHOUT ROWID;

CREATE TABLE definitions (
    digest TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    version TEXT,
    bundle BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    pid INTEGER NOT NULL,
    pid_started INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
