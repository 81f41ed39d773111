"""Where definitions come from: a file, a text, or the store, by the name they were deployed under.

Whatever is started or deployed is in the store afterwards. Knows nothing of runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from errno import ENOENT
from pathlib import Path

from perdure.definition import Definition, load, load_bundle
from perdure.definition.load import Catalogue
from perdure.engine.clock import Clock
from perdure.engine.programs import Programs
from perdure.engine.siblings import siblings
from perdure.errors import InvalidInput, StoreCorrupt, for_another
from perdure.stores.store import Store


class Definitions:
    """The definitions of one engine; `catalogue` gives what calls of activities are checked against."""

    def __init__(
        self, store: Store, programs: Programs, clock: Clock, catalogue: Callable[[], Catalogue | None]
    ) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock
        self._catalogue = catalogue
        self._stored: set[str] = set()
        self._storing: dict[str, asyncio.Task[None]] = {}
        """What stores definitions, by their digests: a thousand starts at once look once, and hear of one failure."""

    def checked(self, given: str | Path | Definition) -> Definition:
        """A definition that holds. Raises DefinitionError, FileNotFoundError."""
        return given if isinstance(given, Definition) else load(given, catalogue=self._catalogue())

    async def keep(self, definition: Definition) -> None:
        """See that a definition and its siblings are in the store, for a run."""
        await self._keep_siblings(definition)
        await self._keep(definition)

    async def deploy(self, definition: Definition) -> None:
        """Keep a definition, which is the newest of its name from now on, and its siblings with it."""
        await self._keep_siblings(definition)
        await self._put(definition)

    async def find(self, given: str | Path | Definition, version: str | None) -> Definition:
        """What is to be started: as it is, from a file or text, or as it was deployed. Siblings are kept with it.

        Raises DefinitionError, FileNotFoundError, and InvalidInput for a version that it is not of.
        """
        if version is not None and not isinstance(version, str):
            raise InvalidInput(f"a version is a text, not {version!r}")
        found = await self.deployed(given, version) if isinstance(given, str) else None
        if found is not None:
            return found
        definition = given if isinstance(given, Definition) else self._load(given)
        if version is not None and definition.version != version:
            raise InvalidInput(f"{definition.name} is of version {definition.version}, not {version}")
        await self.keep(definition)
        return definition

    async def _keep_siblings(self, definition: Definition) -> None:
        for sibling in await siblings(definition, self._is_deployed, self._catalogue):
            await self._keep(sibling)

    async def _keep(self, definition: Definition) -> None:
        """See that a definition is in the store; one that is there does not become the newest by being used."""
        self._programs.add(definition)
        if definition.digest in self._stored:
            return
        storing = self._storing.get(definition.digest)
        if storing is None or storing.get_loop() is not asyncio.get_running_loop():
            storing = asyncio.create_task(self._keep_first(definition))
            self._storing[definition.digest] = storing
            storing.add_done_callback(lambda done: done.cancelled() or done.exception())  # with nobody left to hear it
        await asyncio.wait([storing])  # whoever gives up leaves it to the others
        problem = storing.exception()
        if problem is not None:
            raise for_another(problem)

    async def _keep_first(self, definition: Definition) -> None:
        try:
            if await self._store.definition(definition.digest) is None:
                await self._put(definition)
            self._stored.add(definition.digest)
        finally:
            self._storing.pop(definition.digest, None)

    async def _put(self, definition: Definition) -> None:
        self._programs.add(definition)
        await self._store.put_definition(
            definition.digest, definition.name, definition.version, definition.bundle, self._clock.now()
        )
        self._stored.add(definition.digest)

    def _load(self, given: str | Path) -> Definition:
        try:
            return load(given, catalogue=self._catalogue())
        except FileNotFoundError:
            if isinstance(given, str) and Path(given).name == given and not Path(given).suffix:
                raise FileNotFoundError(ENOENT, "neither a file nor a deployed workflow", given) from None
            raise

    async def deployed(self, name: str, version: str | None = None) -> Definition | None:
        """The definition that was deployed last under a name; none where a text is no name, or there is no such."""
        if "\n" in name or name.lstrip().startswith("{") or Path(name).is_file():
            return None
        found = await self._store.latest(name, version)
        if found is None:
            if version is not None and await self._is_deployed(name):
                raise InvalidInput(f"no version {version} of {name} is deployed")
            return None
        bundle = await self._store.definition(found)
        if bundle is None:
            raise StoreCorrupt(f"the store has no definition {found[:12]}, which {name} is")
        definition = load_bundle(bundle)
        self._programs.add(definition)
        return definition

    async def _is_deployed(self, workflow: str) -> bool:
        return await self._store.latest(workflow) is not None
