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

from perdure.cli.progress import Progress
from perdure.cli.showable import one_line, width
from perdure.cli.wording import Line, Step
from perdure.values import SECOND, format_duration

MARKS: Final = {
    "running": ("●", "cyan"),
    "waiting": ("◌", "yellow"),
    "retrying": ("↻", "yellow"),
    "cancelling": ("◌", "magenta"),
    "paused": ("‖", "yellow"),
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "cancelled": ("–", "magenta"),
    "undone": ("↶", "magenta"),
    "not undone": ("✗", "red"),
    "ended": ("▪", "dim"),
}
PLAIN_MARKS: Final = {
    "running": "*", "waiting": ".", "retrying": "~", "cancelling": ".", "paused": "|", "completed": "+", "failed": "x",
    "cancelled": "-", "undone": "<", "not undone": "x", "ended": "=",
}  # fmt: skip
"""For terminals that show ASCII only."""

ACTIVE: Final = frozenset({"running", "waiting", "retrying", "cancelling", "paused"})
SILENT: Final = frozenset({"completed", "ended"})
MOST_HINTS: Final = 3
FRAME: Final = 0.25
"""Seconds after which the tree is drawn anew for the sake of its clocks."""


class LiveTree:
    """A tree on standard error that is redrawn in place."""

    def __init__(self, run_id: str, *, colour: bool) -> None:
        self._run_id = run_id
        self._console = Console(stderr=True, no_color=not colour, highlight=False, markup=False, emoji=False)
        self._ascii = not (self._console.encoding or "").lower().startswith("utf")
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False)
        self._hints: list[str] = []
        self._last: tuple[Progress, str] | None = None
        self._drawn = 0.0
        self._closed = False

    def show(self, progress: Progress, status: str, lines: Sequence[Line], hints: Sequence[str]) -> None:
        now = time.monotonic()
        changed = bool(lines) or self._hints != hints or self._last is None or self._last[1] != status
        self._last, self._hints = (progress, status), list(hints)
        if (changed or now - self._drawn >= FRAME) and not self._closed:
            self._drawn = now
            if not self._live.is_started:
                self._live.start()
            self._live.update(self._picture(progress, status), refresh=True)

    def close(self) -> None:
        if self._closed or self._last is None:
            return
        self._closed, self._hints = True, []
        if self._live.is_started:
            self._live.update(self._picture(*self._last), refresh=True)
            self._live.stop()

    def _picture(self, progress: Progress, status: str) -> Group:
        progress.refresh()
        hints = [f"to answer: {one_line(hint, 400)}" for hint in self._hints[:MOST_HINTS]]
        if len(self._hints) > MOST_HINTS:
            hints.append(f"… and {len(self._hints) - MOST_HINTS} more to answer")
        columns, lines = self._console.size
        taken = sum(width(hint) // max(columns, 1) + 1 for hint in hints)
        rows = [_row(*found, self._ascii) for found in visible(progress, max(lines - 3 - taken, 3))]
        texts = [Text(f"{one_line(progress.program.name, 80)}  {one_line(self._run_id, 80)}  {status}", style="bold")]
        texts += rows
        hidden = len(progress.steps) + progress.dropped - len(rows)
        if hidden:
            texts.append(Text(f"  … and {hidden} more steps", style="dim"))
        for text in texts:
            text.no_wrap, text.overflow = True, "ellipsis"
        return Group(*texts, *(Text(hint, style="yellow") for hint in hints))


def visible(progress: Progress, room: int) -> list[tuple[int, str, Step]]:
    """The steps that fit, with depths and names, in the order of the tree: live ones first of all, then the latest."""
    steps = list(progress.steps.values())
    live = [step for step in steps if step.status in ACTIVE]
    over = [step for step in steps if step.status not in ACTIVE]
    chosen = {step.place for step in live[:room]}
    left = room - len(chosen)
    if left > 0:
        chosen |= {step.place for step in over[-left:]}
    return [found for found in _in_tree_order(progress.steps) if found[2].place in chosen]


def _in_tree_order(steps: dict[str, Step]) -> list[tuple[int, str, Step]]:
    """Each step below the nearest step around it, in the order they began, named by the rest of its address."""
    inside: dict[str, list[tuple[str, Step]]] = {}
    for where, step in steps.items():
        around = _around(where, steps)
        name = where.removeprefix(f"{around}/") if around else where
        inside.setdefault(around, []).append((name.rpartition("/")[2] if name.endswith("]") else name, step))
    ordered, waiting = [], [(0, *found) for found in reversed(inside.get("", []))]
    while waiting:
        depth, name, step = waiting.pop()
        ordered.append((depth, name, step))
        waiting.extend((depth + 1, *found) for found in reversed(inside.get(step.place, [])))
    return ordered


def _around(where: str, steps: dict[str, Step]) -> str:
    while where:
        head, bracket, _ = where.rpartition("[")
        where = head if bracket and where.endswith("]") else where.rpartition("/")[0]
        if where in steps:
            return where
    return ""


def _row(depth: int, name: str, step: Step, ascii_only: bool) -> Text:
    status = "running" if step.undoing and step.status == "ended" else step.status
    mark, style = MARKS[status]
    text = Text("  " * (depth + 1))
    text.append(f"{PLAIN_MARKS[status] if ascii_only else mark} ", style=style)
    text.append(one_line(name, 60))
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
