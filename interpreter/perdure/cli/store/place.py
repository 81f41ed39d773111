"""The file that the store commands are about."""

from __future__ import annotations

from pathlib import Path

from perdure.cli.settings import Settings
from perdure.errors import StoreError


def chosen_file(chosen: Settings) -> Path:
    """The file of the chosen store. Raises StoreError where the address is none, or the store is no file."""
    from perdure.stores import SQLiteStore, open_store

    store = open_store(chosen.store)
    if not isinstance(store, SQLiteStore):
        raise StoreError(f"{chosen.store} is kept in memory; there is no file to look after")
    return store.path
