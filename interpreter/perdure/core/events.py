"""What can happen to a run. The journal is a list of these, and a run's state is nothing but their fold.

Every event carries `at`, microseconds since the epoch: the machine has no clock of its own. `frame` names the
waiting part of the run that the event is for; an event for a frame that is gone changes nothing.
"""

from __future__ import annotations

from perdure.record import record
from perdure.values import JSON


@record
class RunStarted:
    """The first event of every run. `seed` feeds random() and uuid(); `format` names the rules of folding; `depth`
    counts the runs this one is a child of, `generation` those that had its id before it. Of a restart, `children` are
    what the run before it left, and `first_input` is the digest of the input that the first one was started with.
    `holds` are the slots that runs hold which wait for this one, [run id, frame] each. A run does nothing before
    `begins`. `vault` is the key of markers in the input, where another run made them (see `perdure.vault`)."""

    at: int
    run: str
    input: JSON
    seed: str
    format: int = 1
    depth: int = 0
    generation: int = 0
    children: JSON = None
    holds: JSON = None
    begins: int | None = None
    first_input: str | None = None
    vault: str | None = None


@record
class AttemptStarted:
    """An activity's attempt is known to run; after a crash it counts as used."""

    at: int
    frame: int


@record
class AttemptQueued:
    """The attempt was handed to the workers that serve its queue; whoever makes it tells how it ends."""

    at: int
    frame: int


@record
class AttemptLost:
    """The worker died while the attempt ran."""

    at: int
    frame: int


@record
class ActivityCompleted:
    at: int
    frame: int
    result: JSON


@record
class ActivityFailed:
    """`error` has type, message, details and cause."""

    at: int
    frame: int
    error: JSON
    retryable: bool = True


@record
class ActivityCancelled:
    """The activity stopped after it was told to."""

    at: int
    frame: int


@record
class TimerFired:
    at: int
    frame: int


@record
class SignalReceived:
    at: int
    signal: str
    data: JSON
    id: str


@record
class UpdateReceived:
    """An update that `machine.consider` has found acceptable."""

    at: int
    update: str
    data: JSON
    id: str


@record
class EventReceived:
    """A published event that somebody in the run waits for."""

    at: int
    event: str
    data: JSON


@record
class Delivered:
    """What the run sent has arrived; for a detached child `result` is its run id."""

    at: int
    frame: int
    result: JSON = None


@record
class Undeliverable:
    at: int
    frame: int
    error: JSON


@record
class ChildEnded:
    """A child run has ended; `error` is there unless it completed. One that nobody waits for has frame 0 and its `run`
    id, and nothing of what it came to."""

    at: int
    frame: int
    status: str
    output: JSON
    error: JSON
    run: str | None = None


@record
class SlotGranted:
    """The slot that the frame has asked for is its own, until it is left."""

    at: int
    frame: int


@record
class SlotRefused:
    """The frame will never get the slot it has asked for."""

    at: int
    frame: int
    reason: str


@record
class CacheRead:
    """Whether there was an earlier result, and which."""

    at: int
    frame: int
    found: bool
    value: JSON = None


@record
class PauseRequested:
    at: int
    note: str | None


@record
class ResumeRequested:
    at: int


@record
class AskAnswered:
    at: int
    frame: int
    answer: JSON
    by: str | None


@record
class CancelRequested:
    at: int
    reason: str | None


@record
class TerminateRequested:
    at: int
    reason: str | None


@record
class Reopened:
    """A copied history goes on from here: what was due moves by the time since its last event, attempts and sends are
    begun anew, a pause is over. Frames and random numbers are counted on from `counter` and `draws`, so that nothing
    the copy does is taken for what the original did; frames in `anew` begin their waiting again: a timer with its whole
    span, a child run under a new id."""

    at: int
    counter: int
    draws: int
    anew: JSON = None


@record
class Migrated:
    """The run goes on with another definition. What came before was done with `origin`, what follows is folded from
    `state` with the program of `digest`; `version` is its label."""

    at: int
    origin: str
    digest: str
    version: str | None
    state: JSON


Event = (
    RunStarted
    | AttemptStarted
    | AttemptQueued
    | AttemptLost
    | ActivityCompleted
    | ActivityFailed
    | ActivityCancelled
    | TimerFired
    | SignalReceived
    | UpdateReceived
    | EventReceived
    | Delivered
    | Undeliverable
    | ChildEnded
    | SlotGranted
    | SlotRefused
    | CacheRead
    | AskAnswered
    | PauseRequested
    | ResumeRequested
    | CancelRequested
    | TerminateRequested
    | Reopened
    | Migrated
)
