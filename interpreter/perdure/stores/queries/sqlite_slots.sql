-- name: anything_to_give_back
-- Whether anybody has a slot, and whether there is any task: runs that end need not look for theirs otherwise.
SELECT EXISTS (SELECT 1 FROM slots), EXISTS (SELECT 1 FROM tasks);

-- name: slot_at
-- The slot of a frame.
SELECT place, key, run, frame, "limit", granted FROM slots WHERE run = ? AND frame = ?;

-- name: slots_of_run
-- A run's slots.
SELECT place, key, run, frame, "limit", granted FROM slots WHERE run = ?;

-- name: slots_page
-- Who has a slot and who waits for one, by key.
SELECT slots.key, runs.id, runs.workflow, slots.frame, slots."limit", slots.granted
FROM slots CROSS JOIN runs ON runs.key = slots.run
ORDER BY slots.key, slots.granted DESC, slots.place LIMIT ?;

-- name: slots_of_key
-- All who hold a slot of a key or wait for one, the waiting first.
SELECT place, key, run, frame, "limit", granted FROM slots WHERE key = ? ORDER BY granted, place;

-- name: holders
-- Who holds a slot of a key.
SELECT place, key, run, frame, "limit", granted FROM slots WHERE key = ? AND granted = 1 ORDER BY place;

-- name: count_held
-- How many slots of a key are held.
SELECT count(*) FROM slots WHERE key = ? AND granted = 1;

-- name: first_waiting
-- Who is the next to get a slot of a key.
SELECT place, key, run, frame, "limit", granted FROM slots WHERE key = ? AND granted = 0 ORDER BY place LIMIT 1;

-- name: waiting_through
-- The waiting wishes around which a slot is held.
SELECT slots.place, slots.key, slots.run, slots.frame, slots."limit", slots.granted
FROM slot_chains CROSS JOIN slots ON slots.place = slot_chains.place
WHERE slot_chains.run = ? AND slot_chains.frame = ? ORDER BY slot_chains.place;

-- name: add_slot
-- A wish for a slot.
INSERT INTO slots (key, run, frame, "limit", granted) VALUES (?, ?, ?, ?, ?);

-- name: keep_chain
-- A slot is held around a waiting wish.
INSERT INTO slot_chains (run, frame, place) VALUES (?, ?, ?);

-- name: drop_chain
-- A wish waits no longer.
DELETE FROM slot_chains WHERE place = ?;

-- name: grant_slot
-- A wish is granted.
UPDATE slots SET granted = 1 WHERE place = ?;

-- name: drop_slot
-- A slot is given back, or a wish for one.
DELETE FROM slots WHERE place = ?;

-- name: move_slot
-- Another run has a slot, or waits for it.
UPDATE slots SET run = ?, frame = ?, "limit" = ? WHERE place = ?;

-- name: key_of_run
-- A run's key.
SELECT key FROM runs WHERE id = ?;

-- name: standing_of_run
-- A run's id and status.
SELECT id, status FROM runs WHERE key = ?;
