"""A run's journal for people: each event with the step it belongs to, found by folding as the machine did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Final

from perdure.core import State, machine
from perdure.core.events import Event, Migrated, RunStarted
from perdure.engine.records import iso
from perdure.program import Program
from perdure.values import JSON

_HIDDEN: Final = frozenset(
    {"at", "frame", "seed", "vault", "format", "first_input", "state", "counter", "draws", "anew"}
)


def annotate(programs: Sequence[Program], journal: Iterable[tuple[int, int, Event]]) -> list[dict[str, JSON]]:
    """Events as mappings: seq, at (ISO), event (its type), step (address) where it has one, and its own fields.
    `programs` are those the run had in turn, one more than it has migrations."""
    state: State | None = None
    events = []
    following = iter(programs)
    program = next(following)
    for seq, at, event in journal:
        events.append({"seq": seq, "at": iso(at), "event": type(event).__name__, **_details(program, state, event)})
        if isinstance(event, RunStarted):
            state, _ = machine.start(program, event)
        elif isinstance(event, Migrated):
            program = next(following)
            state = machine.migrated(program, event)
        elif state is not None:
            machine.step(program, state, event)
    return events


def _details(program: Program, state: State | None, event: Event) -> dict[str, JSON]:
    details: dict[str, JSON] = {}
    frame = None if state is None else state.frames.get(getattr(event, "frame", 0))
    if frame is not None and state is not None:
        details["step"] = program.label(frame.node.step, state.turns(frame))
    for field in fields(event):
        if field.name == "begins":
            if isinstance(event, RunStarted) and event.begins is not None:
                details["begins"] = iso(event.begins)
        elif field.name not in _HIDDEN:
            name = "name" if field.name == "event" else field.name  # `event` is the row's own kind
            details[name] = getattr(event, field.name)
    return details
