"""One run of a case as expectations and the script look at it: the host, the trace, and the calls by step.

Answers questions only; nothing is compared here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from perdure.program.nodes import Address
from perdure.testing.activities import Call
from perdure.testing.declared.names import Names
from perdure.testing.declared.trace import Trace
from perdure.testing.harness import Harness
from perdure.values import JSON
from perdure.vault import revealed, secrets_in

BUSY: Final = frozenset(("activity", "workflow", "retry"))
"""What a live step does that is no waiting for the world outside."""


@dataclass(frozen=True, slots=True)
class Made:
    """One call as expectations name it: `kind` is activity or workflow."""

    kind: str
    name: str
    label: str
    arguments: JSON


class Observed:
    """`harness` is there from the start, its state once the run has begun."""

    def __init__(self, names: Names, trace: Trace) -> None:
        self.names = names
        self.trace = trace
        self.harness: Harness
        self.refusal: dict[str, JSON] | None = None
        """The error of a run that never began."""
        self._children: dict[str, str] = {}

    @property
    def status(self) -> str:
        return "refused" if self.refusal is not None else self.harness.status

    @property
    def outcome(self) -> dict[str, JSON]:
        return {"error": self.refusal} if self.refusal is not None else self.harness.outcome

    @property
    def elapsed(self) -> int:
        """Virtual microseconds until the run ended, or until nothing more could happen."""
        if self.refusal is not None:
            return 0
        ended = self.harness.state.now if self.harness.outcome else self.harness.now
        return ended - self.harness.started_at

    def child_label(self, call: Call) -> str:
        """The label of the step that started a child."""
        if call.key not in self._children:
            state = self.harness.state
            for asked in self.harness.open.children.values():
                frame = state.frames.get(asked.frame)
                if asked.id == call.key and frame is not None:
                    self._children[call.key] = self.harness.program.label(frame.node.step, state.turns(frame))
        return self._children.get(call.key, call.name)

    def calls(self) -> Iterator[Made]:
        """The calls of activities, then the children that were started."""
        for call in self.harness.calls:
            yield Made("activity", call.name, call.address, self.shown(call.arguments))
        for call in self.harness.neighbours.calls:
            yield Made("workflow", call.name, self.child_label(call), self.shown(call.arguments))

    def shown(self, value: JSON) -> JSON:
        """A value as tests see it: what stands for a secret reads `secrets.NAME`."""
        key = self.harness.state.secrets.key
        return revealed(value, key, {name: f"secrets.{name}" for name in secrets_in(value, key)})

    def step(self, name: str) -> dict[str, JSON]:
        """How a step came out, or how it stands; of several of this name the one that began last."""
        labels = self._labels(name)
        if not labels:
            return {"status": "skipped", "attempts": 0, "times": 0, "output": None, "error": None}
        label = max(labels, key=lambda one: self.trace.steps[one].latest)
        found = self.trace.steps[label]
        shown = self._shown(found.step, label)
        return {
            "status": self._standing(shown, found.status),
            "attempts": max(found.attempts, self._last_attempt(found.step, shown)),
            "times": sum(self.trace.steps[one].times for one in labels),
            "output": found.output,
            "error": found.error,
        }

    def came_to(self, name: str) -> bool:
        """Whether the run has come to a step, be it only to skip it."""
        return bool(self._labels(name))

    def _labels(self, name: str) -> list[str]:
        if "[" in name:
            return [name] if name in self.trace.steps else []
        return [label for step in self.names.addresses(name) for label in self.trace.labels.get(step, ())]

    def _last_attempt(self, step: Address, shown: str) -> int:
        """The number of the step's last call; a crash makes a second one without a retry."""
        if step not in self.names.activities:
            return 0
        return next((call.attempt for call in reversed(self.harness.calls) if call.address == shown), 0)

    def _standing(self, shown: str, status: str) -> str:
        """A step that runs may be waiting, or sleeping before another attempt."""
        if status != "running" or self.status not in ("running", "paused"):
            return status
        doing = self.harness.live().get(shown)
        if doing is None or doing in BUSY:
            return "retrying" if doing == "retry" else status
        return "waiting"

    def _shown(self, step: Address, label: str) -> str:
        program = self.harness.program
        return label if step in program.shared or step not in program.ids else program.ids[step]
