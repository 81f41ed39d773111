"""A compiled expression: what it reads, and how to ask it.

Compiling is cached by text, so that equal expressions share one object. Does not know where names come from.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from jinja2 import nodes

from perdure.errors import ExpressionError
from perdure.expressions.access import Closure
from perdure.expressions.catalogue import FUNCTIONS
from perdure.expressions.compiler import Compiler, builds
from perdure.expressions.scope import Ambient, Scope
from perdure.expressions.syntax import Hole, parse, split
from perdure.expressions.visitor import Reference
from perdure.expressions.wording import kind, refusal
from perdure.values import JSON

KEPT: Final = 4_096
"""Compiled expressions kept; a busy host runs a few hundred definitions."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled expression; evaluating it changes nothing and may be repeated.

    `functions` are those it calls; `constant` says that it reads no names and calls nothing recorded. Offsets in the
    `tree` count from `shift` in the text.
    """

    text: str
    references: tuple[Reference, ...]
    functions: frozenset[str]
    constant: bool
    tree: nodes.Expr = field(repr=False)
    _run: Closure = field(repr=False)
    _builds: bool = field(repr=False)
    shift: int = field(default=0, repr=False)

    def evaluate(self, names: Mapping[str, JSON], ambient: Ambient) -> JSON:
        """The value; raises ExpressionError. The caller must not change what it is given."""
        return self.within(Scope(names, ambient))

    def holds(self, names: Mapping[str, JSON], ambient: Ambient) -> bool:
        """Whether it is true; null does not hold, anything but a boolean or null is an ExpressionError."""
        value = self.within(Scope(names, ambient))
        if value is True:
            return True
        if value is False or value is None:
            return False
        raise refusal(f"a condition is true, false or null, not {kind(value)}", hint="compare it with something")

    def within(self, scope: Scope) -> JSON:
        """The value in a scope that other expressions spend from too."""
        try:
            value = self._run(scope)
            return scope.made(value) if self._builds else scope.read(value)
        except ExpressionError as error:
            if error.offset is not None:
                error.offset += self.shift
            raise
        except RecursionError:
            raise refusal("the expression is nested too deep") from None


def compile_expression(text: str) -> Expression:
    """The compiled form of a bare expression, or of one that stands in `{{ }}`; raises ExpressionError."""
    if not text.lstrip().startswith("{{"):
        return compile_bare(text)
    return _compile_braced(text)


@functools.lru_cache(maxsize=KEPT)
def compile_bare(text: str) -> Expression:
    """The compiled form of an expression without braces around it."""
    tree = parse(text)
    compiler = Compiler()
    try:
        run, makes = compiler.strict(tree), builds(tree)
    except RecursionError:
        raise refusal("the expression is nested too deep") from None
    functions = frozenset(compiler.functions)
    recorded = any(FUNCTIONS[name].recorded for name in functions)
    references = tuple(sorted(compiler.references, key=lambda reference: reference.offset or 0))
    return Expression(text, references, functions, not references and not recorded, tree, run, makes)


@functools.lru_cache(maxsize=KEPT)
def _compile_braced(text: str) -> Expression:
    hole = sole(split(text))
    if hole is None:
        raise refusal("a single expression is wanted here", hint="write it without {{ }}")
    return shifted(hole, text)


def sole(parts: list[str | Hole]) -> Hole | None:
    """The only hole of a text that holds nothing else but white space."""
    holes = [part for part in parts if isinstance(part, Hole) or part.strip()]
    return holes[0] if len(holes) == 1 and isinstance(holes[0], Hole) else None


def shifted(hole: Hole, text: str) -> Expression:
    """The hole's expression, its offsets counted in the text around it."""
    try:
        inner = compile_bare(hole.text)
    except ExpressionError as error:
        if error.offset is not None:
            error.offset += hole.offset
        raise
    references = tuple(
        replace(reference, offset=(reference.offset or 0) + hole.offset) for reference in inner.references
    )
    return replace(inner, text=text, references=references, shift=hole.offset)
