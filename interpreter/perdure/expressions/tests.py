"""The tests an expression may ask with `is`, and hand to `select`, `reject`, `selectattr`, `rejectattr`.

Does not know the syntax tree; `defined` and `undefined` receive `MISSING` where there is nothing.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Final

from perdure.expressions import operators
from perdure.expressions.access import MISSING
from perdure.expressions.builtin import Table, enter
from perdure.expressions.scope import Scope
from perdure.expressions.wording import kind, refusal
from perdure.values import JSON

TESTS: Final[Table] = {}
_test = functools.partial(enter, TESTS, given=2)

_less = operators.ordering("<", operator.lt)
_at_most = operators.ordering("<=", operator.le)
_greater = operators.ordering(">", operator.gt)
_at_least = operators.ordering(">=", operator.ge)


@_test(types="any -> boolean")
def defined(scope: Scope, value: JSON) -> bool:
    """Whether the whole path can be read; null counts as defined."""
    return value is not MISSING


@_test(types="any -> boolean")
def undefined(scope: Scope, value: JSON) -> bool:
    """Whether some part of the path is missing."""
    return value is MISSING


@_test("none", "null", types="any -> boolean")
def none(scope: Scope, value: JSON) -> bool:
    """Whether it is null."""
    return value is None


@_test(types="any -> boolean")
def true(scope: Scope, value: JSON) -> bool:
    """Whether it is the boolean true."""
    return value is True


@_test(types="any -> boolean")
def false(scope: Scope, value: JSON) -> bool:
    """Whether it is the boolean false."""
    return value is False


@_test(types="any -> boolean")
def boolean(scope: Scope, value: JSON) -> bool:
    """Whether it is true or false."""
    return type(value) is bool


@_test(types="any -> boolean")
def number(scope: Scope, value: JSON) -> bool:
    """Whether it is a number; booleans are none."""
    return type(value) in operators.NUMBERS


@_test(types="any -> boolean")
def integer(scope: Scope, value: JSON) -> bool:
    """Whether it is a number written without a fraction."""
    return type(value) is int


@_test("float", types="any -> boolean")
def float_(scope: Scope, value: JSON) -> bool:
    """Whether it is a number written with a fraction or an exponent."""
    return type(value) is float


@_test(types="any -> boolean")
def string(scope: Scope, value: JSON) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)


@_test(types="any -> boolean")
def mapping(scope: Scope, value: JSON) -> bool:
    """Whether it is a mapping."""
    return isinstance(value, Mapping)


@_test(types="any -> boolean")
def sequence(scope: Scope, value: JSON) -> bool:
    """Whether it is a list; texts and mappings are none."""
    return isinstance(value, list)


@_test(types="integer -> boolean")
def odd(scope: Scope, value: JSON) -> bool:
    """Whether it is an odd whole number."""
    return _whole("odd", value) % 2 == 1


@_test(types="integer -> boolean")
def even(scope: Scope, value: JSON) -> bool:
    """Whether it is an even whole number."""
    return _whole("even", value) % 2 == 0


@_test(types="integer, integer -> boolean")
def divisibleby(scope: Scope, value: JSON, divisor: JSON) -> bool:
    """Whether the divisor goes into it without a rest."""
    if _whole("divisibleby", divisor) == 0:
        raise refusal("division by zero")
    return _whole("divisibleby", value) % int(divisor) == 0


@_test("in", types="any, list|text|mapping -> boolean")
def in_(scope: Scope, value: JSON, container: JSON) -> bool:
    """Whether it is an item of the list, a part of the text or a key of the mapping."""
    return operators.contains(scope, value, container)


@_test("eq", "equalto", "==", types="any, any -> boolean")
def eq(scope: Scope, value: JSON, other: JSON) -> bool:
    """Whether the two are equal."""
    return operators.equal(scope, value, other)


@_test("ne", "!=", types="any, any -> boolean")
def ne(scope: Scope, value: JSON, other: JSON) -> bool:
    """Whether the two differ."""
    return not operators.equal(scope, value, other)


@_test("lt", "lessthan", "<", types="number|text, number|text -> boolean")
def lt(scope: Scope, value: JSON, other: JSON) -> JSON:
    """Whether it is less than the other."""
    return _less(scope, value, other)


@_test("le", "<=", types="number|text, number|text -> boolean")
def le(scope: Scope, value: JSON, other: JSON) -> JSON:
    """Whether it is at most the other."""
    return _at_most(scope, value, other)


@_test("gt", "greaterthan", ">", types="number|text, number|text -> boolean")
def gt(scope: Scope, value: JSON, other: JSON) -> JSON:
    """Whether it is greater than the other."""
    return _greater(scope, value, other)


@_test("ge", ">=", types="number|text, number|text -> boolean")
def ge(scope: Scope, value: JSON, other: JSON) -> JSON:
    """Whether it is at least the other."""
    return _at_least(scope, value, other)


def _whole(test: str, value: JSON) -> int:
    if type(value) is not int:
        raise refusal(f"{test} needs a whole number, not {kind(value)}")
    return value
