"""A handle on a memory file: open or closed, and what of the changes is its own. Knows no tables."""

from __future__ import annotations

from perdure.errors import StoreError
from perdure.stores.memory_file import MemoryFile


class MemoryHandle:
    def __init__(self, file: MemoryFile | None = None) -> None:
        self.file = file or MemoryFile()
        self._state = "new"
        self._own_changes = 0

    async def open(self) -> None:
        if self._state != "new":
            raise StoreError(f"the store is {self._state} already; make a new one to open it again")
        self._state = "open"

    async def close(self) -> None:
        self._state = "closed"

    def _open_file(self) -> MemoryFile:
        if self._state != "open":
            raise StoreError(
                "the store is closed" if self._state == "closed" else "the store is not open; await open()"
            )
        return self.file

    def _changed(self) -> None:
        self.file.changes += 1
        self._own_changes += 1
