-- name: remember_deleted_run
-- Keep the largest key of what is deleted.
INSERT INTO last_deleted (name, number) VALUES ('run', ?)
ON CONFLICT (name) DO UPDATE SET number = max(number, excluded.number);

-- name: delete_journal
-- Delete a run's events.
DELETE FROM journal WHERE run = ?;

-- name: delete_inbox
-- Delete a run's letters.
DELETE FROM inbox WHERE run = ?;

-- name: delete_received
-- Forget which letters a run has read, unless another that went on as it, or that it went on as, still counts them.
DELETE FROM received WHERE run = (SELECT coalesce(origin, key) FROM runs WHERE key = ?1) AND NOT EXISTS (
    SELECT 1 FROM runs AS own CROSS JOIN runs AS other
    WHERE own.key = ?1 AND other.key <> own.key
        AND (other.key = coalesce(own.origin, own.key) OR other.origin = coalesce(own.origin, own.key))
);

-- name: delete_updates
-- Forget what became of a run's updates.
DELETE FROM updates WHERE run = ?;

-- name: delete_labels
-- Let a run no longer be found by its labels.
DELETE FROM run_labels WHERE run = ?;

-- name: delete_tasks
-- Delete a run's tasks, also those that somebody has taken.
DELETE FROM tasks WHERE run = ?;

-- name: delete_snapshot
-- Delete a run's snapshot.
DELETE FROM snapshots WHERE run = ?;

-- name: delete_asks
-- Delete a run's questions.
DELETE FROM asks WHERE run = ?;

-- name: delete_heartbeats
-- Delete a run's heartbeats.
DELETE FROM heartbeats WHERE run = ?;

-- name: delete_subscriptions
-- Let a run listen to nothing.
DELETE FROM subscriptions WHERE run = ?;

-- name: delete_run
-- Delete a run's row.
DELETE FROM runs WHERE key = ?;
