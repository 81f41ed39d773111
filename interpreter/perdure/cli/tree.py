"""The live tree of a run in a terminal: what runs, what waits for what, what has happened. Loads rich.

What ended longest ago gives way where the terminal is too small; how much is hidden is said.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from perdure.cli.progress import Line, Progress, Step
from perdure.cli.showable import one_line
from perdure.values import SECOND, format_duration

MARKS: Final = {
    "running": ("●", "cyan"),
    "waiting": ("◌", "yellow"),
    "retrying": ("↻", "yellow"),
    "cancelling": ("◌", "magenta"),
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "cancelled": ("–", "magenta"),
    "undone": ("↶", "magenta"),
    "not undone": ("✗", "red"),
    "ended": ("▪", "dim"),
}
PLAIN_MARKS: Final = {
    "running": "*", "waiting": ".", "retrying": "~", "cancelling": ".", "completed": "+", "failed": "x",
    "cancelled": "-", "undone": "<", "not undone": "x", "ended": "=",
}  # fmt: skip
"""For terminals that show ASCII only."""

ACTIVE: Final = frozenset({"running", "waiting", "retrying", "cancelling"})
SILENT: Final = frozenset({"completed", "ended"})
FRAME: Final = 0.25
"""Seconds after which the tree is drawn anew for the sake of its clocks."""


class LiveTree:
    """A tree on standard error that is redrawn in place."""

    def __init__(self, run_id: str, *, colour: bool) -> None:
        self._run_id = run_id
        self._console = Console(stderr=True, no_color=not colour, highlight=False, markup=False, emoji=False)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False)
        self._hints: list[str] = []
        self._last: tuple[Progress, str] | None = None
        self._drawn = 0.0
        self._open = False

    def show(self, progress: Progress, status: str, lines: Sequence[Line], hints: Sequence[str]) -> None:
        now = time.monotonic()
        self._hints += hints
        changed = bool(lines or hints) or self._last is None or self._last[1] != status
        self._last = (progress, status)
        if changed or now - self._drawn >= FRAME:
            self._drawn = now
            self._draw()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._hints = []
            self._draw()
            self._live.stop()

    def _draw(self) -> None:
        if self._last is None:
            return
        if not self._open and self._drawn:
            self._open = not self._live.is_started
            if self._open:
                self._live.start()
        progress, status = self._last
        progress.refresh()
        ascii_only = not (self._console.encoding or "").lower().startswith("utf")
        head = f"{one_line(progress.program.name, 80)}  {one_line(self._run_id, 80)}  {status}"
        room = max(self._console.size.height - 3 - len(self._hints), 5)
        rows = [_row(depth, step, ascii_only) for depth, step in visible(progress, room)]
        hidden = len(progress.steps) + progress.dropped - len(rows)
        texts = [Text(head, style="bold"), *rows]
        if hidden:
            texts.append(Text(f"  … and {hidden} more steps", style="dim"))
        texts += [Text(f"to answer: {one_line(hint)}", style="yellow") for hint in self._hints]
        for text in texts:
            text.no_wrap, text.overflow = True, "ellipsis"
        self._live.update(Group(*texts), refresh=True)


def visible(progress: Progress, room: int) -> list[tuple[int, Step]]:
    """The steps that fit with their depths, in the order of the tree: live ones first of all, then the latest."""
    steps = list(progress.steps.values())
    live = [step for step in steps if step.status in ACTIVE]
    over = [step for step in steps if step.status not in ACTIVE]
    chosen = {step.place for step in live[:room]}
    left = room - len(chosen)
    if left > 0:
        chosen |= {step.place for step in over[-left:]}
    return [(depth, step) for depth, step in _in_tree_order(progress.steps) if step.place in chosen]


def _in_tree_order(steps: dict[str, Step]) -> list[tuple[int, Step]]:
    """Each step below the nearest step around it, in the order they began."""
    inside: dict[str, list[Step]] = {}
    for where, step in steps.items():
        inside.setdefault(_around(where, steps), []).append(step)
    ordered, waiting = [], [(0, step) for step in reversed(inside.get("", []))]
    while waiting:
        depth, step = waiting.pop()
        ordered.append((depth, step))
        waiting.extend((depth + 1, child) for child in reversed(inside.get(step.place, [])))
    return ordered


def _around(where: str, steps: dict[str, Step]) -> str:
    while where:
        head, bracket, _ = where.rpartition("[")
        where = head if bracket and where.endswith("]") else where.rpartition("/")[0]
        if where in steps:
            return where
    return ""


def _row(depth: int, step: Step, ascii_only: bool) -> Text:
    status = "running" if step.undoing and step.status == "ended" else step.status
    mark, style = MARKS[status]
    text = Text("  " * (depth + 1))
    text.append(f"{PLAIN_MARKS[status] if ascii_only else mark} ", style=style)
    text.append(one_line(step.place.rpartition("/")[2], 60))
    if step.undoing:
        text.append("  undoing", style="magenta")
    elif status not in SILENT:
        text.append(f"  {status}", style=style)
    if status in ("running", "retrying") and step.attempt > 1:
        text.append(f"  attempt {step.attempt}")
    if step.note:
        text.append(f"  {one_line(step.note, 120)}", style="red" if status == "failed" else "")
    if status in ACTIVE:
        text.append(_clock(step), style="dim")
    return text


def _clock(step: Step) -> str:
    now = time.time_ns() // 1000
    if step.due is not None:
        return f"  {format_duration(_whole(max(step.due - now, 0)))} left"
    return f"  {format_duration(_whole(max(now - step.since, 0)))}" if step.since else ""


def _whole(span: int) -> int:
    return span // SECOND * SECOND
