"""The group `perdure store`."""

from __future__ import annotations

from perdure.cli.lazy import Place, group

store = group(
    "store",
    {
        "status": Place("perdure.cli.store.status:status", "Look for damage; show the schema, sizes and counts."),
        "backup": Place("perdure.cli.store.backup:backup", "Copy the store while it is used."),
    },
    "Look after the file that runs are kept in.",
)
