-- name: create_run
-- Create a run; nothing happens where the id is taken.
INSERT INTO runs (id, workflow, version, digest, status, created_at, labels, wake_at, owner)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING;

-- name: append_event
-- Append one event to a run's journal.
INSERT INTO journal (run, seq, at, event) VALUES (?, ?, ?, ?);

-- name: consume_letter
-- Delete a letter whose content the journal now holds.
DELETE FROM inbox WHERE key = ? AND run = ?;

-- name: open_ask
-- Open a question, or replace it.
INSERT OR REPLACE INTO asks (run, frame, address, opened_at, due, body) VALUES (?, ?, ?, ?, ?, ?);

-- name: close_ask
-- Close a question, if it is open.
DELETE FROM asks WHERE run = ? AND frame = ?;

-- name: keep_heartbeat
-- Keep a frame's latest heartbeat details.
INSERT OR REPLACE INTO heartbeats (run, frame, details) VALUES (?, ?, ?);

-- name: drop_heartbeat
-- Forget a frame's heartbeat details.
DELETE FROM heartbeats WHERE run = ? AND frame = ?;

-- name: keep_snapshot
-- Replace a run's snapshot.
INSERT OR REPLACE INTO snapshots (run, seq, state) VALUES (?, ?, ?);

-- name: set_status
-- Set the status of a run that stays open, and the note that says why (none: an earlier one no longer holds).
UPDATE runs SET status = ?, outcome = ? WHERE key = ?;

-- name: set_recoveries
-- Set how often a run was recovered.
UPDATE runs SET recoveries = ? WHERE key = ?;

-- name: release_run
-- Give a run up; a waiting letter brings its wake-up forward, so that none is lost.
UPDATE runs SET owner = NULL, wake_at = (
    SELECT coalesce(min(:wake_at, max(at)), :wake_at, max(at)) FROM inbox WHERE run = :run
) WHERE key = :run;

-- name: close_run
-- End a run.
UPDATE runs SET status = ?, closed_at = ?, outcome = ?, owner = NULL, wake_at = NULL WHERE key = ?;

-- name: drop_snapshots
-- Forget the snapshots of ended runs.
DELETE FROM snapshots WHERE run IN (SELECT value FROM json_each(?));

-- name: drop_asks
-- Close the questions of ended runs.
DELETE FROM asks WHERE run IN (SELECT value FROM json_each(?));

-- name: drop_heartbeats
-- Forget the heartbeats of ended runs.
DELETE FROM heartbeats WHERE run IN (SELECT value FROM json_each(?));

-- name: keep_definition
-- Keep a definition, if it is not there.
INSERT INTO definitions (digest, workflow, version, bundle, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (digest) DO NOTHING;

-- name: post_letter
-- Put a letter into an inbox, unless one with this id is waiting (ON CONFLICT would use up a key and write).
INSERT INTO inbox (run, kind, id, at, body) SELECT :run, :kind, :id, :at, :body
WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE run = :run AND id = :id);

-- name: wake_run
-- See that a run without an owner is claimed at this time at the latest.
UPDATE runs SET wake_at = min(coalesce(wake_at, :at), :at) WHERE key = :run AND owner IS NULL;

-- name: ask_is_open
-- Whether a question of an open run is open; gives the run's key.
SELECT asks.run FROM runs CROSS JOIN asks ON asks.run = runs.key
WHERE runs.id = ? AND asks.frame = ? AND runs.status IN ('scheduled', 'running', 'paused', 'stuck');
