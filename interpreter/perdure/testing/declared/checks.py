"""Names and results in a file of tests, held against the definition and the activities' schemas.

Takes a document whose shape holds. All problems are told, each at its place, with what was probably meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from perdure.definition.checks.findings import MOST_COMPARISONS
from perdure.definition.diagnostics import Diagnostic, did_you_mean, quoted
from perdure.definition.load import Catalogue
from perdure.definition.marks import Path
from perdure.definition.source import Source
from perdure.program import Program
from perdure.schemas import check_value
from perdure.testing.declared.names import Names
from perdure.values import JSON

_TAKEN = {"signal": "unread", "event": "unread", "update": "replies"}


def check_names(source: Source, program: Program, catalogue: Catalogue | None) -> list[Diagnostic]:
    """What a test names and the definition does not have, and what mocks return that no activity would."""
    return list(_Check(source, Names(program), catalogue or {}).document(source.value))


class _Check:
    def __init__(self, source: Source, names: Names, catalogue: Catalogue) -> None:
        self.source = source
        self.names = names
        self.catalogue = catalogue
        self.comparisons = MOST_COMPARISONS

    def document(self, written: Mapping[str, JSON]) -> Iterator[Diagnostic]:
        yield from self.mocks(written.get("mocks") or (), ("mocks",))
        first: dict[str, int] = {}
        for index, case in enumerate(written["cases"]):
            path: tuple[str | int, ...] = ("cases", index)
            name = case["name"]
            if name in first:
                message = f"two cases are called {quoted(name)}"
                yield self.source.report("WF219", message, (*path, "name"))
            first.setdefault(name, index)
            yield from self.mocks(case.get("mocks") or (), (*path, "mocks"))
            expect = case.get("expect") or {}
            for number, entry in enumerate(case.get("script") or ()):
                yield from self.entry(entry, (*path, "script", number), expect)
            yield from self.expectations(expect, (*path, "expect"))

    def mocks(self, mocks: Collection[Mapping[str, JSON]], path: Path) -> Iterator[Diagnostic]:
        for number, mock in enumerate(mocks):
            here = (*path, number)
            yield from self.subject(mock, here)
            if "step" in mock and not self.called(mock["step"]) and self.names.addresses(mock["step"]):
                message = f"{quoted(mock['step'])} calls no activity and no child"
                hint = "what it waits for comes from the script"
                yield self.source.report("WF330", message, (*here, "step"), hint)
            activities = {name for name in (mock.get("activity"), *self.activities_of(mock)) if name}
            for result_path, result in _results(mock):
                for name in sorted(activities):
                    yield from self.result(name, result, (*here, *result_path))

    def result(self, name: str, result: JSON, path: Path) -> Iterator[Diagnostic]:
        """What a mock returns, held against what its activity declares."""
        declared: Any = (self.catalogue.get(name) or {}).get("result")
        problems = [] if declared is None else check_value(declared, result)
        if problems:
            yield self.source.report("WF630", f"{name} would not return this: {problems[0]}", path)

    def entry(self, entry: Mapping[str, JSON], path: Path, expect: Mapping[str, JSON]) -> Iterator[Diagnostic]:
        if "when" in entry:
            yield from self.step(entry["when"]["step"], (*path, "when", "step"))
        for kind, heeded in _TAKEN.items():
            if kind in entry and entry[kind] not in self.names.messages[kind] and heeded not in expect:
                message = f"no step takes the {kind} {quoted(entry[kind])}"
                hint = self.hint(entry[kind], self.names.messages[kind])
                yield self.source.report("WF331", message, (*path, kind), hint)
        if "answer" in entry:
            asks = [step for step in self.names.addresses(entry["answer"]) if step in self.names.asks]
            if not asks:
                message = f"no step {quoted(entry['answer'])} asks a question"
                ids = self.names.program.ids
                hint = self.hint(entry["answer"], [ids.get(step, step) for step in self.names.asks])
                yield self.source.report("WF330", message, (*path, "answer"), hint)
        yield from self.expectations(entry.get("expect") or {}, (*path, "expect"))

    def expectations(self, expect: Mapping[str, JSON], path: Path) -> Iterator[Diagnostic]:
        for name in expect.get("steps") or ():
            yield from self.step(name, (*path, "steps", name), key=True)
        for number, name in enumerate(expect.get("order") or ()):
            yield from self.step(name, (*path, "order", number))
        for name in expect.get("queries") or ():
            queries = self.names.program.queries
            if name not in queries:
                message = f"the definition has no query {quoted(name)}"
                here = (*path, "queries", name)
                yield self.source.report("WF330", message, here, self.hint(name, queries), key=True)
        for key in ("calls", "never"):
            for number, call in enumerate(expect.get(key) or ()):
                yield from self.subject(call, (*path, key, number))

    def subject(self, written: Mapping[str, JSON], path: Path) -> Iterator[Diagnostic]:
        """The step, activity or child that a mock or an expectation is about."""
        if "step" in written:
            yield from self.step(written["step"], (*path, "step"))
        for key, what, known in (
            ("activity", "calls no activity", self.names.activities),
            ("workflow", "starts no child", self.names.children),
        ):
            names = set(known.values())
            if key in written and written[key] not in names:
                message = f"the definition {what} {quoted(written[key])}"
                yield self.source.report("WF330", message, (*path, key), self.hint(written[key], names))

    def step(self, name: str, path: Path, *, key: bool = False) -> Iterator[Diagnostic]:
        if not self.names.addresses(name):
            message = f"the definition has no step {quoted(name)}"
            yield self.source.report("WF330", message, path, self.hint(name, self.names.steps), key=key)

    def hint(self, word: str, candidates: Collection[str]) -> str | None:
        """The nearest of the candidates, as long as the budget for looking lasts."""
        self.comparisons -= len(candidates) * len(word)
        return None if self.comparisons < 0 else did_you_mean(word, candidates)

    def called(self, name: str) -> bool:
        return any(step in self.names.activities or step in self.names.children for step in self.names.addresses(name))

    def activities_of(self, mock: Mapping[str, JSON]) -> list[str]:
        """The activities that a mocked step calls."""
        found = (self.names.activities.get(step) for step in self.names.addresses(mock.get("step") or ""))
        return [name for name in found if name is not None]


def _results(mock: Mapping[str, JSON]) -> Iterator[tuple[tuple[str | int, ...], JSON]]:
    if "return" in mock:
        yield ("return",), mock["return"]
    for number, turn in enumerate(mock.get("sequence") or ()):
        if "return" in turn:
            yield ("sequence", number, "return"), turn["return"]
