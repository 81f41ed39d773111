-- Messages between runs: children, events, updates, letters that are remembered, runs that go on as new ones.

ALTER TABLE runs ADD COLUMN parent TEXT;
-- Which of the runs that went on under one id this is: the number it gets behind its id when another follows.
ALTER TABLE runs ADD COLUMN ordinal INTEGER NOT NULL DEFAULT 1;

-- A paused run is claimed too, when a letter has made it due: somebody has to read the letter.
DROP INDEX runs_due;
CREATE INDEX runs_due ON runs (wake_at)
    WHERE owner IS NULL AND wake_at IS NOT NULL AND status IN ('scheduled', 'running', 'paused');

-- Ids of letters that were read. Those beginning with ~ are never repeated and not kept.
CREATE TABLE received (
    run INTEGER NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

-- By the run's id, not its key: whoever asks knows the id, and a run that goes on as a new one keeps it.
CREATE TABLE updates (
    run_id TEXT NOT NULL,
    id TEXT NOT NULL,
    run INTEGER NOT NULL,
    status TEXT NOT NULL,
    body BLOB,
    PRIMARY KEY (run_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX updates_open ON updates (run, id) WHERE status IN ('waiting', 'accepted');

CREATE TABLE subscriptions (
    event TEXT NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (event, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_by_run ON subscriptions (run);

CREATE TABLE newest_definitions (
    workflow TEXT PRIMARY KEY,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT OR REPLACE INTO newest_definitions (workflow, digest)
    SELECT workflow, digest FROM definitions ORDER BY at, rowid;
