"""Programs by digest: compiled once a process, from the definition as the store keeps it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from perdure.core.events import Event, Migrated
from perdure.definition import Definition, load_bundle
from perdure.errors import StoreCorrupt
from perdure.program import Program
from perdure.stores.store import Store

MOST: Final = 256
"""Programs kept in memory; the one used longest ago goes first."""


class Programs:
    """A cache in front of the store's definitions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._programs: OrderedDict[str, Program] = OrderedDict()

    def add(self, definition: Definition) -> None:
        self._programs[definition.digest] = definition.program
        self._programs.move_to_end(definition.digest)
        while len(self._programs) > MOST:
            self._programs.popitem(last=False)

    async def get(self, digest: str) -> Program:
        """The program of a digest. Raises StoreCorrupt where the store does not have it."""
        program = self._programs.get(digest)
        if program is None:
            bundle = await self._store.definition(digest)
            if bundle is None:
                raise StoreCorrupt(f"the store has no definition {digest[:12]}, which a run needs")
            self.add(load_bundle(bundle))
            program = self._programs[digest]
        return program

    async def along(self, events: Iterable[Event], digest: str) -> list[Program]:
        """The programs that a history had in turn; `digest` is the last one's. Raises StoreCorrupt."""
        origins = [event.origin for event in events if isinstance(event, Migrated)]
        return [await self.get(found) for found in (*origins, digest)]

    def __contains__(self, digest: str) -> bool:
        return digest in self._programs
