"""Who in a run hears of what: the frames an event is about to reach, and what would find somebody who waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from perdure.core.events import Event, EventReceived, SignalReceived, UpdateReceived
from perdure.core.state import event_key, update_key

if TYPE_CHECKING:
    from perdure.core import State
    from perdure.core.frame import Frame

UPDATE: Final = update_key("")
EVENT: Final = event_key("")


def reached_by(event: Event, state: State) -> list[Frame]:
    """The frames an event will reach: all that wait for a published event, one for anything else."""
    match event:
        case SignalReceived():
            found = state.waiting.get(event.signal, [])[:1]
        case UpdateReceived():
            found = state.waiting.get(update_key(event.update), [])[:1]
        case EventReceived():
            found = list(state.waiting.get(event_key(event.event), []))
        case _:
            found = [getattr(event, "frame", 0)]
    return [state.frames[id] for id in found if id in state.frames]


def awaited_signals(state: State) -> list[str]:
    """The signals that something waits for."""
    return [key for key in state.waiting if not key.startswith((UPDATE, EVENT))]


def awaited_updates(state: State) -> list[str]:
    """The updates that something would take."""
    return [key.removeprefix(UPDATE) for key in state.waiting if key.startswith(UPDATE)]
