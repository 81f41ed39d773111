"""The id spaces of a definition: the document, and each fragment of its files, with their steps in place.

A fragment is read once here, as it is written, however often it is used; `use` stays a leaf that names its space.
Places each step among those around it and says which names the scopes around it bind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from perdure.definition.models import Document, Library, Origin, Path, Step, StepList, TooManySteps, read_document
from perdure.record import record
from perdure.values import JSON


@record
class Binding:
    """What a scope binds a name to: `what` it is, the step `by` which it is, and the schema that messages fit."""

    what: Literal["item", "index", "error", "message", "state", "published", "schedule", "secrets"]
    by: Placed | None = None
    schema: JSON = None


Names = Mapping[str, Binding]
"""Names that a scope binds, each with what it is bound to."""


class _Unexpanded(Library):
    """A library without fragments: a step that uses one stays a leaf."""

    def find(self, origin: Origin, name: str) -> None:
        return None


_UNEXPANDED: Final = _Unexpanded({}, {})


@dataclass(slots=True, eq=False)
class Placed:
    """A step in its space. `within` is the list of `parent` that holds it, at `index`; the root has neither.

    `names` are those bound around it; `closing` is the innermost role around it that must not end the run: finally,
    undo or handler.
    """

    step: Step
    space: Space
    parent: Placed | None
    within: StepList | None
    index: int
    depth: int
    names: Names
    closing: str | None
    children: list[tuple[StepList, list[Placed]]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The path of the step in its file."""
        return (*self.space.prefix, *self.step.path)

    @property
    def label(self) -> str:
        """How messages name the step: its id, else its kind."""
        return self.step.id or self.step.kind


@dataclass(slots=True, eq=False)
class Space:
    """One id space: `name` is the fragment's, None for the document; `prefix` is where its paths begin in `file`."""

    file: str
    name: str | None
    prefix: Path
    keys: Mapping[str, JSON]
    placed: list[Placed] = field(default_factory=list)
    ids: dict[str, list[Placed]] = field(default_factory=dict)
    uses: list[tuple[Placed, Space | None]] = field(default_factory=list)

    @property
    def root(self) -> Placed:
        """The document or the fragment as a step; all others follow it in `placed`, as they are written."""
        return self.placed[0]

    def steps(self) -> Iterator[Placed]:
        """All steps but the root."""
        steps = iter(self.placed)
        next(steps)
        return steps


@dataclass(slots=True)
class Spaces:
    """The document's space, then those of all fragments; `library` finds the one behind a `use`."""

    document: Document
    library: Library
    all: list[Space]
    fragments: dict[tuple[str, str], Space]
    _held: dict[int, frozenset[str]] = field(default_factory=dict)

    @property
    def main(self) -> Space:
        return self.all[0]

    def used_by(self, step: Placed) -> Space | None:
        """The fragment that a `use` puts in its place, if there is one."""
        found = self.library.find(_origin(self, step.space), step.step.keys["use"])
        return None if found is None else self.fragments.get((found[0].file, str(found[1][-1])))

    def held(self, space: Space) -> frozenset[str]:
        """The kinds of all steps of a space and the fragments it uses; and `compensate` if one has it."""
        known = self._held.get(id(space))
        if known is None:
            found: set[str] = set()
            for inner in self.behind(space):
                for placed in inner.steps():
                    found.add(placed.step.kind)
                    if "compensate" in placed.step.keys:
                        found.add("compensate")
            known = self._held[id(space)] = frozenset(found)
        return known

    def behind(self, space: Space) -> list[Space]:
        """A space and all fragments used in it, directly or by one another."""
        found, seen = [space], {id(space)}
        for inner in found:
            for _, used in inner.uses:
                if used is not None and id(used) not in seen:
                    seen.add(id(used))
                    found.append(used)
        return found


def read_spaces(document: Document, library: Library) -> Spaces:
    """Every space of a definition."""
    main = document_space(document)
    spaces = Spaces(document, library, [main], {})
    for file, keys in library.documents.items():
        fragments: Mapping[str, Any] = keys.get("fragments") or {}
        for name, fragment in fragments.items():
            space = _space(file, name, ("fragments", name), fragment)
            spaces.fragments[file, name] = space
            spaces.all.append(space)
    for space in spaces.all:
        space.uses = [(step, spaces.used_by(step)) for step in space.steps() if step.step.kind == "use"]
    return spaces


def document_space(document: Document) -> Space:
    """The space of a document alone, what it uses left aside."""
    return _space(document.origin.file, None, (), document.keys)


def names_in(placed: Placed, found: StepList) -> Names:
    """The names that the steps of one of a step's lists can read besides those of the space."""
    step, around = placed.step, placed.names
    match found.role:
        case "turn" if step.kind == "foreach":
            return {**around, step.keys.get("as", "item"): Binding("item", placed), "index": Binding("index")}
        case "turn":
            return {**around, "index": Binding("index")}
        case "catch":
            return names_in_arm(found.owner, around)
        case "arm":
            return {**around, "message": Binding("message")}
        case "handler":
            return names_in_handler(found.owner, names_in_receive(placed))
    return around


def names_in_arm(arm: Mapping[str, JSON], around: Names) -> Names:
    """The names that a catch arm and its `if` can read."""
    return {**around, "error": Binding("error"), arm.get("as", "error"): Binding("error")}


def names_in_receive(placed: Placed) -> Names:
    """The names that what a receive evaluates can read."""
    return {**placed.names, "state": Binding("state", placed)}


def names_in_handler(handler: Mapping[str, JSON], inside: Names) -> Names:
    """The names that a handler's steps and expressions can read, those inside its receive being known."""
    return {**inside, "message": Binding("message", None, handler.get("input"))}


def _space(file: str, name: str | None, prefix: Path, keys: Mapping[str, JSON]) -> Space:
    space = Space(file, name, prefix, keys)
    try:
        root = read_document(file, keys, _UNEXPANDED).root
    except TooManySteps:
        root = Step(Origin(file, keys), (), keys, "steps", "", shared=False)
    waiting = [Placed(root, space, None, None, 0, 0, {}, None)]
    while waiting:
        placed = waiting.pop()
        space.placed.append(placed)
        if placed.parent is not None and placed.step.id is not None:
            space.ids.setdefault(placed.step.id, []).append(placed)
        below: list[Placed] = []
        for found in placed.step.lists:
            names = names_in(placed, found)
            closing = found.role if found.role in ("finally", "undo", "handler") else placed.closing
            children = [
                Placed(step, space, placed, found, index, placed.depth + 1, names, closing)
                for index, step in enumerate(found.steps)
            ]
            placed.children.append((found, children))
            below.extend(children)
        waiting.extend(reversed(below))
    return space


def _origin(spaces: Spaces, space: Space) -> Origin:
    if space is spaces.main:
        return spaces.document.origin
    return Origin(space.file, spaces.library.documents[space.file])
