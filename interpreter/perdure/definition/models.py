"""The steps of a definition as a tree: what `checks` and `compiler` walk instead of raw mappings.

Made from a document whose shape has been checked. Gives every step its kind and its address, and every list of steps
its role; expressions stay texts. Fragments are put in place where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from perdure.values import JSON

Path = tuple[str | int, ...]

KINDS: Final = (
    "activity", "workflow", "steps", "branch", "parallel", "foreach", "repeat", "wait", "select", "ask", "receive",
    "set", "publish", "send", "emit", "cancel", "return", "fail", "restart", "rollback", "use",
)  # fmt: skip
LOOPS: Final = ("foreach", "repeat")
MOST_STEPS: Final = 50_000
"""Steps a definition may have once fragments are in place: above any real one, below what fills memory."""


class TooManySteps(Exception):
    """Fragments that use fragments have grown beyond `MOST_STEPS`."""


@dataclass(slots=True)
class Origin:
    """Where steps were written: the file's name in the bundle, and its fragments and imports."""

    file: str
    document: Mapping[str, JSON]


@dataclass(slots=True)
class StepList:
    """A list of steps inside a step. `role` is steps, when, case, else, branch, turn, arm, handler, catch, finally,
    undo or fragment; `key` tells lists of one role apart; `owner` is the mapping that holds it (conditions, `as`)."""

    role: str
    key: str
    path: Path
    owner: Mapping[str, JSON]
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class Step:
    """One step. `address` is unique in the program; `shared` when it may run more than once or its id is local."""

    origin: Origin
    path: Path
    keys: Mapping[str, JSON]
    kind: str
    address: str
    shared: bool
    lists: list[StepList] = field(default_factory=list)
    fragment: Mapping[str, JSON] | None = None

    @property
    def id(self) -> str | None:
        return self.keys.get("id")

    def of(self, *roles: str) -> Iterator[StepList]:
        """The step's lists that have one of these roles."""
        return (found for found in self.lists if found.role in roles)

    def walk(self) -> Iterator[Step]:
        """This step and all steps inside it, as written; fragments in place."""
        waiting = [self]
        while waiting:
            step = waiting.pop()
            yield step
            for found in reversed(step.lists):
                waiting.extend(reversed(found.steps))


@dataclass(slots=True)
class Document:
    """A whole definition: its own keys and its steps; `catches` and `closing` are its top-level catch and finally."""

    origin: Origin
    keys: Mapping[str, JSON]
    root: Step

    def walk(self) -> Iterator[Step]:
        steps = self.root.walk()
        next(steps)
        return steps


class Library:
    """Finds fragments: those of a document, and those of the files it imports by alias."""

    def __init__(self, documents: Mapping[str, Mapping[str, JSON]], imports: Mapping[tuple[str, str], str]) -> None:
        self.documents = documents
        self.imports = imports

    def find(self, origin: Origin, name: str) -> tuple[Origin, Path, Mapping[str, JSON]] | None:
        """Where a fragment is written, and its mapping; None where there is none of that name."""
        alias, dot, rest = name.partition(".")
        if dot:
            file = self.imports.get((origin.file, alias))
            document = None if file is None else self.documents.get(file)
            if file is None or document is None:
                return None
            return self.find(Origin(file, document), rest)
        fragment = (origin.document.get("fragments") or {}).get(name)
        return None if fragment is None else (origin, ("fragments", name), fragment)


def read_document(file: str, document: Mapping[str, JSON], library: Library) -> Document:
    """The tree of a shape-checked document. A `use` of an unknown or endless fragment gets no steps."""
    origin = Origin(file, document)
    root = Step(origin, (), document, "steps", "", shared=False)
    builder = _Builder(library)
    root.lists.append(builder.list_of(root, "steps", "", ("steps",), document, document["steps"], "", ()))
    builder.add_handling(root, "", ())
    return Document(origin, document, root)


