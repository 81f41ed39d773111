"""What the operators do with values: arithmetic, comparison, membership, the text form of a value.

Numbers stay finite and within 4,096 bits, texts and lists within their limits; each is checked before it is
made. Booleans are never numbers. Knows nothing of names or the syntax tree.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping
from typing import Final

from perdure.errors import ExpressionError
from perdure.expressions.scope import Scope, weigh
from perdure.expressions.wording import kind, refusal
from perdure.values import JSON, WIDEST

NUMBERS: Final = frozenset({int, float})
_EASY: Final = 1 << 63

Operator = Callable[[Scope, JSON, JSON], JSON]


def bounded(number: JSON) -> JSON:
    """The number itself, unless it is infinite, undefined or has too many digits."""
    if type(number) is int:
        if -_EASY < number < _EASY or number.bit_length() <= WIDEST:
            return number
        raise refusal(f"the number would have more than {WIDEST:,} bits")
    if type(number) is float and math.isfinite(number):
        return number
    raise refusal("the result is not a finite number")


def arithmetic(symbol: str, compute: Callable[[JSON, JSON], JSON]) -> Operator:
    """The operator on two numbers that refuses everything else."""

    def operate(scope: Scope, left: JSON, right: JSON) -> JSON:
        if type(left) in NUMBERS and type(right) in NUMBERS:
            try:
                return bounded(compute(left, right))
            except ZeroDivisionError:
                raise refusal("division by zero") from None
            except OverflowError:
                raise refusal("the result is too large for a number") from None
        raise _mismatch(symbol, left, right)

    return operate


def add(scope: Scope, left: JSON, right: JSON) -> JSON:
    """`+`: two numbers, two texts or two lists."""
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _sum(scope, left, right)
    if isinstance(left, str) and isinstance(right, str):
        scope.text(len(left) + len(right))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        scope.items(len(left) + len(right))
        return [*left, *right]
    raise _mismatch("+", left, right)


def multiply(scope: Scope, left: JSON, right: JSON) -> JSON:
    """`*`: two numbers, or a text or list and how often to repeat it."""
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _product(scope, left, right)
    if type(left) is int:
        left, right = right, left
    if type(right) is int and isinstance(left, str | list):
        times = max(right, 0) if left else 0
        (scope.text if isinstance(left, str) else scope.items)(len(left) * times)
        return left * times
    raise _mismatch("*", left, right)


def negate(value: JSON) -> JSON:
    """Unary `-`."""
    if type(value) in NUMBERS:
        return -value
    raise refusal(f"- needs a number, not {kind(value)}")


def affirm(value: JSON) -> JSON:
    """Unary `+`."""
    if type(value) in NUMBERS:
        return value
    raise refusal(f"+ needs a number, not {kind(value)}")


def equal(scope: Scope, left: JSON, right: JSON) -> bool:
    """`==` on any two values: numbers by value, booleans only with booleans, mappings in any order."""
    if not isinstance(left, list | Mapping) or not isinstance(right, list | Mapping):
        return _scalar_equal(left, right)
    pairs = [(left, right)]
    while pairs:
        left, right = pairs.pop()
        scope.spend(1)
        if isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            scope.spend(len(left))
            pairs.extend(zip(left, right, strict=True))
        elif isinstance(left, Mapping) and isinstance(right, Mapping):
            if len(left) != len(right) or any(key not in right for key in left):
                return False
            scope.spend(len(left))
            pairs.extend((item, right[key]) for key, item in left.items())
        else:
            if isinstance(left, str) and left is not right:
                scope.scan(len(left))
            if not _scalar_equal(left, right):
                return False
    return True


def ordering(symbol: str, compare: Callable[[JSON, JSON], bool]) -> Operator:
    """`<`, `<=`, `>` or `>=`: two numbers or two texts."""

    def order(scope: Scope, left: JSON, right: JSON) -> bool:
        if type(left) in NUMBERS and type(right) in NUMBERS:
            return compare(left, right)
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        raise refusal(f"{symbol} needs two numbers or two texts, not {kind(left)} and {kind(right)}")

    return order


def contains(scope: Scope, item: JSON, container: JSON) -> bool:
    """`in`: an item of a list, a part of a text, a key of a mapping."""
    if isinstance(container, list):
        for candidate in container:
            scope.scan(len(candidate) if isinstance(candidate, str) else 0)
            if equal(scope, item, candidate):
                return True
        return False
    if isinstance(container, str) and isinstance(item, str):
        scope.scan(len(container))
        return item in container
    if isinstance(container, Mapping):
        return isinstance(item, str) and item in container
    raise refusal(f"in needs a list, text or mapping to look in, not {kind(item)} in {kind(container)}")


def render(scope: Scope, value: JSON) -> str:
    """The value as it reads in text: texts bare, everything else as JSON."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(bounded(value))
    return dump(scope, value)


