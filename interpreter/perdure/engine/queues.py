"""Which queues a worker serves, as it is told: names, or names with how many activities of each run at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from perdure.errors import PerdureError
from perdure.program.nodes import QUEUE_NAME


def served(queues: Mapping[str, int] | Sequence[str] | None, concurrency: int) -> dict[str, int] | None:
    """The limit of each queue; None serves them all. Raises PerdureError."""
    if queues is None:
        return None
    if isinstance(queues, str) or not isinstance(queues, Mapping | Sequence):
        raise PerdureError(f"queues are a list of names, or a mapping from names to limits, not {queues!r}")
    limits = dict(queues) if isinstance(queues, Mapping) else dict.fromkeys(queues, concurrency)
    if not limits:
        raise PerdureError('queues: a worker serves at least one; steps that name none go to "default"')
    for name, limit in limits.items():
        if not isinstance(name, str) or re.fullmatch(QUEUE_NAME, name) is None:
            raise PerdureError(f"queues: {name!r} is no name of a queue, such as mail or eu/gpu-2")
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise PerdureError(f"queues: {name} needs a limit of at least 1, not {limit!r}")
    return limits
