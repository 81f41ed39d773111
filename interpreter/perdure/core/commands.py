"""What the machine asks of its host. A host carries commands out only after the events behind them are durable.

All but `CloseRun` can be asked for again from a restored state (`machine.outstanding`): a host that dies
between the commit and the doing loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from perdure.values import JSON


@dataclass(frozen=True, slots=True)
class StartActivity:
    """Call an activity. `key` is the idempotency key, equal over attempts and crashes. Durations in microseconds.

    `slot` is the same for all attempts of a step: heartbeat details are kept under it. `committed` when the
    attempt's start must be durable before the call, because it must never run twice.
    """

    frame: int
    address: str
    name: str
    arguments: JSON
    attempt: int
    key: str
    slot: int
    committed: bool = False
    queue: int | None = None
    heartbeat: int | None = None


@dataclass(frozen=True, slots=True)
class CancelActivity:
    """Tell a running activity to stop; the host answers with its end, whichever it is."""

    frame: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Send TimerFired at `due`; replaces the frame's earlier timer."""

    frame: int
    due: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    frame: int


@dataclass(frozen=True, slots=True)
class OpenAsk:
    """Show a question to people; replaces the frame's earlier showing."""

    frame: int
    address: str
    opened_at: int
    due: int | None
    body: JSON


@dataclass(frozen=True, slots=True)
class CloseAsk:
    frame: int


@dataclass(frozen=True, slots=True)
class CloseRun:
    """The run has ended; `outcome` holds output or error, undone, not_undone, unread, recorded."""

    status: str
    outcome: JSON


Command = StartActivity | CancelActivity | StartTimer | CancelTimer | OpenAsk | CloseAsk | CloseRun