def dump(scope: Scope, value: JSON, indent: int | None = None) -> str:
    """The JSON text of a value, characters beyond ASCII as they are."""
    items, characters, _ = weigh(value)
    scope.spend(items)
    scope.text(characters)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=_mapping)
    except (ValueError, TypeError):
        raise refusal(f"{kind(value)} holds something that JSON cannot say") from None
    scope.text(len(text))
    return text


def fingerprint(scope: Scope, value: JSON) -> str:
    """A text that two values share exactly when they are `equal`; as a text, its hash cannot be forged."""
    scope.spend(1)
    if isinstance(value, str):
        scope.text(len(value))
        return f'"{value}'
    if type(value) in NUMBERS:
        whole = type(value) is int or value.is_integer()
        return str(int(value)) if whole else repr(value)
    if isinstance(value, list):
        parts = [fingerprint(scope, item) for item in value]
        return "[" + "".join(f"{len(part)}:{part}" for part in parts)
    if isinstance(value, Mapping):
        parts = [part for key in sorted(value) for part in (key, fingerprint(scope, value[key]))]
        return "{" + "".join(f"{len(part)}:{part}" for part in parts)
    return str(value)


def _mapping(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def _scalar_equal(left: JSON, right: JSON) -> bool:
    if left is None or right is None or type(left) is bool or type(right) is bool:
        return left is right
    return bool(left == right)


def _power(base: JSON, exponent: JSON) -> JSON:
    # A base of n bits gives at least (n - 1) × exponent bits: refuse before multiplying.
    if type(base) is int and type(exponent) is int and (base.bit_length() - 1) * exponent > WIDEST:
        raise refusal(f"the number would have more than {WIDEST:,} bits")
    return base**exponent


def _mismatch(symbol: str, left: JSON, right: JSON) -> ExpressionError:
    hint = None
    if symbol == "+" and {kind(left), kind(right)} == {"a text", "a number"}:
        hint = "write ~ to join texts"
    elif symbol == "%" and isinstance(left, str):
        hint = "write ~ to put values into a text"
    elif left is None or right is None:
        hint = "write | default(0, true) for a value that may be null"
    elif symbol != "+" and {kind(left), kind(right)} <= {"a text", "a number"}:
        hint = "write | int or | float to read a number from a text"
    return refusal(f"{symbol} cannot take {kind(left)} and {kind(right)}", hint=hint)


_sum = arithmetic("+", operator.add)
_product = arithmetic("*", operator.mul)

ARITHMETIC: Final[dict[str, Operator]] = {
    "+": add,
    "-": arithmetic("-", operator.sub),
    "*": multiply,
    "/": arithmetic("/", operator.truediv),
    "//": arithmetic("//", operator.floordiv),
    "%": arithmetic("%", operator.mod),
    "**": arithmetic("**", _power),
}
COMPARISONS: Final[dict[str, Operator]] = {
    "eq": equal,
    "ne": lambda scope, left, right: not equal(scope, left, right),
    "lt": ordering("<", operator.lt),
    "lteq": ordering("<=", operator.le),
    "gt": ordering(">", operator.gt),
    "gteq": ordering(">=", operator.ge),
    "in": contains,
    "notin": lambda scope, item, container: not contains(scope, item, container),
}
