"""What templates and bare expressions of a program may come to on a path.

A value that can be one of several is kept as such; the path is only split where the expression fails for sure, and by
conditions. Knows no nodes of programs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from jinja2 import nodes

from perdure.exploration.evaluation import Evaluation
from perdure.exploration.knowledge import Fields, Items, Known, Missing, Open, Value, either, known
from perdure.exploration.operations import Failure
from perdure.exploration.paths import Path, settled
from perdure.expressions import Expression, Template
from perdure.expressions.expression import sole
from perdure.expressions.syntax import parse, split
from perdure.values import JSON


@dataclass(slots=True)
class Filled:
    """What came of one template on one path: the value, the path with what is settled by having read it, and the paths
    on which it fails. `value` is None where it always does; `uncertain` when it may fail besides for reasons that
    cannot be seen."""

    value: Value | None
    path: Path
    failures: list[tuple[Path, str, str]] = field(default_factory=list)
    uncertain: bool = False


def fill(template: Template, path: Path) -> Filled:
    """A template on a path."""
    if template.constant and not template.expressions:
        return Filled(known(template.written), path)
    filler = _Filler(path)
    value = filler.value(template.written)
    return Filled(value, filler.path, filler.failures, filler.uncertain)


def ask(expression: Expression, path: Path) -> Filled:
    """A bare expression on a path, for its value."""
    filler = _Filler(path)
    value = filler.expression(tree_of(expression.text), expression.text)
    return Filled(value, filler.path, filler.failures, filler.uncertain)


@dataclass(slots=True)
class Decided:
    """A condition on a path: the paths on which it holds, those on which it does not, and those on which it fails."""

    yes: list[Path] = field(default_factory=list)
    no: list[Path] = field(default_factory=list)
    failures: list[tuple[Path, str, str]] = field(default_factory=list)
    uncertain: bool = False


def decide(expression: Expression, path: Path) -> Decided:
    """A condition on a path, both ways where it is not known."""
    evaluation = Evaluation(expression.text)
    made = Decided()
    for there, truth in evaluation.conditions(tree_of(expression.text), path):
        if isinstance(truth, Failure):
            made.failures.append((there, truth.why, expression.text))
        else:
            (made.yes if truth else made.no).append(there)
    made.uncertain = evaluation.uncertain
    return made


@lru_cache(maxsize=4096)
def tree_of(text: str) -> nodes.Expr:
    """The syntax tree of an expression, with or without braces around it."""
    if text.lstrip().startswith("{{"):
        hole = sole(split(text))
        assert hole is not None
        text = hole.text
    return parse(text)


@lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[str | nodes.Expr, ...]:
    parts = split(text)
    hole = sole(parts)
    if hole is not None:
        return (parse(hole.text),)
    return tuple(part if isinstance(part, str) else parse(part.text) for part in parts)


class _Filler:
    """Fills in a template one expression after the other; `path` is where it has come to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failures: list[tuple[Path, str, str]] = []
        self.uncertain = False

    def value(self, written: JSON) -> Value | None:
        if isinstance(written, str):
            return self.text(written) if "{{" in written else known(written)
        if isinstance(written, dict):
            items = [(str(key), self.value(item)) for key, item in written.items()]
            there = [(key, item) for key, item in items if item is not None]
            if len(there) < len(items):
                return None
            if all(isinstance(item, Known) for _, item in there):
                return known({key: item.value for key, item in there if isinstance(item, Known)})
            return Fields(tuple(there))
        if isinstance(written, list):
            return self.list(written)
        return known(written)

    def list(self, written: list[JSON]) -> Value | None:
        items = [self.value(item) for item in written]
        there = [item for item in items if item is not None]
        if len(there) < len(items):
            return None
        if all(isinstance(item, Known) for item in there):
            return known([item.value for item in there if isinstance(item, Known)])
        return Items(either(f"items of {written!r}"[:80], there))

    def text(self, text: str) -> Value | None:
        parts = _parts(text)
        if len(parts) == 1 and not isinstance(parts[0], str):
            return self.expression(parts[0], text)
        found = [self.expression(part, text) if not isinstance(part, str) else known(part) for part in parts]
        if None in found:
            return None
        if all(isinstance(part, Known) and isinstance(part.value, str) for part in found):
            return known("".join(part.value for part in found if isinstance(part, Known)))
        return Open(f"text {text}", {"type": "string"}, solid=True)

    def expression(self, tree: nodes.Expr, text: str) -> Value | None:
        evaluation = Evaluation(text)
        values: list[Value] = []
        ways: list[Path] = []
        for there, value in evaluation.values(tree, self.path):
            if isinstance(value, Failure):
                self.failures.append((there, value.why, text))
            elif not isinstance(value, Missing):
                values.append(value)
                ways.append(there)
        self.uncertain = self.uncertain or evaluation.uncertain
        self.path = settled(self.path, ways)
        return either(f"{text} {values!r}"[:400], values) if values else None
