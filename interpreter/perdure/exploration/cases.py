"""A finding as a test: the input, how calls end and what happens from outside, and what must come of it.

What is made are plain mappings as `perdure test` reads them. Knows nothing of files, and runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from perdure.definition.load import Catalogue
from perdure.exploration.exploring import Exploration
from perdure.exploration.findings import Finding
from perdure.exploration.layout import expressions
from perdure.exploration.paths import Error
from perdure.exploration.solving import Solver
from perdure.exploration.trails import Deed, Trail, deeds
from perdure.expressions import Reference
from perdure.program import Program, matches
from perdure.program.nodes import Activity, Ask, Cache, Child, Node, Parallel, Receive, Select, Send, Wait
from perdure.values import JSON

Make = Callable[[JSON], JSON]
"""Gives the plainest value that fits a schema; ValueError where it cannot."""
Written = dict[str, Any]

INVENTED: Final = ("test.Failed", "unforeseen.Error", "Surprise")
"""Types of errors that no activity declares; the first that fits is raised."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A finding that a case is to show. `obstacle` says what no values were found for (`make … hold`): where a run of
    the case goes another way, that is why, and the finding stands."""

    finding: Finding
    obstacle: str | None


def write_tests(
    exploration: Exploration, definition: str, catalogue: Catalogue, make: Make
) -> tuple[Written, list[Attempt]]:
    """A file of tests, a case for each finding that has a path, and what each attempts, in the order of the cases."""
    writer = _Writer(exploration.program, catalogue, make)
    cases: list[Written] = []
    attempts: list[Attempt] = []
    for finding in exploration.findings:
        if finding.path is not None and finding.code != "WF419":
            case, obstacle = writer.case(finding)
            cases.append(case)
            attempts.append(Attempt(finding, obstacle))
    document: Written = {"test": definition}
    mocks = writer.usual()
    if mocks:
        document["mocks"] = mocks
    return {**document, "cases": cases}, attempts


class _Writer:
    def __init__(self, program: Program, catalogue: Catalogue, make: Make) -> None:
        self.program = program
        self.catalogue = catalogue
        self.make = make
        self.reads: dict[str, list[tuple[str | int, ...]]] = {}
        for node in program.nodes.values():
            for expression in expressions(node):
                for reference in expression.references:
                    self._note(reference)

    def _note(self, reference: Reference) -> None:
        path = reference.path
        if reference.root == "steps" and path:
            self.reads.setdefault(f"steps.{path[0]}", []).append(path[1:])
        else:
            self.reads.setdefault(reference.root, []).append(path)

    def usual(self) -> list[Written]:
        """A mock for every activity and child, for calls that a path says nothing about."""
        found: dict[str, Written] = {}
        for node in self.program.nodes.values():
            if isinstance(node, Activity) and node.name not in ("noop", "log"):
                found.setdefault(node.name, {"activity": node.name, "return": self.result(node)})
            elif isinstance(node, Child):
                found.setdefault(node.workflow, {"workflow": node.workflow, "return": self.result(node)})
        return list(found.values())

    def case(self, finding: Finding) -> tuple[Written, str | None]:
        """The case of a finding, and what it could not bring about, in words."""
        assert finding.path is not None
        trail = finding.path.trail
        solver = Solver(self._origins())
        solver.solve(list(trail or ()))
        obstacle = solver.obstacle(list(trail or ()))
        case: Written = {"name": f"{finding.code}: {finding.message}", "input": solver.value("input")}
        mocks = self._mocks(trail, finding.path.end, solver)
        if finding.code == "WF418" and any(isinstance(node, Parallel) for node in self.program.nodes.values()):
            mocks = [{**mock, "after": "1ms"} if "raise" in mock else mock for mock in mocks]
        script = self._script(trail, solver)
        if mocks:
            case["mocks"] = mocks
        if script:
            case["script"] = script
        return {**case, "expect": self._expected(finding)}, None if obstacle is None else obstacle.demand

    # -- values

    def _origins(self) -> Mapping[str, Callable[[], JSON]]:
        found: dict[str, Callable[[], JSON]] = {"input": self.input}
        for address, node in self.program.nodes.items():
            cell = f"@{address}"
            if isinstance(node, Activity | Child | Cache):
                found[cell] = partial(self.result, node)
            elif isinstance(node, Wait | Select):
                found |= {f"{cell}:{trigger.name}": partial(self.data, node) for trigger in node.triggers}
            elif isinstance(node, Receive):
                found |= {f"{cell}:{one.name}": partial(self.message, one.schema) for one in node.handlers}
            elif isinstance(node, Ask):
                found[f"{cell}.answer"] = partial(self.answer, node)
        return found

    def input(self) -> JSON:
        schema = self.program.input_schema
        made = self._made(schema) if isinstance(schema, dict) else {}
        if not isinstance(schema, dict) or "properties" not in schema:
            made = _with_paths(made, self.reads.get("input", []))
        return made if isinstance(made, dict) else {}

    def result(self, node: Node) -> JSON:
        entry = self.catalogue.get(node.name) if isinstance(node, Activity) else None
        schema = (entry or {}).get("result")
        if schema:
            return self._made(schema)
        id = self.program.ids.get(node.step)
        return _with_paths(None, self.reads.get(f"steps.{id}", []))

    def data(self, node: Node) -> JSON:
        id = self.program.ids.get(node.step)
        paths = [path[1:] if path[:1] == ("data",) else path for path in self.reads.get(f"steps.{id}", [])]
        return _with_paths(None, [*paths, *self.reads.get("message", [])])

    def message(self, schema: JSON) -> JSON:
        return self._made(schema) if schema else _with_paths(None, self.reads.get("message", []))

    def answer(self, node: Ask) -> JSON:
        choices = None if node.choices is None else node.choices.written
        return choices[0] if isinstance(choices, list) and choices else "yes"

    def _made(self, schema: JSON) -> JSON:
        try:
            return self.make(schema)
        except ValueError:
            return None

    # -- calls and messages

    def _mocks(self, trail: Trail | None, end: object, solver: Solver) -> list[Written]:
        """How each step on the path ends, in a sequence where it ends in several ways."""
        types = {deed.step: deed.payload for deed in deeds(trail) if deed.kind == "typed"}
        if isinstance(end, Error):
            types[end.step] = {
                "named": sorted(end.named), "open": end.open, "wanted": end.wanted, "excluded": end.excluded,
            }  # fmt: skip
        endings: dict[str, list[Written]] = {}
        kinds = {node.step: node for node in self.program.nodes.values() if isinstance(node, Activity | Child | Send)}
        for deed in deeds(trail):
            node = kinds.get(deed.step)
            if isinstance(node, Activity | Child) and deed.kind in ("completed", "failed", "hung"):
                endings.setdefault(deed.step, []).append(self._ending(deed, node, types, solver))
            elif isinstance(node, Send) and deed.kind == "unsent":
                endings.setdefault(f"send {node.signal}", []).append({"raise": str(deed.payload)})
        made = []
        for step, ends in endings.items():
            subject = {"send": step[5:]} if step.startswith("send ") else {"step": self.program.label(step)}
            plain = all(end == ends[0] for end in ends)
            made.append({**subject, **(ends[0] if plain else {"sequence": ends})})
        return [mock for mock in made if "[" not in str(mock.get("step", ""))]

    def _ending(self, deed: Deed, node: Node, types: Mapping[str, Any], solver: Solver) -> Written:
        if deed.kind == "hung":
            beats = isinstance(node, Activity) and node.heartbeat is not None
            return {"hang": True, "silent": False} if beats else {"hang": True}
        if deed.kind == "completed":
            return {"return": solver.value(f"@{node.address}")}
        type = INVENTED[0] if isinstance(node, Child) else _type(types.get(deed.step), self._declared(node))
        return {"raise": {"type": type, "retryable": False}}

    def _declared(self, node: Node) -> tuple[str, ...]:
        entry = self.catalogue.get(node.name) if isinstance(node, Activity) else None
        return tuple((entry or {}).get("errors") or ())

    def _script(self, trail: Trail | None, solver: Solver) -> list[Written]:
        script: list[Written] = []
        for deed in deeds(trail):
            label = self.program.label(deed.step)
            when = {"step": label, "is": "waiting"}
            if deed.kind == "message":
                data = solver.value(deed.payload["cell"])
                entry: Written = {deed.payload["kind"]: deed.payload["name"], "when": when}
                script.append(entry if data is None else {**entry, "with": data})
            elif deed.kind == "answer":
                script.append({"answer": label, "with": solver.value(deed.payload["cell"]), "when": when})
        return script

    def _expected(self, finding: Finding) -> Written:
        label = self.program.label(finding.step)
        assert finding.path is not None
        match finding.code:
            case "WF415" if "undo" in finding.path.stack:
                return {"status": "failed", "not_undone": [{"error": {"type": "CompensationFailed"}}]}
            case "WF415":
                named = finding.step in self.program.ids and finding.step not in self.program.shared
                where = {"step": label} if named else {}
                return {"status": "failed", "error": {"type": "ExpressionFailed", **where}}
            case "WF416":
                return {"status": "running", "steps": {label: {"status": "waiting"}}}
            case "WF417":
                return {"status": "failed", "steps": {label: {"status": "failed"}}}
        kept = {"type": "array", "not": {"contains": {"const": label}}}
        return {"status": "failed", "steps": {label: {"status": "completed"}}, "undone": {"schema": kept}}


def _type(typing: Any, declared: tuple[str, ...]) -> str:
    """The type of error to raise: one that a catch on the path names, a declared one, else an invented one."""
    if not typing or not typing["open"]:
        return typing["named"][0] if typing and typing["named"] else INVENTED[0]
    wanted, excluded = typing["wanted"], typing["excluded"]
    patterns = [pattern for group in wanted for pattern in group]
    candidates = [
        *(pattern for pattern in patterns if "*" not in pattern),
        *declared,
        *(pattern.replace("*", "Any") for pattern in patterns),
        *INVENTED,
    ]
    fitting = [
        name for name in candidates if all(matches(group, name) for group in wanted) and not matches(excluded, name)
    ]
    return fitting[0] if fitting else INVENTED[0]


def _with_paths(value: JSON, paths: list[tuple[str | int, ...]]) -> JSON:
    """A value that has something under each of these paths."""
    for path in paths:
        if path and isinstance(path[0], str):
            value = value if isinstance(value, dict) else {}
            holder = value
            for key in path[:-1]:
                holder = holder.setdefault(str(key), {}) if isinstance(holder.get(str(key)), dict | type(None)) else {}
            holder.setdefault(str(path[-1]), 1)
    return value
