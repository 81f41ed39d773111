"""Log lines on standard error: warnings by default, more with -v, only errors with -q."""

from __future__ import annotations

import logging
import sys
from copy import copy
from typing import TYPE_CHECKING

from perdure.cli.showable import showable

if TYPE_CHECKING:
    from perdure.cli.settings import Settings


class _Lines(logging.Handler):
    """Writes to whatever standard error is at that moment: a live tree puts itself in front of it."""

    def __init__(self, *, tracebacks: bool) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def emit(self, record: logging.LogRecord) -> None:
        if not self._tracebacks:
            record = copy(record)
            record.exc_info = record.exc_text = None
        try:
            sys.stderr.write(f"{showable(self.format(record))}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def configure(settings: Settings) -> None:
    """Set up logging for this process; a second call replaces the first."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Lines)]:
        root.removeHandler(handler)
    lines = _Lines(tracebacks=settings.louder > 1 or settings.debug)
    form = "%(levelname)s: %(message)s" if settings.louder <= 0 else "%(asctime)s %(levelname)s %(message)s"
    lines.setFormatter(logging.Formatter(form, "%H:%M:%S"))
    root.addHandler(lines)
    level = logging.ERROR if settings.quiet else logging.WARNING
    if settings.louder:
        level = logging.INFO if settings.louder == 1 else logging.DEBUG
    logging.getLogger("perdure").setLevel(level)
