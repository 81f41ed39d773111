"""What a user can type next: how to answer a run that waits, how to go on after detaching."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from perdure.cli.reaching import awaited_signals, awaited_updates
from perdure.cli.settings import Settings

if TYPE_CHECKING:
    from perdure.cli.progress import Progress

WORKING: Final = frozenset(("run", "worker"))
"""The commands that call activities."""


def call(chosen: Settings, *words: str) -> str:
    """A command line for the same store, and for what works with the same activities, quoted for a shell."""
    store = () if chosen.told is None else ("--store", chosen.told)
    named = chosen.more_activities if words[0] in WORKING else ()
    activities = [word for name in named for word in ("--activities", name)]
    return shlex.join(["perdure", *words, *store, *activities])


def for_waiting(chosen: Settings, run: str, progress: Progress) -> list[str]:
    """One command for each signal, update and question that the run waits for; how to resume it where it is paused."""
    words: list[tuple[str, ...]] = [("resume", run)] if progress.state.status == "paused" else []
    words += [("signal", run, signal) for signal in awaited_signals(progress.state)]
    words += [("update", run, update, "VALUE") for update in awaited_updates(progress.state)]
    words += [("answer", run, step, "VALUE") for step in progress.questions()]
    return [call(chosen, "runs", *one) for one in words]


def for_going_on(chosen: Settings, run: str, again: str | None) -> list[str]:
    """What to say after detaching; `again` is the definition, as it was named to `perdure run`."""
    ways = [] if again is None else [call(chosen, "run", again, "--id", run)]
    ways.append(call(chosen, "worker"))
    return [
        f"the run {run} is kept and goes on with: {' or '.join(ways)}",
        f"follow it with: {call(chosen, 'runs', 'watch', run)}",
        f"stop it with: {call(chosen, 'runs', 'cancel', run)}",
    ]
