"""How progress is shown: a live tree in a terminal, plain lines elsewhere, or not at all; always on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from perdure.cli.exits import complain
from perdure.cli.progress import Progress
from perdure.cli.settings import Settings, is_terminal
from perdure.cli.showable import one_line
from perdure.cli.wording import Line


class Display(Protocol):
    """Is shown every change of one run, in order."""

    def show(self, progress: Progress, status: str, lines: Sequence[Line], hints: Sequence[str]) -> None:
        """How the run stands; `lines` have happened since the last call, `hints` are commands that would
        answer it now."""

    def close(self) -> None:
        """Nothing more is shown; may be called twice."""


class Nothing:
    """For --quiet."""

    def show(self, progress: Progress, status: str, lines: Sequence[Line], hints: Sequence[str]) -> None:
        pass

    def close(self) -> None:
        pass


class PlainLines:
    """One line for each thing that happens, and each hint once."""

    def __init__(self) -> None:
        self._hinted: set[str] = set()

    def show(self, progress: Progress, status: str, lines: Sequence[Line], hints: Sequence[str]) -> None:
        for line in lines:
            complain(told(line), label=False)
        for hint in hints:
            if hint not in self._hinted:
                self._hinted.add(hint)
                complain(f"  to answer: {hint}", label=False)

    def close(self) -> None:
        pass


def display_for(chosen: Settings, run_id: str) -> Display:
    """The display that fits the surroundings."""
    if chosen.quiet:
        return Nothing()
    if not is_terminal(sys.stderr):
        return PlainLines()
    from perdure.cli.tree import LiveTree

    return LiveTree(run_id, colour=chosen.colourful(sys.stderr))


def told(line: Line) -> str:
    note = f"  {one_line(line.note)}" if line.note else ""
    return f"{one_line(line.step)}  {line.word}{note}"
