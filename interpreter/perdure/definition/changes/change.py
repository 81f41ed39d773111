"""One difference between two versions."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.definition.models import Path
from perdure.values import JSON


@dataclass(frozen=True, slots=True)
class Change:
    """`what` is added, removed, renamed, moved or changed; `subject` a step's address, or a top-level key.

    `key` is the key of the step that differs, dotted within it, with the `old` and the `new` value; `breaking` says
    what that means for callers, where it may not suit them. The paths are into the old and the new document, where it
    has a place there.
    """

    what: str
    subject: str
    key: str | None = None
    old: JSON = None
    new: JSON = None
    breaking: str | None = None
    old_path: Path | None = None
    new_path: Path | None = None
