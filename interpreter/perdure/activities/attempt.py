"""What an activity may know of the attempt it runs in, and say while it runs: `perdure.context()`.

A context is made by the host for each attempt and reaches the activity through a context variable, so also
its threads and tasks. Knows nothing of how activities are found or called.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from perdure.activities.jsonable import as_json, as_json_or_text
from perdure.errors import PerdureError
from perdure.values import JSON

if TYPE_CHECKING:
    import asyncio

    from perdure.activities.redaction import Redaction

LARGEST_HEARTBEAT: Final = 1 << 20
"""Bytes of JSON that heartbeat details may take."""

_LOGGER: Final = logging.getLogger("perdure.activities")


class ActivityCancelled(BaseException):
    """The attempt was cancelled; raised by `heartbeat` in a thread so that the activity stops.

    Like `asyncio.CancelledError` it is no `Exception`: a loop that survives every error still ends.
    """


class Context:
    """One attempt of an activity, as the activity sees it."""

    __slots__ = (
        "_cancelled", "_details", "_logger", "_loop", "_on_heartbeat",
        "address", "attempt", "heartbeat_details", "idempotency_key", "redaction", "run_id", "threaded", "workflow",
    )  # fmt: skip

    def __init__(
        self,
        *,
        run_id: str,
        workflow: str,
        address: str,
        attempt: int,
        idempotency_key: str,
        heartbeat_details: JSON = None,
        on_heartbeat: Callable[[JSON], object] | None = None,
    ) -> None:
        self.run_id = run_id
        self.workflow = workflow
        self.address = address
        self.attempt = attempt
        self.idempotency_key = idempotency_key
        self.heartbeat_details = heartbeat_details
        self._details = heartbeat_details
        self._on_heartbeat = on_heartbeat
        self._cancelled = False
        self.threaded = False
        """Whether a thread runs the attempt, which nobody can interrupt: it has to look at `cancelled` itself."""
        self.redaction: Redaction | None = None
        """Takes the secrets that this attempt was given out of what it hands back."""
        self._logger: logging.LoggerAdapter[logging.Logger] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the attempt has been told to stop; plain functions in threads should look now and then."""
        return self._cancelled

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry `run`, `workflow`, `address` and `attempt`."""
        if self._logger is None:
            facts: dict[str, object] = {
                "run": self.run_id,
                "workflow": self.workflow,
                "address": self.address,
            }
            facts["attempt"] = self.attempt
            self._logger = _AttemptLogger(_LOGGER, facts, self)
        return self._logger

    def heartbeat(self, details: JSON = None) -> None:
        """Say that the attempt is alive; the next attempt reads the last details as `heartbeat_details`.

        Without details those given before are kept. May be called from any thread. Raises ValueError where
        details are not JSON, and `ActivityCancelled` in a thread once the attempt was cancelled (a coroutine
        gets its CancelledError from asyncio instead, so that its clean-up may still call this).
        """
        running = _running_loop()
        if self._cancelled and running is None:
            raise ActivityCancelled
        if details is not None:
            self._details = as_json(details, LARGEST_HEARTBEAT)
        if self._on_heartbeat is None:
            return
        if self._loop is None or running is self._loop:
            self._on_heartbeat(self._details)
            return
        try:
            self._loop.call_soon_threadsafe(self._on_heartbeat, self._details)
        except RuntimeError:  # the loop is closed: nobody waits for this attempt any more
            raise ActivityCancelled from None

    def cancel(self) -> None:
        """Tell the attempt to stop; for hosts, may be called twice and from any thread."""
        self._cancelled = True

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have heartbeats of all threads delivered in this loop's thread; called by the registry."""
        self._loop = loop

    @contextlib.contextmanager
    def entered(self) -> Iterator[Context]:
        """Make this what `context()` gives inside the block; for tests that call activities directly."""
        token = current.set(self)
        try:
            yield self
        finally:
            current.reset(token)


current: Final[ContextVar[Context | None]] = ContextVar("perdure_context", default=None)


def context() -> Context:
    """The attempt this code runs in; PerdureError outside of activities."""
    found = current.get()
    if found is None:
        raise PerdureError("perdure.context() is only there inside an activity that Perdure has called")
    return found


class _AttemptLogger(logging.LoggerAdapter[logging.Logger]):
    def __init__(self, logger: logging.Logger, facts: dict[str, object], attempt: Context) -> None:
        super().__init__(logger, facts)
        self._attempt = attempt

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """A record without secrets: its message, and the traceback as part of it."""
        redaction = self._attempt.redaction
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
        if redaction is None or not self.isEnabledFor(level):
            super().log(level, msg, *args, **kwargs)
            return
        raised = _exception(kwargs.pop("exc_info", None))
        record = self.logger.makeRecord(self.logger.name, level, "", 0, msg, args, raised)
        text = redaction.told(logging.Formatter("%(message)s").format(record))
        kwargs["extra"] = redaction.value(as_json_or_text(kwargs.get("extra") or {}, LARGEST_HEARTBEAT))
        super().log(level, "%s", text, **kwargs)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


def _exception(given: Any) -> Any:
    """What `exc_info` means: an exception, its triple, or whether to take the present one."""
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    return given if isinstance(given, tuple) or not given else sys.exc_info()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
