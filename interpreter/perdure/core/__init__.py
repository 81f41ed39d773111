"""The machine: deterministic, without input or output of its own. Events in, commands out."""

from perdure.core.machine import fold, labels, outstanding, start, step
from perdure.core.state import State

__all__ = ["State", "fold", "labels", "outstanding", "start", "step"]
