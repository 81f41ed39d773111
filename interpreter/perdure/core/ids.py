"""What may name a run, whoever names it: a caller, or a step that starts a child."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 200


def refuse_id(id: object) -> str | None:
    """Why this cannot be the id of a run; None where it can."""
    if not isinstance(id, str) or not 0 < len(id) <= LONGEST or not id.isprintable():
        return f"a run id is a printable text of 1 to {LONGEST} characters"
    if id.startswith("-"):
        return f"a run id cannot begin with a hyphen: {id[:60]} reads as an option"
    stem, _, number = id.rpartition("~")
    if stem and number.isdecimal():
        return f"a run id cannot end in ~ and a number, which names a run that has gone on: {id[:60]}"
    return None
