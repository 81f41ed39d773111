"""The immutable, addressable, source-mapped table of nodes that front end and machine share."""

from perdure.program.program import Position, Program, matches, place
from perdure.program.schedules import Schedule

__all__ = ["Position", "Program", "Schedule", "matches", "place"]
