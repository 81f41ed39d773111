"""Nested values whose texts may hold `{{ }}`, compiled to fill in only what varies.

Keys are never templates. Constant parts are shared between evaluations. Does not know what the value is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from perdure.errors import ExpressionError
from perdure.expressions import operators
from perdure.expressions.access import Closure
from perdure.expressions.expression import Expression, compile_bare, sole
from perdure.expressions.scope import Ambient, Scope, bounded
from perdure.expressions.syntax import Hole, split
from perdure.expressions.wording import refusal
from perdure.values import DEEPEST, JSON

Path = tuple[str | int, ...]

_EMPTY: Final = "{{ }} holds no expression"


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A nested value with expressions in its texts.

    `expressions` says where each stands; `offsets[i]` is the character in its text at which the text of
    `expressions[i]` begins. `constant` says that no expression reads a name or calls anything recorded.
    """

    expressions: tuple[tuple[Path, Expression], ...]
    offsets: tuple[int, ...]
    constant: bool
    _value: JSON = field(repr=False)
    _run: Closure | None = field(repr=False)

    @property
    def written(self) -> JSON:
        """The value with its expressions as they were written; not to be changed."""
        return self._value

    @property
    def names(self) -> tuple[str, ...]:
        """The keys, where the value is a mapping."""
        return tuple(self._value) if isinstance(self._value, dict) else ()

    def evaluate(self, names: Mapping[str, JSON], ambient: Ambient) -> JSON:
        """The value with everything filled in; raises ExpressionError. The caller must not change it."""
        return self._value if self._run is None else bounded(self._run(Scope(names, ambient)))


def compile_template(value: JSON) -> Template:
    """The compiled form of a nested value; raises the first ExpressionError, its offset within the text."""
    found: list[tuple[Path, Expression, int]] = []
    run = _compile(value, (), found)
    return Template(
        tuple((path, expression) for path, expression, _ in found),
        tuple(offset for _, _, offset in found),
        all(expression.constant for _, expression, _ in found),
        value,
        run,
    )


def find_problems(value: JSON) -> list[tuple[Path, ExpressionError]]:
    """Every text of a nested value that does not compile, with its place."""
    problems = []
    for path, text in _texts(value, ()):
        try:
            _compile(text, path, [])
        except ExpressionError as error:
            problems.append((path, error))
    return problems


def _texts(value: JSON, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list | dict) and len(path) < DEEPEST:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*path, key))


def _compile(value: JSON, path: Path, found: list[tuple[Path, Expression, int]]) -> Closure | None:
    """The closure that fills in the value, or None where nothing varies."""
    if isinstance(value, str):
        return _compile_text(value, path, found) if "{{" in value or "{%" in value else None
    if not isinstance(value, list | dict):
        return None
    if len(path) >= DEEPEST:
        raise refusal(f"the value is nested more than {DEEPEST} deep")
    varying: list[tuple[JSON, Closure]] = []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        run = _compile(item, (*path, key), found)
        if run is not None:
            varying.append((key, run))
    return _filled(value, varying) if varying else None


def _filled(value: JSON, varying: list[tuple[JSON, Closure]]) -> Closure:
    skeleton = value.copy()

    def run(scope: Scope) -> JSON:
        made = skeleton.copy()
        for key, fill in varying:
            made[key] = fill(scope)
        return made

    return run


def _compile_text(text: str, path: Path, found: list[tuple[Path, Expression, int]]) -> Closure:
    parts = split(text)
    hole = sole(parts)
    if hole is not None:
        expression = compile_hole(hole)
        found.append((path, expression, hole.offset))
        return _placed(expression, hole.offset)
    closures: list[str | Closure] = []
    for part in parts:
        if isinstance(part, str):
            closures.append(part)
        else:
            expression = compile_hole(part)
            found.append((path, expression, part.offset))
            closures.append(_placed(expression, part.offset))
    return _joined(closures)


def compile_hole(hole: Hole) -> Expression:
    """The expression of one hole; the offset of an ExpressionError counts in the text around it."""
    if not hole.text.strip():
        raise refusal(_EMPTY, offset=hole.offset, hint="write {{ '{{' }} for the braces themselves")
    try:
        return compile_bare(hole.text)
    except ExpressionError as error:
        raise _moved(error, hole.offset) from None


def _placed(expression: Expression, offset: int) -> Closure:
    within = expression.within

    def run(scope: Scope) -> JSON:
        try:
            return within(scope)
        except ExpressionError as error:
            raise _moved(error, offset) from None

    return run


def _joined(parts: list[str | Closure]) -> Closure:
    def run(scope: Scope) -> JSON:
        texts = [part if isinstance(part, str) else operators.render(scope, part(scope)) for part in parts]
        scope.text(sum(map(len, texts)))
        return "".join(texts)

    return run


def _moved(error: ExpressionError, offset: int) -> ExpressionError:
    if error.offset is not None:
        error.offset += offset
    return error