class _Builder:
    def __init__(self, library: Library) -> None:
        self.library = library
        self.taken: dict[str, int] = {}
        self.count = 0

    def list_of(
        self,
        step: Step,
        role: str,
        key: str,
        path: Path,
        owner: Mapping[str, JSON],
        written: JSON,
        prefix: str,
        uses: tuple[str, ...],
        shared: bool = False,
        origin: Origin | None = None,
    ) -> StepList:
        found = StepList(role, key, path, owner)
        for index, keys in enumerate(written or ()):
            found.steps.append(
                self.step(origin or step.origin, (*path, index), keys, prefix, uses, shared or step.shared)
            )
        return found

    def step(
        self,
        origin: Origin,
        path: Path,
        keys: Mapping[str, JSON],
        prefix: str,
        uses: tuple[str, ...],
        shared: bool,
        name: str | None = None,
    ) -> Step:
        self.count += 1
        if self.count > MOST_STEPS:
            raise TooManySteps
        kind = next(kind for kind in KINDS if kind in keys and (kind != "steps" or not _is_loop(keys)))
        address = self.address(prefix, keys.get("id") or name or _derived(kind, keys))
        step = Step(origin, path, keys, kind, address, shared)
        inside = address if keys.get("id") or kind in (*LOOPS, "use") else prefix
        self.add_kind(step, inside, uses)
        self.add_handling(step, inside, uses)
        return step

    def address(self, prefix: str, name: str) -> str:
        """The name under a prefix; the second of that name gets `~2`, and so on."""
        address = f"{prefix}/{name}" if prefix else name
        number = self.taken[address] = self.taken.get(address, 0) + 1
        return address if number == 1 else f"{address}~{number}"

    def add_kind(self, step: Step, inside: str, uses: tuple[str, ...]) -> None:
        keys, path = step.keys, step.path
        match step.kind:
            case "steps":
                self.add(step, "steps", "", (*path, "steps"), keys, keys["steps"], inside, uses)
            case "foreach" | "repeat":
                self.add(step, "turn", "", (*path, "steps"), keys, keys.get("steps"), inside, uses, shared=True)
            case "branch":
                self.add_branch(step, inside, uses)
            case "parallel":
                for name, lane in keys["parallel"]["branches"].items():
                    at = (*path, "parallel", "branches", name)
                    steps, at = (lane, at) if isinstance(lane, list) else (lane["steps"], (*at, "steps"))
                    owner = {} if isinstance(lane, list) else lane
                    self.add(step, "branch", name, at, owner, steps, f"{inside}/{name}" if inside else name, uses)
            case "select":
                arms, at = _select_arms(step)
                for index, arm in enumerate(arms):
                    self.add(step, "arm", str(index), (*at, index, "steps"), arm, arm.get("steps"), inside, uses)
            case "receive":
                for index, handler in enumerate(keys["receive"]["on"]):
                    at = (*path, "receive", "on", index, "steps")
                    name = handler.get("update") or handler["signal"]
                    under, steps = f"{inside}/{name}" if inside else name, handler.get("steps")
                    self.add(step, "handler", str(index), at, handler, steps, under, uses, shared=True)
            case "use":
                self.add_fragment(step, inside, uses)

    def add_branch(self, step: Step, inside: str, uses: tuple[str, ...]) -> None:
        branch, path = step.keys["branch"], (*step.path, "branch")
        if isinstance(branch, list):
            for index, arm in enumerate(branch):
                if "when" in arm:
                    at, steps, role = (*path, index, "steps"), arm.get("steps"), "when"
                elif isinstance(arm["else"], list):
                    at, steps, role = (*path, index, "else"), arm["else"], "else"
                else:
                    at, steps, role = (*path, index, "steps"), arm.get("steps"), "else"
                self.add(step, role, str(index), at, arm, steps, inside, uses)
            return
        for key, arm in branch["cases"].items():
            self.add_arm(step, "case", key, (*path, "cases", key), arm, inside, uses)
        if "else" in branch:
            self.add_arm(step, "else", "", (*path, "else"), branch["else"], inside, uses)

    def add_arm(
        self, step: Step, role: str, key: str, path: Path, arm: JSON, inside: str, uses: tuple[str, ...]
    ) -> None:
        if isinstance(arm, dict):
            self.add(step, role, key, (*path, "steps"), arm, arm.get("steps"), inside, uses)
        else:
            self.add(step, role, key, path, {}, arm, inside, uses)

    def add_fragment(self, step: Step, inside: str, uses: tuple[str, ...]) -> None:
        found = self.library.find(step.origin, step.keys["use"])
        if found is None:
            return
        origin, path, fragment = found
        name = f"{origin.file}:{path[-1]}"
        if name in uses:
            return
        step.fragment = fragment
        at = (*path, "steps")
        written = fragment.get("steps")
        step.lists.append(
            self.list_of(step, "fragment", "", at, fragment, written, inside, (*uses, name), True, origin)
        )

    def add_handling(self, step: Step, inside: str, uses: tuple[str, ...]) -> None:
        keys, path = step.keys, step.path
        for index, arm in enumerate(keys.get("catch") or ()):
            self.add(step, "catch", str(index), (*path, "catch", index, "steps"), arm, arm.get("steps"), inside, uses)
        self.add(step, "finally", "", (*path, "finally"), keys, keys.get("finally"), inside, uses)
        undo = keys.get("compensate")
        if undo is not None:
            found = StepList("undo", "", (*path, "compensate"), keys)
            found.steps.append(self.step(step.origin, found.path, undo, step.address, uses, True, "compensate"))
            step.lists.append(found)

    def add(
        self,
        step: Step,
        role: str,
        key: str,
        path: Path,
        owner: Mapping[str, JSON],
        written: JSON,
        prefix: str,
        uses: tuple[str, ...],
        shared: bool = False,
    ) -> None:
        if written is not None:
            step.lists.append(self.list_of(step, role, key, path, owner, written, prefix, uses, shared))


def _is_loop(keys: Mapping[str, JSON]) -> bool:
    return any(loop in keys for loop in LOOPS)


def _derived(kind: str, keys: Mapping[str, JSON]) -> str:
    """The name of a step without an id: its activity, workflow or fragment, else its kind."""
    return str(keys[kind]) if kind in ("activity", "workflow", "use") else kind


def _select_arms(step: Step) -> tuple[list[Mapping[str, JSON]], Path]:
    select = step.keys["select"]
    if isinstance(select, list):
        return select, (*step.path, "select")
    return select["arms"], (*step.path, "select", "arms")
