"""What can happen to a run. The journal is a list of these, and a run's state is nothing but their fold.

Every event carries `at`, microseconds since the epoch: the machine has no clock of its own. `frame` names the
waiting part of the run that the event is for; an event for a frame that is gone changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from perdure.values import JSON


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event of every run. `seed` feeds random() and uuid(); `format` names the rules of folding."""

    at: int
    run: str
    input: JSON
    seed: str
    format: int = 1


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """An activity's attempt is known to run; after a crash it counts as used."""

    at: int
    frame: int


@dataclass(frozen=True, slots=True)
class AttemptLost:
    """The worker died while the attempt ran."""

    at: int
    frame: int


@dataclass(frozen=True, slots=True)
class ActivityCompleted:
    at: int
    frame: int
    result: JSON


@dataclass(frozen=True, slots=True)
class ActivityFailed:
    """`error` has type, message, details and cause."""

    at: int
    frame: int
    error: JSON
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class ActivityCancelled:
    """The activity stopped after it was told to."""

    at: int
    frame: int


@dataclass(frozen=True, slots=True)
class TimerFired:
    at: int
    frame: int


@dataclass(frozen=True, slots=True)
class SignalReceived:
    at: int
    signal: str
    data: JSON
    id: str


@dataclass(frozen=True, slots=True)
class AskAnswered:
    at: int
    frame: int
    answer: JSON
    by: str | None


@dataclass(frozen=True, slots=True)
class CancelRequested:
    at: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class TerminateRequested:
    at: int
    reason: str | None


Event = (
    RunStarted
    | AttemptStarted
    | AttemptLost
    | ActivityCompleted
    | ActivityFailed
    | ActivityCancelled
    | TimerFired
    | SignalReceived
    | AskAnswered
    | CancelRequested
    | TerminateRequested
)
