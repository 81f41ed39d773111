"""Watching files for change: by their times and sizes, twice a second, on every file system alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

PAUSE: Final = 0.5
"""Seconds between two looks: soon enough for a person who has just saved a file."""

Look = Callable[[], Iterable[str]]


def changes(look: Look, pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Yields at once, and again each time that one of the files `look` gives has changed, come or gone."""
    before: dict[str, tuple[int, int] | None] | None = None
    while True:
        now = {file: _stamp(file) for file in look()}
        if now != before:
            before = now
            yield
        else:
            pause(PAUSE)


def _stamp(file: str) -> tuple[int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
