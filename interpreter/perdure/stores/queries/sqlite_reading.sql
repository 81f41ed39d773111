-- name: load_run
-- A run's snapshot (0), the events after it (1) and its heartbeats (2), as of one moment.
SELECT 0, seq, 0, state FROM snapshots WHERE run = :run
UNION ALL
SELECT 1, seq, at, event FROM journal
WHERE run = :run AND seq > coalesce((SELECT seq FROM snapshots WHERE run = :run), 0)
UNION ALL
SELECT 2, frame, 0, details FROM heartbeats WHERE run = :run;

-- name: history
-- A page of a run's events.
SELECT seq, at, event FROM journal WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?;

-- name: letters_of_worker
-- Waiting letters of a worker's runs. CROSS JOIN: the inbox is short and usually empty, so walk it, not the runs.
SELECT inbox.key, inbox.run, inbox.kind, inbox.id, inbox.at, inbox.body
FROM inbox CROSS JOIN runs ON runs.key = inbox.run
WHERE inbox.key > ? AND runs.owner = ? AND runs.status IN ('scheduled', 'running', 'paused', 'stuck')
ORDER BY inbox.key LIMIT ?;

-- name: letters_of_run
-- Waiting letters of one run.
SELECT key, run, kind, id, at, body FROM inbox WHERE run = ? ORDER BY key;

-- name: definition
-- A definition's bundle.
SELECT bundle FROM definitions WHERE digest = ?;

-- name: newest_definition
-- The digest of the definition that was put last under a name.
SELECT digest FROM newest_definitions WHERE workflow = ?;

-- name: newest_version
-- The digest of the definition that was put last under a name with a version label.
SELECT digest FROM newest_versions WHERE workflow = ? AND version = ?;

-- name: cached
-- What is kept under a cache key, unless it has expired.
SELECT value FROM cache WHERE key = ? AND (expires_at IS NULL OR expires_at > ?);

-- name: find_run
-- A run by its id.
SELECT key, id, workflow, version, digest, status, created_at, closed_at, labels, wake_at, owner, recoveries,
    outcome, parent
FROM runs WHERE id = ?;

-- name: runs_page
-- A page of the runs for which a condition holds, newest first; `sqlite_conditions` writes the condition.
SELECT key, id, workflow, version, digest, status, created_at, closed_at, labels, wake_at, owner, recoveries,
    outcome, parent
FROM runs WHERE key < :before AND :condition ORDER BY key DESC LIMIT :limit;

-- name: runs_page_of_label
-- The same among the runs with a label; the labels give the order.
SELECT runs.key, runs.id, runs.workflow, runs.version, runs.digest, runs.status, runs.created_at, runs.closed_at,
    runs.labels, runs.wake_at, runs.owner, runs.recoveries, runs.outcome, runs.parent
FROM run_labels AS lead CROSS JOIN runs ON runs.key = lead.run
WHERE lead.name = :label_name AND lead.value = :label_value AND lead.run < :before AND :condition
ORDER BY lead.run DESC LIMIT :limit;

-- name: runs_ended
-- Runs that ended before a time, longest ago first.
SELECT key, id, workflow, version, digest, status, created_at, closed_at, labels, wake_at, owner, recoveries,
    outcome, parent
FROM runs INDEXED BY runs_by_end WHERE closed_at IS NOT NULL AND closed_at < ? ORDER BY closed_at, key LIMIT ?;

-- name: runs_page_with_status
-- A page of the runs with given statuses: each status gives its own newest through the index, then they are merged.
SELECT key, id, workflow, version, digest, status, created_at, closed_at, labels, wake_at, owner, recoveries,
    outcome, parent
FROM runs WHERE key IN (
    SELECT candidate.key FROM (SELECT DISTINCT value FROM json_each(:statuses)) AS wanted
    JOIN runs AS candidate ON candidate.key IN (
        SELECT key FROM runs
        WHERE status = wanted.value AND key < :before AND :condition
        ORDER BY key DESC LIMIT :limit
    )
) ORDER BY key DESC LIMIT :limit;

-- name: asks_page
-- Open questions, oldest first.
SELECT runs.id, runs.workflow, asks.run, asks.frame, asks.address, asks.opened_at, asks.due, asks.body
FROM asks INDEXED BY asks_by_opening CROSS JOIN runs ON runs.key = asks.run
ORDER BY asks.opened_at, asks.run, asks.frame LIMIT ?;

-- name: asks_page_of_run
-- Open questions of one run, oldest first.
SELECT runs.id, runs.workflow, asks.run, asks.frame, asks.address, asks.opened_at, asks.due, asks.body
FROM runs CROSS JOIN asks ON asks.run = runs.key
WHERE runs.id = ? ORDER BY asks.opened_at, asks.frame LIMIT ?;
