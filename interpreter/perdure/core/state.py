"""The state of one run: the table of its live frames, the scopes they read, and what must outlive them.

Everything here is JSON or made of it (see `wire`); what is finished leaves no trace but its result, and that only
where an expression still reads it. Knows no step kinds: a frame's own fields stand with its block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from perdure.values import JSON
from perdure.vault import Vault, vault_key

if TYPE_CHECKING:
    from perdure.core.frame import Frame

FORMAT: Final = 1
"""Grows when an old state or history would fold differently."""

ROOT_SCOPE: Final = 1


class Steps(Mapping[str, JSON]):
    """Results of steps by id: the own turn's first, then those around it. What never ran reads as null."""

    __slots__ = ("around", "own")

    def __init__(self, own: dict[str, JSON], around: Steps | None) -> None:
        self.own = own
        self.around = around

    def __getitem__(self, name: str) -> JSON:
        steps: Steps | None = self
        while steps is not None:
            if name in steps.own:
                return steps.own[name]
            steps = steps.around
        return None

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: Any = None) -> JSON:
        return self[name]

    def __iter__(self) -> Iterator[str]:
        seen: dict[str, None] = {}
        steps: Steps | None = self
        while steps is not None:
            seen.update(dict.fromkeys(steps.own))
            steps = steps.around
        return iter(seen)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Changing(dict[str, JSON]):
    """A mapping that changes while the run goes on: what an expression makes of it whole is a copy of its own."""

    __slots__ = ()


@dataclass(slots=True)
class Scope:
    """Names that expressions see. With `steps` None it shares the results of the scope around it.

    `marks` holds, by step id, the value of the run's counter when a rollback target completed, and the
    innermost group lane or turn it completed in.
    """

    id: int
    parent: int
    bindings: dict[str, JSON]
    steps: dict[str, JSON] | None
    marks: dict[str, list[int]] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


def update_key(update: str) -> str:
    """The key under which frames wait for an update; no signal's name has a control character."""
    return f"\x01{update}"


def event_key(event: str) -> str:
    """The key under which frames wait for an event."""
    return f"\x02{event}"


@dataclass(slots=True)
class Undo:
    """A registered compensation. `within` are the frames around the step, by which a part of a run is undone; `turns`
    the loop turns it stood in, innermost first."""

    order: int
    body: str
    label: str
    turns: list[tuple[str, int]]
    within: list[int]
    captured: dict[str, JSON]


@dataclass(slots=True)
class Signal:
    """A signal that nothing has taken yet."""

    signal: str
    data: JSON
    at: int
    id: str


@dataclass(slots=True)
class State:
    """One run. `published` is what queries see; `children` are runs that this one must see off when it ends: {run,
    closing}; `holds` are slots held around the whole run, [run id, frame] each: its own, and those of runs that wait
    for it; `held` are frames that will enter once the run is paused no more. `counter` names frames, scopes and undos;
    `draws` counts random numbers; `ending` is set once the whole run unwinds: {"way": "cancel", "reason"} or {"way":
    "fail", "error"}; `begins` is when a run that was not to begin at once does; `vault` is the key of markers of
    secrets where another run has handed it on."""

    digest: str
    run: dict[str, JSON]
    input: JSON
    seed: str
    started_at: int
    now: int
    status: str = "running"
    counter: int = ROOT_SCOPE
    draws: int = 0
    vars: dict[str, JSON] = field(default_factory=dict)
    frames: dict[int, Frame] = field(default_factory=dict)
    scopes: dict[int, Scope] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)
    undos: list[Undo] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    not_undone: list[JSON] = field(default_factory=list)
    recorded: list[JSON] = field(default_factory=list)
    published: JSON = None
    children: list[JSON] = field(default_factory=list)
    depth: int = 0
    generation: int = 0
    holds: list[JSON] = field(default_factory=list)
    begins: int | None = None
    first_input: str | None = None
    held: list[int] = field(default_factory=list)
    ending: dict[str, JSON] | None = None
    outcome: dict[str, JSON] | None = None
    vault: str | None = None
    waiting: dict[str, list[int]] = field(default_factory=dict, compare=False)
    """Signal, update or event (by its key) → frames that wait for it, oldest first."""

    secrets: Vault = field(init=False, compare=False, repr=False)
    name: str = field(init=False, compare=False, repr=False)
    """The run's part in every id it makes: its id, and which restart of it this is."""

    def __post_init__(self) -> None:
        self.name = f"{self.run['id']}~{self.generation}" if self.generation else self.run["id"]
        self.secrets = Vault(self.vault or vault_key(self.seed))
        self.vars, self.run = Changing(self.vars), Changing(self.run)

    @property
    def root(self) -> int:
        """The id of the run's own frame; it is the first that was made."""
        return ROOT_SCOPE + 1

    def names(self, scope: int) -> dict[str, Any]:
        """What expressions in this scope can read; the mapping is live and shared, never to be changed."""
        return self.scopes[scope].names

    def add_scope(self, scope: Scope) -> None:
        self.scopes[scope.id] = scope
        self.connect(scope)

    def connect(self, scope: Scope) -> None:
        """Derive the scope's names from those around it."""
        around = self.scopes.get(scope.parent)
        if around is None:
            names = {"input": self.input, "run": self.run, "vars": self.vars, "secrets": self.secrets}
        else:
            names = dict(around.names)
        names.update(scope.bindings)
        if scope.steps is not None:
            names["steps"] = Steps(scope.steps, None if around is None else around.names["steps"])
        scope.names = names

    def rebind(self, scope: int, name: str, value: JSON) -> None:
        """Give a name of a scope another value, also for scopes inside it; whoever has read the old one keeps it."""
        self.scopes[scope].bindings[name] = value
        inside = {scope}
        for found in self.scopes.values():
            if found.id == scope or found.parent in inside:
                inside.add(found.id)
                self.connect(found)

    def home(self, scope: int) -> Scope:
        """The scope that keeps the results of steps run in this one."""
        found = self.scopes[scope]
        while found.steps is None:
            found = self.scopes[found.parent]
        return found

    def subscribe(self, signal: str, frame: int) -> None:
        self.waiting.setdefault(signal, []).append(frame)

    def unsubscribe(self, signal: str, frame: int) -> None:
        frames = self.waiting.get(signal)
        if frames and frame in frames:
            frames.remove(frame)
            if not frames:
                del self.waiting[signal]

    def turns(self, frame: Frame) -> list[tuple[str, int]]:
        """The loop turns a frame stands in, innermost first."""
        found: list[tuple[str, int]] = []
        current: Frame | None = frame
        while current is not None:
            if current.turn is not None:
                found.append(current.turn)
            if current.stood_in is not None:
                return [*found, *current.stood_in]
            current = self.frames.get(current.parent)
        return found
