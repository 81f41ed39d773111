"""What the machine asks of its host. A host carries commands out only after the events behind them are durable.

What the commit itself carries out (CloseRun, LeaveSlot, WriteCache, ReplyUpdate, CloseAsk) is done once it is
durable; all else can be asked for again from a restored state (`machine.outstanding`): a host that dies between the
commit and the doing loses nothing.
"""

from __future__ import annotations

from perdure.record import record
from perdure.values import JSON


@record
class StartActivity:
    """Call an activity. `key` is the idempotency key, equal over attempts and crashes. Durations in microseconds.

    `slot` is the same for all attempts of a step: heartbeat details are kept under it. `committed` when the
    attempt's start must be durable before the call, because it must never run twice. `queue` is None for the queue of
    steps that name none; a higher `priority` goes first. `vault` is the key of the markers that stand for secrets in
    the arguments.
    """

    frame: int
    address: str
    name: str
    arguments: JSON
    attempt: int
    key: str
    slot: int
    committed: bool = False
    queue: str | None = None
    priority: int = 0
    queue_timeout: int | None = None
    heartbeat: int | None = None
    vault: str = ""


@record
class CancelActivity:
    """Tell a running activity to stop; the host answers with its end, whichever it is."""

    frame: int


@record
class StartTimer:
    """Send TimerFired at `due`; replaces the frame's earlier timer."""

    frame: int
    due: int


@record
class CancelTimer:
    frame: int


@record
class OpenAsk:
    """Show a question to people; replaces the frame's earlier showing."""

    frame: int
    address: str
    opened_at: int
    due: int | None
    body: JSON


@record
class CloseAsk:
    frame: int


@record
class Deliver:
    """Hand something to other runs: `kind` is signal, cancel or event; `name` the signal's or event's; `to` a run id,
    None for an event. `id` is the same however often it is asked for."""

    frame: int
    kind: str
    to: str | None
    name: str | None
    data: JSON
    id: str


@record
class StartChild:
    """Start a run of another definition; the same `id` again means the same child. `vault` is there where the input
    holds markers of secrets, which the child can then use."""

    frame: int
    workflow: str
    input: JSON
    id: str
    depth: int
    detach: bool
    holds: JSON = None
    """The slots held around it, [run id, frame] each: the child is never to wait for one of them."""
    vault: str | None = None


@record
class CancelChild:
    frame: int
    id: str


@record
class TakeSlot:
    """Ask for one of the `limit` slots of a key, answered by SlotGranted or SlotRefused. `conflict` is queue, reject or
    cancel_running; `chain` are the slots held around, [run id, frame] each."""

    frame: int
    key: str
    limit: int
    conflict: str
    chain: JSON


@record
class LeaveSlot:
    """Give the frame's slot back, held or still waited for."""

    frame: int


@record
class ReadCache:
    """Look whether there is an earlier result under a key, answered by CacheRead."""

    frame: int
    key: str


@record
class WriteCache:
    """Keep a result until it expires; for ever where that is None."""

    key: str
    value: JSON
    expires_at: int | None


@record
class ReplyUpdate:
    """An accepted update has been dealt with: `value` is its reply, or `error` why there is none."""

    id: str
    value: JSON = None
    error: JSON = None


@record
class CloseRun:
    """The run has ended; `outcome` holds output or error, undone, not_undone, unread, recorded."""

    status: str
    outcome: JSON


Command = (
    StartActivity
    | CancelActivity
    | StartTimer
    | CancelTimer
    | OpenAsk
    | CloseAsk
    | Deliver
    | StartChild
    | CancelChild
    | TakeSlot
    | LeaveSlot
    | ReadCache
    | WriteCache
    | ReplyUpdate
    | CloseRun
)
