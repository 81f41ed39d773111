"""What queues and priorities may be. Stands alone because checks need it and no nodes."""

from __future__ import annotations

from typing import Final

QUEUE_NAME: Final = r"[A-Za-z_][A-Za-z0-9_./-]{0,99}"
"""What queues are called: names that command lines and settings can hold too."""
MOST_PRIORITY: Final = 1_000_000
"""The highest priority, and below zero the lowest."""
