"""`log`: writes a line to the log of the process, with the run and step it comes from."""

from __future__ import annotations

import logging
from typing import Final, Literal

from perdure.activities.attempt import context
from perdure.activities.declaration import activity
from perdure.values import JSON, encode

_LEVELS: Final = {
    "debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR,
}  # fmt: skip


@activity("log", summary="Write a message to the log.")
async def log(message: JSON, level: Literal["debug", "info", "warning", "error"] = "info", data: JSON = None) -> None:
    """Write a message to the log.

    `data` is any value, shown as JSON behind the message. Returns null.
    """
    logger = context().logger
    if logger.isEnabledFor(_LEVELS[level]):
        text = message if isinstance(message, str) else encode(message).decode()
        shown = text if data is None else f"{text} {encode(data).decode()}"
        logger.log(_LEVELS[level], "%s", shown)
