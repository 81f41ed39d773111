"""Real activities inside a test: called as a worker would, in no virtual time at all.

One event loop for one run of a case, so that activity classes are set up once. Knows no mocks.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Final

from perdure.testing.activities import Call, End, Reply

if TYPE_CHECKING:
    from perdure.activities import Registry
    from perdure.activities.secrets import Source

LONGEST_CALL: Final = 60.0
"""Seconds of real time that one call may take: a test that waits longer has lost its way."""


class RealActivities:
    """Use as a context manager; what was set up is torn down at its end."""

    def __init__(self, registry: Registry | None, secrets: Source | None = None) -> None:
        self.registry = registry
        self.secrets = secrets
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> RealActivities:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._runner is not None and self.registry is not None:
            self._runner.run(self.registry.aclose())
            self._runner.close()

    def call(self, call: Call, vault: str) -> Reply:
        """One attempt of an activity; secrets are put in as a worker does, by the key of the run's vault."""
        from perdure.activities import ActivityFailure, Registry

        if self.registry is None:
            self.registry = Registry.load()
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            return Reply(End(self._runner.run(self._attempt(self.registry, call, vault))))
        except ActivityFailure as failure:
            return Reply(End(error=failure.error, retryable=failure.retryable))
        except TimeoutError:
            message = f"{call.name} took more than {LONGEST_CALL:g} seconds of real time"
            return Reply(End(error={"type": "Timeout", "message": message}))

    async def _attempt(self, registry: Registry, call: Call, vault: str) -> object:
        from perdure.activities import ActivityFailure, Context
        from perdure.activities.secrets import Environment, reveal

        context = Context(
            run_id="run", workflow="", address=call.address, attempt=call.attempt, idempotency_key=call.key
        )
        arguments, redaction = await reveal(self.secrets or Environment(), call.arguments, vault)
        context.redaction = redaction
        try:
            async with asyncio.timeout(LONGEST_CALL):
                result = await registry.call(call.name, arguments, context)
        except ActivityFailure as failure:
            if redaction is None:
                raise
            raise ActivityFailure(redaction.error(failure.error), failure.retryable) from None
        return result if redaction is None else redaction.value(result)
