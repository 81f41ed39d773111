"""The nodes of a program: one frozen class per step kind and per modifier that needs a place of its own.

A node names other nodes by address only, so a program is a flat table. Nodes hold compiled templates and
literal facts; they do not know how they run (see `perdure.core.blocks`) nor how they were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perdure.expressions import Expression, Template
from perdure.program.queues import QUEUE_NAME as QUEUE_NAME
from perdure.values import JSON

Address = str
"""The name of a node: ids joined by `/`, then `#part` for the parts of one step (`book/flight#retry`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`step` is the address of the step this node is part of; `result` the id its result is kept under."""

    address: Address
    step: Address
    result: str | None = None


# -- kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Node):
    """The root: runs `child`, then undoes what a failure or a cancellation leaves behind."""

    child: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(Node):
    """A list of steps run in order; `order` gives the place of each child."""

    children: tuple[Address, ...]
    order: Mapping[Address, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Node):
    """A call of a registered activity. `queue` and `priority` say which workers make it, and when among others;
    `queue_timeout` and `heartbeat` are durations that the host keeps."""

    name: str
    arguments: Template
    queue: Template | None = None
    priority: Template | None = None
    queue_timeout: Template | None = None
    heartbeat: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm of a branch: a condition, or a case key; neither means else."""

    body: Address
    when: Expression | None = None
    case: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Node):
    """The first arm that holds; with `on`, the arm whose case equals its value."""

    arms: tuple[Arm, ...]
    on: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """When a group is done and what becomes of the rest; templates are evaluated once, on entry."""

    join: Template | None = None
    finish: bool = False
    collect: bool = False
    tolerate: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One branch of a parallel step; `keeps` when steps inside it are read by name."""

    body: Address
    when: Expression | None = None
    keeps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(Node):
    lanes: Mapping[str, Lane]
    joining: Joining


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreach(Node):
    items: Expression
    name: str
    concurrency: Template | None
    body: Address
    joining: Joining


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Node):
    body: Address
    before: Expression | None = None
    after: Expression | None = None
    most: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What is waited for: a signal, an event that `match` holds for, a span of time (`after`) or a moment (`until`)."""

    name: str
    signal: str | None = None
    event: str | None = None
    match: Expression | None = None
    after: Template | None = None
    until: Template | None = None
    zone: Template | None = None
    transient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a waiting step waits, and what it gives then; without `default` it raises Timeout."""

    timeout: Template | None = None
    default: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Node):
    """`gather` is one, any or all; it decides the shape of the result."""

    gather: str
    triggers: tuple[Trigger, ...]
    patience: Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Node):
    """Each trigger's `name` is a key of `arms`."""

    triggers: tuple[Trigger, ...]
    arms: Mapping[str, Address]
    patience: Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Node):
    prompt: Template
    form: Template | None
    choices: Template | None
    of: Template | None
    reminders: Template | None
    patience: Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Set(Node):
    values: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Node):
    value: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Node):
    error: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback(Node):
    """Undo now what was registered since the step `to` completed; all of it without `to`."""

    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Node):
    """A fragment in place: its steps in a scope of their own, where `input` is what `arguments` give."""

    arguments: Template
    schema: JSON
    body: Address
    output: Template | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHandler:
    """What a receive does with one signal or update; `body` are its steps, which stand under the address `place`;
    `values` is what it sets in the state."""

    name: str
    update: bool
    schema: JSON = None
    accept: Expression | None = None
    body: Address | None = None
    place: Address = ""
    values: Template | None = None
    reply: Template | None = None
    stop: bool = False
    concurrent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive(Node):
    state: Template
    handlers: tuple[MessageHandler, ...]
    until: Expression | None
    patience: Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Node):
    value: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Node):
    to: Template
    signal: str
    data: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit(Node):
    event: str
    data: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRun(Node):
    run: Template
    reason: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Node):
    """The run ends as continued, and goes on under its id as a new one with this input and an empty history."""

    input: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Child(Node):
    """A run of another definition. `closing` says what becomes of it when this run ends first."""

    workflow: str
    input: Template
    id: Template | None = None
    detach: bool = False
    closing: str = "cancel"


# -- modifiers, from the outside in


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard(Node):
    condition: Expression
    child: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache(Node):
    """The result of an earlier time, wherever the same step of the same workflow came to one under the same key."""

    child: Address
    key: Template
    ttl: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock(Node):
    """Runs its child while it holds one of the `limit` slots of a key, which begins with `prefix`. `conflict` says what
    a full key means; `whole` when it is the run itself that holds the slot, until it has ended."""

    child: Address
    key: Template
    limit: Template | None = None
    prefix: str = "lock:"
    conflict: str = "queue"
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued(Node):
    """The queue and the priority of the activities inside that name none of their own."""

    child: Address
    queue: Template | None = None
    priority: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finally(Node):
    child: Address
    body: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """One arm of a catch; `errors` are type names or globs."""

    body: Address
    errors: tuple[str, ...] = ("*",)
    when: Expression | None = None
    name: str | None = None
    compensate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch(Node):
    child: Address
    handlers: tuple[Handler, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline(Node):
    """Raises Timeout and cancels what is inside; `of` says what is limited: total or attempt."""

    child: Address
    limit: Template
    of: str = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Node):
    """`inner` are the ids inside, forgotten before another attempt; `block` when it wraps more than one activity,
    `whole` when it wraps the run."""

    child: Address
    block: bool
    whole: bool = False
    inner: tuple[str, ...] = ()
    attempts: Template | None = None
    backoff: Template | None = None
    delay: Template | None = None
    factor: Template | None = None
    max_delay: Template | None = None
    jitter: Template | None = None
    within: Template | None = None
    on: tuple[str, ...] = ("*",)
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Captures:
    """The names an undo reads, kept from the moment its step completes."""

    steps: tuple[str, ...] = ()
    vars: bool = False
    bindings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Node):
    """What follows directly on a step's completion: its `output`, then registering its undo."""

    child: Address
    own: str | None = None
    output: Template | None = None
    undo: Address | None = None
    captures: Captures = field(default_factory=Captures)
