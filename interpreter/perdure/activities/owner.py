"""The one instance behind an activity class: constructed and set up once, torn down at the end.

Knows the class's life, not its methods.
"""

from __future__ import annotations

import inspect
import itertools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from perdure.activities.declaration import described
from perdure.activities.loading import LoadError
from perdure.activities.threads import Threads

if TYPE_CHECKING:
    import asyncio

_LOGGER: Final = logging.getLogger("perdure.activities")
_ORDER: Final = itertools.count(1)


class Owner:
    """Holds the instance of one activity class for one registry."""

    def __init__(self, target: type) -> None:
        self.instance: Any = None
        self.order = 0
        self._target = target
        self._lock: asyncio.Lock | None = None

    def binds(self, attribute: str) -> bool:
        """Whether calls of the method get the instance or the class as its first argument."""
        return not isinstance(inspect.getattr_static(self._target, attribute), staticmethod)

    async def prepare(self, threads: Threads) -> Any:
        """The instance, set up; concurrent callers wait for the first. LoadError where that fails.

        After a failure the next call tries again with a new instance; `teardown` is not called for a failed
        `setup`.
        """
        import asyncio

        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if self.instance is None:
                try:
                    instance = self._target()
                    await _run(getattr(instance, "setup", None), threads)
                except Exception as problem:
                    raise LoadError(f"{described(self._target)} could not be set up: {problem}") from problem
                self.instance, self.order = instance, next(_ORDER)
            return self.instance

    async def dismiss(self, threads: Threads) -> None:
        """Call `teardown` if there is an instance; a failure is logged, nothing else can be done."""
        instance, self.instance = self.instance, None
        self._lock = None  # a lock stays with the loop that first waited for it
        try:
            await _run(getattr(instance, "teardown", None), threads)
        except Exception:
            _LOGGER.exception("%s could not be torn down", described(self._target))


async def _run(function: Callable[[], Any] | None, threads: Threads) -> None:
    if function is None:
        return
    outcome = function() if inspect.iscoroutinefunction(function) else await threads.run(function)
    if inspect.isawaitable(outcome):
        await outcome
