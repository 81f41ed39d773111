"""A name that an expression reads, looked up where it stands: roots, steps and variables.

Says what is wrong with it at the very token. Which step may have run before which is `order`'s business, what can be
read of a value that of `typing`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from perdure.definition.checks.findings import Findings, suggested
from perdure.definition.checks.order import why_not_yet
from perdure.definition.checks.spaces import Names, Placed, Space
from perdure.definition.checks.tokens import span
from perdure.definition.checks.unused import Reads
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path
from perdure.definition.rules import Severity
from perdure.expressions import FUNCTIONS, Expression, Reference, altered
from perdure.record import record
from perdure.vault import NAME

ROOTS: Final = ("input", "steps", "vars", "run")
OUTSIDE: Final[Mapping[str, tuple[str, ...]]] = {"query": ("run",), "schedule": ()}
"""What expressions can read that are evaluated outside of a run, by slot."""

MOST_BEARERS: Final = 10
"""Steps of one id that are looked at; a second one is an error of its own."""

_WITH_DASHES: Final = re.compile(r"[\w-]{1,100}")
_BOUND: Final = {
    "item": "inside a foreach",
    "index": "inside a foreach or repeat",
    "error": "inside a catch",
    "message": "inside the arms of a select, the handlers of a receive and schedules of events",
    "schedule": "in the input and the match of a schedule",
    "state": "inside a receive, and in queries",
}
"""Where the names that scopes bind are readable."""
_HANDED_ON: Final = "give it to an activity, a child or a fragment by `with`"


@record
class Reading:
    """Where an expression stands: its step and slot, the names bound there, and its text at `path`.

    The expression begins at `start` of the text. `elsewhere` is the file of a text that stands outside its step's.
    """

    placed: Placed
    slot: str
    names: Names
    path: Path
    text: str
    start: int
    elsewhere: str | None = None

    @property
    def file(self) -> str:
        return self.elsewhere or self.placed.space.file


class Lookup:
    """Looks names up in one definition. `variables` are all that are ever set; `reads` is what was looked up."""

    def __init__(self, variables: Collection[str], findings: Findings) -> None:
        self.variables = variables
        self.findings = findings
        self.reads = Reads()
        self._spellings: dict[int, Mapping[str, str]] = {}

    def check(self, references: Sequence[Reference], reading: Reading) -> None:
        """Every reference of one expression."""
        self.reads.note(reading.placed.space, references)
        dashed = -1
        for reference in references:
            if (reference.offset or 0) < dashed:
                continue
            match reference.root:
                case root if root not in roots(reading):
                    self._unknown_root(reference, reading)
                case "secrets":
                    self._secret(reference, reading)
                case root if root in reading.names:
                    continue
                case "vars":
                    self._variable(reference, reading)
                case "steps":
                    dashed = max(dashed, self._step(reference, reading))

    def _unknown_root(self, reference: Reference, reading: Reading) -> None:
        root = reference.root
        if root == "secrets":
            self._report("WF315", "secrets are readable only inside `with`", reference, reading, _HANDED_ON)
            return
        hint = self._meant(root, reading)
        if hint is None:
            hint = f"known here: {', '.join(roots(reading))}"
        self._report("WF304", f"there is no name {quoted(root)} here", reference, reading, hint)

    def check_handed_on(self, expression: Expression, reading: Reading) -> None:
        """Secrets are handed on as they are: what runs holds of them is a marker, which has no text to work with."""
        if "secrets" in reading.names and any(reference.root == "secrets" for reference in expression.references):
            for offset in altered(expression.text, "secrets"):
                stretch = span(reading.text, reading.start + offset, "secrets", ())
                message = "a secret can be handed on or made part of a text, nothing else"
                self.findings.add_inside(
                    "WF316", message, reading.file, reading.path, stretch, "change it in the activity, which has it"
                )

    def _secret(self, reference: Reference, reading: Reading) -> None:
        if len(reference.path) == 1 and isinstance(name := reference.path[0], str) and NAME.fullmatch(name):
            return
        message = "a secret is read by its name"
        self._report("WF316", message, reference, reading, "write secrets.NAME")

    def _meant(self, root: str, reading: Reading) -> str | None:
        """What an unknown name may stand for: a scope's name elsewhere, a function, or a word without its root."""
        if root in _BOUND:
            name = _item_name(reading.placed) if root == "item" else None
            return f"it is there {_BOUND[root]}" if name is None else f"here it is called {quoted(name)}"
        if root in FUNCTIONS:
            return f"write {root}()"
        spellings = {} if reading.slot in OUTSIDE else self._spelled(reading.placed.space)
        if root in spellings:
            return suggested(spellings[root])
        near = self.findings.nearest(root, roots(reading)) or self.findings.nearest(root, spellings)
        return None if near is None else suggested(spellings.get(near, near))

    def _spelled(self, space: Space) -> Mapping[str, str]:
        """The words that a space knows behind a root, with the way to write them."""
        found = self._spellings.get(id(space))
        if found is None:
            fields = (space.keys.get("input") or {}).get("properties") or {}
            found = self._spellings[id(space)] = {
                **{id: f"steps.{id}" for id in space.ids},
                **{name: f"vars.{name}" for name in self.variables},
                **{name: f"input.{name}" for name in fields},
            }
        return found

    def _variable(self, reference: Reference, reading: Reading) -> None:
        if not reference.path:
            return
        if reading.path[0] == "vars":
            self._report("WF303", "no variable has a value yet here", reference, reading, keys=1)
            return
        if reference.path[0] in self.variables:
            return
        name = str(reference.path[0])
        severity: Severity | None = "warning" if reference.guarded else None
        hint = self.findings.suggestion(name, self.variables)
        message = f"nothing sets the variable {quoted(name)}"
        self._report("WF303", message, reference, reading, hint, keys=1, severity=severity)

    def _step(self, reference: Reference, reading: Reading) -> int:
        """Look a step up; the offset up to which `steps.a-b` was read as a subtraction, or -1."""
        if not reference.path:
            return -1
        id, ids = reference.path[0], reading.placed.space.ids
        if not isinstance(id, str):
            self._report("WF301", "steps are read by id, not by number", reference, reading, keys=1)
        elif id not in ids:
            return self._unknown_step(id, reference, reading)
        else:
            reasons = [why_not_yet(reading.placed, reading.slot, target) for target in ids[id][:MOST_BEARERS]]
            if None not in reasons:
                message = f"step {quoted(id)} {reasons[0]}"
                self._report("WF302", message, reference, reading, keys=1)
        return -1

    def _unknown_step(self, id: str, reference: Reference, reading: Reading) -> int:
        ids = reading.placed.space.ids
        first, end = span(reading.text, reading.start + (reference.offset or 0), "steps", reference.path[:1])
        dashed = _dashed(reading.text, first, ids)
        if dashed is not None:
            end = first + len(dashed)
            message = f"{id}-… is a subtraction here"
            hint: str | None = f'write steps["{dashed}"]'
        else:
            message = f"there is no step {quoted(id)}"
            hint = self.findings.suggestion(id, ids.keys()) or _around(reading)
        self.findings.add_inside("WF301", message, reading.file, reading.path, (first, end), hint)
        return -1 if dashed is None else end - reading.start

    def _report(
        self,
        code: str,
        message: str,
        reference: Reference,
        reading: Reading,
        hint: str | None = None,
        *,
        keys: int = 0,
        severity: Severity | None = None,
    ) -> None:
        start = reading.start + (reference.offset or 0)
        stretch = span(reading.text, start, reference.root, reference.path[:keys])
        self.findings.add_inside(code, message, reading.file, reading.path, stretch, hint, severity=severity)


def roots(reading: Reading) -> tuple[str, ...]:
    """The first names that an expression can read."""
    return (*OUTSIDE.get(reading.slot, ROOTS), *reading.names)


def _dashed(text: str, start: int, ids: Collection[str]) -> str | None:
    """The id that stands in a text with dashes in it, which an expression reads as minus signs."""
    found = _WITH_DASHES.match(text, start)
    word = "" if found is None else found[0]
    while "-" in word:
        if word in ids:
            return word
        word = word.rpartition("-")[0]
    return None


def _item_name(placed: Placed) -> str | None:
    """The name that the innermost foreach around a step gives its items."""
    above: Placed | None = placed
    while above is not None and above.parent is not None and above.within is not None:
        if above.within.role == "turn" and "foreach" in above.parent.step.keys:
            return above.parent.step.keys.get("as")
        above = above.parent
    return None


def _around(reading: Reading) -> str | None:
    """What an author inside a fragment may not expect."""
    name = reading.placed.space.name
    return None if name is None else "a fragment sees its own steps only; give it values by `with`"
