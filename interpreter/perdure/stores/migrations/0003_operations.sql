-- Slots, caches, tasks, schedules, labels that can be searched, letters that wait for a paused run.

ALTER TABLE inbox ADD COLUMN patient INTEGER NOT NULL DEFAULT 0;

CREATE TABLE run_labels (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (name, value, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_labels_by_run ON run_labels (run);
INSERT INTO run_labels (name, value, run)
    SELECT label.key, label.value, runs.key FROM runs, json_each(CAST(runs.labels AS TEXT)) AS label;

CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_by_end ON runs (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX updates_by_run ON updates (run);

-- The largest number given to something that was deleted: it is never given again.
CREATE TABLE last_deleted (
    name TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE newest_versions (
    workflow TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (workflow, version)
) STRICT, WITHOUT ROWID;
INSERT OR REPLACE INTO newest_versions (workflow, version, digest)
    SELECT workflow, version, digest FROM definitions WHERE version IS NOT NULL ORDER BY at, rowid;

-- Who holds a slot of a key, and who waits for one, in the order they came.
CREATE TABLE slots (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    run INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    "limit" INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    UNIQUE (run, frame)
) STRICT;
CREATE INDEX slots_by_key ON slots (key, granted, place);

-- Around which waiting wish a slot is held: (run, frame) is the slot, place the wish.
CREATE TABLE slot_chains (
    run INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (run, frame, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX slot_chains_by_place ON slot_chains (place);

CREATE TABLE cache (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_by_expiry ON cache (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE tasks (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    body BLOB NOT NULL,
    worker TEXT,
    cancelled INTEGER NOT NULL DEFAULT 0,
    UNIQUE (run, frame)
) STRICT;
CREATE INDEX tasks_free ON tasks (queue, priority DESC, key) WHERE worker IS NULL;
CREATE INDEX tasks_free_anywhere ON tasks (priority DESC, key) WHERE worker IS NULL;
CREATE INDEX tasks_by_worker ON tasks (worker) WHERE worker IS NOT NULL;

CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    workflow TEXT NOT NULL,
    spec BLOB NOT NULL,
    state BLOB NOT NULL,
    next_at INTEGER,
    event TEXT,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX schedules_by_workflow ON schedules (workflow);
CREATE INDEX schedules_by_event ON schedules (event) WHERE event IS NOT NULL;

-- A nominal time fires exactly once: this key is what holds it.
CREATE TABLE firings (
    schedule TEXT NOT NULL,
    nominal INTEGER NOT NULL,
    PRIMARY KEY (schedule, nominal)
) STRICT, WITHOUT ROWID;

CREATE TABLE occurrences (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    schedule TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (schedule, id)
) STRICT;

-- Ids of occurrences that were started or dropped, as `received` has those of letters.
CREATE TABLE occurred (
    schedule TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (schedule, id)
) STRICT, WITHOUT ROWID;
