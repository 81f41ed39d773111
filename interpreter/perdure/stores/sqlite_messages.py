"""What reaches runs, as functions over an open transaction: letters, answers, events, updates.

Knows neither commits as a whole nor transactions; the rules of `sqlite_writes` hold here too.
"""

from __future__ import annotations

import sqlite3

from perdure.stores.commits import ANSWERED, Commit, NewLetter
from perdure.stores.rows import OPEN, RunRow
from perdure.stores.sqlite_rows import SQL, find, json_list


def post(db: sqlite3.Connection, letter: NewLetter) -> RunRow | None:
    """A letter into an open run's inbox; the run's row as it is afterwards."""
    row = find(db, letter.run_id)
    if row is None or row.status not in OPEN or not _put(db, row.key, letter):
        return row
    return find(db, letter.run_id)


def answer(db: sqlite3.Connection, frame: int, letter: NewLetter) -> bool:
    """Close an open question and post the answer; False where it is not open, or the letter's id is in use."""
    asked = db.execute(SQL["ask_is_open"], (letter.run_id, frame)).fetchone()
    if asked is None or not _put(db, asked[0], letter):
        return False
    db.execute(SQL["close_ask"], (asked[0], frame))
    return True


def publish(db: sqlite3.Connection, event: str, body: bytes, id: str, at: int) -> int:
    """An event into the inbox of every open run that listens to it; how many it reached."""
    row = {"event": event, "id": id, "at": at, "body": body}
    reached = [run for (run,) in db.execute(SQL["publish_letter"], row).fetchall()]
    if reached:
        db.execute(SQL["wake_runs"], {"runs": json_list(reached), "at": at})
    db.execute(SQL["collect_occurrences"], row)
    return len(reached)


def read_letters(db: sqlite3.Connection, run: int, commit: Commit) -> None:
    """Delete the letters that a commit has read, and remember their ids."""
    if commit.consumed:
        letters = [(key, run) for key in commit.consumed]
        db.executemany(SQL["remember_letter"], letters)
        db.executemany(SQL["consume_letter"], letters)
    if commit.received:
        db.executemany(SQL["remember_id"], [(run, id) for id in commit.received])


def write_messages(db: sqlite3.Connection, run: int, commit: Commit) -> None:
    """What a commit says of updates and of events the run waits for."""
    if commit.accepted:
        db.executemany(SQL["accept_update"], [(run, id) for id in commit.accepted])
    if commit.refused:
        db.executemany(SQL["settle_update"], [("refused", body, run, id) for id, body in commit.refused.items()])
    if commit.replies:
        db.executemany(SQL["settle_update"], [("completed", body, run, id) for id, body in commit.replies.items()])
    for event, wanted in commit.listens.items():
        db.execute(SQL["listen" if wanted else "unlisten"], (event, run))


def post_to(db: sqlite3.Connection, run: int, kind: str, id: str, at: int, body: bytes) -> None:
    """A letter to a run by its key; dropped where it is not open."""
    standing = db.execute(SQL["standing_of_run"], (run,)).fetchone()
    if standing is not None and standing[1] in OPEN:
        _put(db, run, NewLetter(standing[0], kind, id, at, body))


def _put(db: sqlite3.Connection, run: int, letter: NewLetter) -> bool:
    """Put a letter into an inbox and bring the run's wake-up forward; False where it is or was there already."""
    update = letter.kind in ANSWERED
    if update and db.execute(SQL["find_update"], (letter.run_id, letter.id)).fetchone() is not None:
        return False
    row = {"run": run, "kind": letter.kind, "id": letter.id, "at": letter.at, "body": letter.body}
    row["patient"] = int(letter.patient)
    if db.execute(SQL["post_letter"], row).rowcount == 0:
        return False
    if update:
        db.execute(SQL["keep_update"], (letter.run_id, letter.id, run))
    db.execute(SQL["wake_run"], {"at": letter.at, "run": run, "patient": row["patient"]})
    return True
