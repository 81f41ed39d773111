"""`perdure store status`."""

from __future__ import annotations

from perdure.cli.exits import FAILED, OK, complain
from perdure.cli.lazy import command
from perdure.cli.output import emit, facts
from perdure.cli.settings import settings
from perdure.cli.store.place import chosen_file

REMEDY = "restore a backup (docs/how-to/recover.md); whatever a worker still writes may be lost"


@command("status")
def status() -> int:
    """Read the whole file, look for damage, and show its schema, sizes and how much is in it.

    Exit code 1 where it is damaged; workers may go on meanwhile.
    """
    from perdure.stores.sqlite_upkeep import status as look

    chosen = settings()
    found = look(chosen_file(chosen))
    rows = {name: count for name, count in found.rows.items() if count is not None}
    told = {
        "file": str(found.path),
        "schema": found.schema,
        "newest_schema": found.newest,
        "bytes": found.size,
        "log_bytes": found.log_size,
        "free_bytes": found.free,
        "rows": rows,
        "problems": list(found.problems),
    }
    ahead = "" if found.schema == found.newest else f" (this Perdure brings it to {found.newest} when it opens it)"
    text = facts(
        [
            ("file", str(found.path)),
            ("integrity", "damaged" if found.problems else "ok"),
            ("schema", f"{found.schema}{ahead}"),
            ("size", f"{found.size:,} bytes, {found.free:,} of them free"),
            ("log", f"{found.log_size:,} bytes"),
            *((name, f"{count:,}") for name, count in rows.items()),
        ]
    )
    emit(chosen.output, told, text)
    if not found.problems:
        return OK
    complain("\n  ".join([f"{found.path} is damaged; {REMEDY}:", *found.problems]))
    return FAILED
