"""Who goes on with runs, as functions over an open transaction: workers' rows, claims, burials.

The rules of `sqlite_writes` hold here too.
"""

from __future__ import annotations

from perdure.errors import Fenced
from perdure.stores.rows import RunRow, WorkerRow
from perdure.stores.sqlite_rows import SQL, run_row
from perdure.stores.sqlite_tasks import lose_tasks
from perdure.stores.sqlite_transaction import Transaction


def register(transaction: Transaction, worker: WorkerRow) -> None:
    row = (worker.id, worker.host, worker.boot, worker.pid, worker.pid_started, worker.lease_until)
    transaction.db.execute(SQL["register_worker"], row)
    transaction.workers_changed()


def renew(transaction: Transaction, worker: str, lease_until: int) -> bool:
    return transaction.db.execute(SQL["renew_lease"], (lease_until, worker)).rowcount > 0


def bury(transaction: Transaction, worker: str, at: int, died: bool) -> list[RunRow]:
    """Delete the worker's row and set its runs free; the runs as they are afterwards, oldest first."""
    transaction.db.execute(SQL["drop_worker"], (worker,))
    transaction.workers_changed()
    rows = transaction.db.execute(SQL["free_runs"], (at, int(died), worker)).fetchall()
    lose_tasks(transaction, worker, at)
    return sorted(map(run_row, rows), key=lambda row: row.key)


def claim(transaction: Transaction, worker: str, now: int, limit: int, only: str | None) -> list[RunRow]:
    """Take due runs; `only` is a JSON list of run ids."""
    if not transaction.has_worker(worker):
        raise Fenced
    wanted = {"worker": worker, "now": now, "limit": limit}
    if only is None:
        rows = transaction.db.execute(SQL["claim_due"], wanted).fetchall()
    else:
        rows = transaction.db.execute(SQL["claim_among"], wanted | {"only": only}).fetchall()
    return sorted(map(run_row, rows), key=lambda row: (row.wake_at or 0, row.key))
