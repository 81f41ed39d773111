-- name: register_worker
-- Write a worker's row.
INSERT OR REPLACE INTO workers (id, host, boot, pid, pid_started, lease_until) VALUES (?, ?, ?, ?, ?, ?);

-- name: renew_lease
-- Prolong a worker's lease.
UPDATE workers SET lease_until = ? WHERE id = ?;

-- name: worker_exists
-- Whether a worker has a row.
SELECT 1 FROM workers WHERE id = ?;

-- name: all_workers
-- Every worker.
SELECT id, host, boot, pid, pid_started, lease_until FROM workers ORDER BY id;

-- name: drop_worker
-- Delete a worker's row.
DELETE FROM workers WHERE id = ?;

-- name: free_runs
-- Set a worker's runs free.
UPDATE runs SET owner = NULL, wake_at = ?, recoveries = recoveries + ? WHERE owner = ?
RETURNING key, id, workflow, version, digest, status, created_at, closed_at, labels, wake_at, owner, recoveries,
    outcome, parent;

-- name: claim_due
-- Take the runs that are longest due. INDEXED BY: the planner would take all running runs and sort them.
UPDATE runs SET owner = :worker WHERE key IN (
    SELECT key FROM runs INDEXED BY runs_due
    WHERE owner IS NULL AND wake_at IS NOT NULL AND status IN ('scheduled', 'running', 'paused') AND wake_at <= :now
    ORDER BY wake_at, key LIMIT :limit
)
RETURNING key, id, workflow, version, digest, status, created_at, closed_at, labels, wake_at, owner, recoveries,
    outcome, parent;

-- name: claim_among
-- Take the runs that are longest due among the named ones. The plus signs leave the planner only the ids' index.
UPDATE runs SET owner = :worker WHERE key IN (
    SELECT key FROM runs
    WHERE id IN (SELECT value FROM json_each(:only))
        AND +owner IS NULL AND +wake_at <= :now AND +status IN ('scheduled', 'running', 'paused')
    ORDER BY wake_at, key LIMIT :limit
)
RETURNING key, id, workflow, version, digest, status, created_at, closed_at, labels, wake_at, owner, recoveries,
    outcome, parent;

-- name: next_wake
-- When the next run can be claimed.
SELECT min(wake_at) FROM runs INDEXED BY runs_due
WHERE owner IS NULL AND wake_at IS NOT NULL AND status IN ('scheduled', 'running', 'paused');

-- name: next_wake_among
-- When the next of the named runs can be claimed. The plus signs leave the planner only the ids' index.
SELECT min(wake_at) FROM runs
WHERE id IN (SELECT value FROM json_each(?))
    AND +owner IS NULL AND +wake_at IS NOT NULL AND +status IN ('scheduled', 'running', 'paused');
