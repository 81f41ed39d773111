-- name: create_run
-- Create a run; nothing happens where the id is taken. The key of a deleted run is not given again.
INSERT INTO runs (key, id, workflow, version, digest, status, created_at, labels, wake_at, owner, parent)
VALUES (
    1 + max(coalesce((SELECT max(key) FROM runs), 0),
        coalesce((SELECT number FROM last_deleted WHERE name = 'run'), 0)),
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
)
ON CONFLICT (id) DO NOTHING;

-- name: keep_label
-- Let a run be found by a label.
INSERT INTO run_labels (name, value, run) VALUES (?, ?, ?);

-- name: append_event
-- Append one event to a run's journal.
INSERT INTO journal (run, seq, at, event) VALUES (?, ?, ?, ?);

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
-- Give a run up; a waiting letter brings its wake-up forward, so that none is lost; not a patient one while it rests.
UPDATE runs SET owner = NULL, wake_at = (
    SELECT coalesce(min(:wake_at, max(at)), :wake_at, max(at)) FROM inbox
    WHERE run = :run AND (NOT patient OR runs.status NOT IN ('paused', 'scheduled'))
) WHERE key = :run;

-- name: move_run
-- Another definition from now on.
UPDATE runs SET digest = ?, version = ? WHERE key = ?;

-- name: keep_cached
-- Keep a value under a cache key.
INSERT OR REPLACE INTO cache (key, value, expires_at) VALUES (?, ?, ?);

-- name: purge_cache
-- Delete values that have expired, longest ago first.
DELETE FROM cache WHERE key IN (
    SELECT key FROM cache WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at, key LIMIT ?
);

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

-- name: drop_subscriptions
-- Ended runs listen to nothing.
DELETE FROM subscriptions WHERE run IN (SELECT value FROM json_each(?));

-- name: drop_last_letters
-- Ended runs look at no more updates, and need no slots.
DELETE FROM inbox WHERE kind IN ('update', 'migrate', 'slot') AND run IN (SELECT value FROM json_each(?));

-- name: end_updates
-- Reply to the updates that ended runs leave open.
UPDATE updates INDEXED BY updates_open SET status = 'refused', body = ?
WHERE run IN (SELECT value FROM json_each(?)) AND status IN ('waiting', 'accepted');

-- name: owner_of_run
-- The worker that moves a run.
SELECT owner FROM runs WHERE key = ?;

-- name: place_of_run
-- A run's id, and which of the runs under this id it is.
SELECT id, ordinal FROM runs WHERE key = ?;

-- name: id_is_taken
-- Whether a run has this id.
SELECT 1 FROM runs WHERE id = ?;

-- name: rename_run
-- Give an ended run another id, so that its successor can have the one it had.
UPDATE runs SET id = ? WHERE key = ?;

-- name: set_ordinal
-- Say which of the runs under its id a run is.
UPDATE runs SET ordinal = ? WHERE key = ?;

-- name: set_origin
-- What a successor has read counts with what those before it have.
UPDATE runs SET origin = (SELECT coalesce(origin, key) FROM runs WHERE key = :run) WHERE key = :successor;

-- name: rename_updates
-- Updates of runs that had an id are known by the id that the last of them has from now on.
UPDATE OR REPLACE updates SET run_id = ? WHERE run_id = ?;

-- name: move_letters
-- Hand waiting letters on to the successor, but for those to frames of the run that ended.
UPDATE inbox SET run = :successor WHERE run = :run AND kind NOT IN ('answer', 'slot', 'task');

-- name: move_updates
-- Hand on the updates whose letters were. The first condition on the status lets the planner use the index of open ones.
UPDATE updates INDEXED BY updates_open SET run = :successor
WHERE run = :run AND status IN ('waiting', 'accepted') AND status = 'waiting'
    AND id IN (SELECT id FROM inbox WHERE run = :successor AND kind IN ('update', 'migrate'));

-- name: keep_definition
-- Keep a definition, if it is not there.
INSERT INTO definitions (digest, workflow, version, bundle, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (digest) DO NOTHING;

-- name: keep_newest_definition
-- Remember which definition was put last under a name.
INSERT INTO newest_definitions (workflow, digest) VALUES (?, ?)
ON CONFLICT (workflow) DO UPDATE SET digest = excluded.digest WHERE digest <> excluded.digest;

-- name: keep_newest_version
-- Remember which definition was put last under a name with a version label.
INSERT INTO newest_versions (workflow, version, digest) VALUES (?, ?, ?)
ON CONFLICT (workflow, version) DO UPDATE SET digest = excluded.digest WHERE digest <> excluded.digest;
