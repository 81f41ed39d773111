"""What is wrong with one schedule harms only that schedule: it is logged once for each revision, and passed over."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from perdure.errors import StoreError
from perdure.stores.store import ScheduleRow

log = logging.getLogger("perdure.engine")


class Quarantine:
    """Remembers which schedules cannot be understood."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int]] = set()

    @contextmanager
    def around(self, row: ScheduleRow) -> Iterator[None]:
        """Ends quietly at a fault of the schedule. Raises StoreError: that is no fault of its."""
        try:
            yield
        except StoreError:
            raise
        except Exception:
            if (row.id, row.revision) not in self._told:
                self._told.add((row.id, row.revision))
                log.exception("the schedule %s cannot be understood", row.id)
