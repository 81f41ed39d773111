"""The immutable, addressable, source-mapped table of nodes that front end and machine share."""

from perdure.program.program import Position, Program, matches, place

__all__ = ["Position", "Program", "matches", "place"]
