-- name: post_letter
-- Put a letter into an inbox, unless one with this id is or was there (ON CONFLICT would use up a key and write).
INSERT INTO inbox (run, kind, id, at, body, patient) SELECT :run, :kind, :id, :at, :body, :patient
WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE run = :run AND id = :id)
    AND NOT EXISTS (
        SELECT 1 FROM received WHERE id = :id AND run = (SELECT coalesce(origin, key) FROM runs WHERE key = :run)
    );

-- name: wake_run
-- See that a run without an owner is claimed at this time at the latest.
UPDATE runs SET wake_at = min(coalesce(wake_at, :at), :at)
WHERE key = :run AND owner IS NULL AND NOT (:patient AND status IN ('paused', 'scheduled'));

-- name: ask_is_open
-- Whether a question of an open run is open; gives the run's key.
SELECT asks.run FROM runs CROSS JOIN asks ON asks.run = runs.key
WHERE runs.id = ? AND asks.frame = ? AND runs.status IN ('scheduled', 'running', 'paused', 'stuck');

-- name: remember_letter
-- Keep the id of a letter that the journal holds from now on, where it could come again.
INSERT OR IGNORE INTO received (run, id) SELECT coalesce(runs.origin, runs.key), inbox.id
FROM inbox CROSS JOIN runs ON runs.key = inbox.run WHERE inbox.key = ? AND inbox.run = ? AND inbox.id NOT GLOB '~*';

-- name: consume_letter
-- Delete a letter whose content the journal now holds.
DELETE FROM inbox WHERE key = ? AND run = ?;

-- name: remember_id
-- Keep the id of a letter that counts as read.
INSERT OR IGNORE INTO received (run, id) SELECT coalesce(origin, key), ?2 FROM runs
WHERE key = ?1 AND ?2 NOT GLOB '~*';

-- name: take_back_letter
-- Delete a letter that nobody has read.
DELETE FROM inbox WHERE run = ? AND id = ?;

-- name: publish_letter
-- Put an event into the inbox of every open run that listens to it.
INSERT INTO inbox (run, kind, id, at, body, patient)
SELECT subscriptions.run, 'event', :id, :at, :body, 1
FROM subscriptions CROSS JOIN runs ON runs.key = subscriptions.run
WHERE subscriptions.event = :event AND runs.status IN ('scheduled', 'running', 'paused', 'stuck')
    AND NOT EXISTS (SELECT 1 FROM inbox AS waiting WHERE waiting.run = subscriptions.run AND waiting.id = :id)
    AND NOT EXISTS (SELECT 1 FROM received WHERE received.run = coalesce(runs.origin, runs.key) AND received.id = :id)
ORDER BY subscriptions.run
RETURNING run;

-- name: wake_runs
-- See that those of some runs that have no owner and do not rest are claimed at this time at the latest.
UPDATE runs SET wake_at = min(coalesce(wake_at, :at), :at)
WHERE key IN (SELECT value FROM json_each(:runs)) AND +owner IS NULL AND +status NOT IN ('paused', 'scheduled');

-- name: listen
-- Let a run wait for an event.
INSERT OR IGNORE INTO subscriptions (event, run) VALUES (?, ?);

-- name: unlisten
-- A run waits for an event no longer.
DELETE FROM subscriptions WHERE event = ? AND run = ?;

-- name: keep_update
-- Remember an update that was posted.
INSERT INTO updates (run_id, id, run, status) VALUES (?, ?, ?, 'waiting');

-- name: find_update
-- How an update stands.
SELECT status, body FROM updates WHERE run_id = ? AND id = ?;

-- name: accept_update
-- An open update was accepted.
UPDATE updates SET status = 'accepted' WHERE run = ? AND id = ? AND status IN ('waiting', 'accepted');

-- name: settle_update
-- What became of an open update.
UPDATE updates SET status = ?, body = ? WHERE run = ? AND id = ? AND status IN ('waiting', 'accepted');
