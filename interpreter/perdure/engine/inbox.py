"""Letters: what reaches a run from outside, on its way into the journal.

A letter is written by whoever acts on a run (this process or another) and read by the worker that owns it; the commit
that journals its event deletes it.
"""

from __future__ import annotations

from perdure.core import State
from perdure.core.events import AskAnswered, CancelRequested, Event, SignalReceived, TerminateRequested
from perdure.stores.store import Letter
from perdure.values import decode


def letter_to_event(letter: Letter, state: State) -> Event | None:
    """The event a letter stands for; None for one that means nothing (any more) and is only to be deleted."""
    body = decode(letter.body)
    at = max(letter.at, state.now)
    match letter.kind:
        case "signal":
            return SignalReceived(at, body["signal"], body["data"], letter.id)
        case "answer":
            return AskAnswered(at, body["frame"], body["answer"], body["by"])
        case "cancel":
            return CancelRequested(at, body["reason"])
        case "terminate":
            return TerminateRequested(at, body["reason"])
        case _:
            return None
