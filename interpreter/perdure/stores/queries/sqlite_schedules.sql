-- name: put_schedule
-- Create or replace a schedule; a revision is never the same again, also after a deletion.
INSERT INTO schedules (id, workflow, spec, state, next_at, event, revision)
VALUES (?, ?, ?, ?, ?, ?, 1 + coalesce((SELECT number FROM last_deleted WHERE name = 'schedule'), 0))
ON CONFLICT (id) DO UPDATE SET workflow = excluded.workflow, spec = excluded.spec, state = excluded.state,
    next_at = excluded.next_at, event = excluded.event, revision = revision + 1;

-- name: schedule_has_revision
-- Whether a schedule has this revision; one that is not there has none, 0.
SELECT 1 WHERE coalesce((SELECT revision FROM schedules WHERE id = ?), 0) = ?;

-- name: change_schedule
-- Replace what a schedule has come to.
UPDATE schedules SET state = ?, next_at = ?, event = ?, revision = revision + 1 WHERE id = ? AND revision = ?;

-- name: fire_schedule
-- Replace what a schedule has come to with the run it starts.
UPDATE schedules SET state = ?, next_at = ?, revision = revision + 1 WHERE id = ?;

-- name: schedule_can_fire
-- Whether a decision about a schedule still stands: its revision, its nominal time, its occurrence.
SELECT 1 FROM schedules WHERE id = :schedule AND revision = :revision
    AND (:nominal IS NULL OR NOT EXISTS (SELECT 1 FROM firings WHERE schedule = :schedule AND nominal = :nominal))
    AND (:occurrence IS NULL OR EXISTS (SELECT 1 FROM occurrences WHERE key = :occurrence AND schedule = :schedule));

-- name: keep_firing
-- A nominal time counts as fired.
INSERT OR IGNORE INTO firings (schedule, nominal) VALUES (?, ?);

-- name: remember_schedule
-- Keep the largest revision of what is deleted.
INSERT INTO last_deleted (name, number) SELECT 'schedule', revision FROM schedules WHERE id = ?
ON CONFLICT (name) DO UPDATE SET number = max(number, excluded.number);

-- name: delete_schedule
-- Delete a schedule.
DELETE FROM schedules WHERE id = ?;

-- name: drop_firings
-- Forget which nominal times a schedule fired.
DELETE FROM firings WHERE schedule = ?;

-- name: drop_occurrences
-- Forget the events that a schedule has collected.
DELETE FROM occurrences WHERE schedule = ?;

-- name: drop_occurred
-- Forget the ids of the events that a schedule has dealt with.
DELETE FROM occurred WHERE schedule = ?;

-- name: find_schedule
-- A schedule by its id.
SELECT id, workflow, spec, state, next_at, event, revision FROM schedules WHERE id = ?;

-- name: all_schedules
-- Every schedule.
SELECT id, workflow, spec, state, next_at, event, revision FROM schedules ORDER BY id;

-- name: schedules_of_workflow
-- The schedules of a workflow.
SELECT id, workflow, spec, state, next_at, event, revision FROM schedules WHERE workflow = ? ORDER BY id;

-- name: due_schedules
-- Schedules that are due, longest due first.
SELECT id, workflow, spec, state, next_at, event, revision FROM schedules
WHERE next_at IS NOT NULL AND next_at <= ? ORDER BY next_at, id LIMIT ?;

-- name: next_schedule
-- When the next schedule is due.
SELECT min(next_at) FROM schedules WHERE next_at IS NOT NULL;

-- name: fired
-- Nominal times of a schedule that count as fired.
SELECT nominal FROM firings WHERE schedule = ? AND nominal >= ? AND nominal < ? ORDER BY nominal;

-- name: collect_occurrences
-- An event for every schedule that listens to it and has not had it.
INSERT INTO occurrences (schedule, id, at, body)
SELECT schedules.id, :id, :at, :body FROM schedules
WHERE schedules.event = :event
    AND NOT EXISTS (SELECT 1 FROM occurrences WHERE occurrences.schedule = schedules.id AND occurrences.id = :id)
    AND NOT EXISTS (SELECT 1 FROM occurred WHERE occurred.schedule = schedules.id AND occurred.id = :id)
ORDER BY schedules.id;

-- name: occurrences_page
-- Events that wait for their runs, oldest first.
SELECT key, schedule, id, at, body FROM occurrences WHERE key > ? ORDER BY key LIMIT ?;

-- name: remember_occurrence
-- Keep the id of an event that is dealt with, where it could come again.
INSERT OR IGNORE INTO occurred (schedule, id) SELECT schedule, id FROM occurrences WHERE key = ? AND id NOT GLOB '~*';

-- name: drop_occurrence
-- An event is dealt with.
DELETE FROM occurrences WHERE key = ?;
