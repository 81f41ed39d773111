-- name: add_task
-- A task, unless its frame has one already (ON CONFLICT would use up a key).
INSERT INTO tasks (run, frame, queue, priority, body) SELECT ?1, ?2, ?3, ?4, ?5
WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE run = ?1 AND frame = ?2);

-- name: drop_free_task
-- A task that nobody has taken is wanted no longer.
DELETE FROM tasks WHERE run = ? AND frame = ? AND worker IS NULL;

-- name: cancel_task
-- A task is wanted no longer; who has taken it sees the mark.
UPDATE tasks SET cancelled = 1 WHERE run = ? AND frame = ?;

-- name: drop_free_tasks_of_run
-- A run has ended: nobody takes its tasks any more.
DELETE FROM tasks WHERE run = ? AND worker IS NULL;

-- name: cancel_tasks_of_run
-- A run has ended: its tasks are wanted no longer.
UPDATE tasks SET cancelled = 1 WHERE run = ?;

-- name: take_tasks
-- Take free tasks of a queue. INDEXED BY: the planner must not sort a long queue.
UPDATE tasks SET worker = ?1 WHERE key IN (
    SELECT key FROM tasks INDEXED BY tasks_free
    WHERE queue = ?2 AND worker IS NULL ORDER BY priority DESC, key LIMIT ?3
)
RETURNING key, (SELECT id FROM runs WHERE runs.key = tasks.run), frame, queue, priority, body, worker, cancelled;

-- name: take_any_tasks
-- Take free tasks of whatever queue.
UPDATE tasks SET worker = ?1 WHERE key IN (
    SELECT key FROM tasks INDEXED BY tasks_free_anywhere WHERE worker IS NULL ORDER BY priority DESC, key LIMIT ?2
)
RETURNING key, (SELECT id FROM runs WHERE runs.key = tasks.run), frame, queue, priority, body, worker, cancelled;

-- name: nothing_to_take
-- Whether there is no free task for a worker that is registered.
SELECT NOT EXISTS (SELECT 1 FROM tasks INDEXED BY tasks_free WHERE worker IS NULL)
    AND EXISTS (SELECT 1 FROM workers WHERE id = ?);

-- name: tasks_of_worker
-- What a worker has taken.
SELECT tasks.key, runs.id, tasks.frame, tasks.queue, tasks.priority, tasks.body, tasks.worker, tasks.cancelled
FROM tasks CROSS JOIN runs ON runs.key = tasks.run WHERE tasks.worker = ? ORDER BY tasks.key;

-- name: finish_task
-- A worker has carried out a task.
DELETE FROM tasks WHERE key = ? AND worker = ? RETURNING run, frame;

-- name: lose_tasks
-- A worker is gone, and its tasks with it.
DELETE FROM tasks WHERE worker = ? RETURNING key, run, frame;
