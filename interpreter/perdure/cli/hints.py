"""What a user can type next: how to answer a run that waits, how to go on after detaching."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from perdure.cli.settings import Settings


def call(chosen: Settings, *words: str) -> str:
    """A command line for the same store, quoted for a shell."""
    store = () if chosen.told is None else ("--store", chosen.told)
    return shlex.join(["perdure", *words[:1], *store, *words[1:]])


def for_waiting(chosen: Settings, run: str, frames: Iterable[Any]) -> list[str]:
    """One command for each signal and question that the run waits for."""
    told: dict[str, None] = {}
    for frame in frames:
        if frame.waits == "ask":
            told[f"{call(chosen, 'runs', 'answer', run, frame.node.step)} VALUE"] = None
        else:
            for signal in frame.signals.values():
                told[call(chosen, "runs", "signal", run, signal)] = None
    return list(told)


def for_going_on(chosen: Settings, run: str, again: str | None) -> list[str]:
    """What to say after detaching; `again` is the definition, as it was named to `perdure run`."""
    ways = [] if again is None else [call(chosen, "run", again, "--id", run)]
    ways.append(call(chosen, "worker"))
    return [
        f"the run {run} is kept and goes on with: {' or '.join(ways)}",
        f"follow it with: {call(chosen, 'runs', 'watch', run)}",
        f"stop it with: {call(chosen, 'runs', 'cancel', run)}",
    ]
