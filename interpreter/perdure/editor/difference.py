"""Two texts of one file become the edit that leads from one to the other.

One stretch of whole lines: what stands before and behind it stays as it is, and so do cursors and folds there.
"""

from __future__ import annotations

from pathlib import Path

from perdure.editor.answers import Edit


def difference(path: Path, before: str, after: str) -> Edit | None:
    """The lines that differ; None where there are none."""
    if before == after:
        return None
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    most = min(len(old), len(new))
    first = next((number for number in range(most) if old[number] != new[number]), most)
    most -= first
    last = next((number for number in range(most) if old[-1 - number] != new[-1 - number]), most)
    start = sum(map(len, old[:first]))
    end = len(before) - sum(map(len, old[len(old) - last :]))
    return Edit(path, start, end, "".join(new[first : len(new) - last]))
