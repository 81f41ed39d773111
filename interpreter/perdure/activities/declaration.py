"""`@activity`: marks functions and classes as activities and refuses at once what could not be called.

Only leaves a mark on the object, which stays what it was; `registry` reads the marks. Annotations are not
looked at here: at the time of decoration they may name things that are still to come.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from perdure.activities.rates import Rate, parse_rate
from perdure.errors import PerdureError
from perdure.record import record

MARK: Final = "__perdure_activity__"
LIFECYCLE: Final = ("setup", "teardown")
"""Methods of an activity class that are called around its life and are no activities."""

Target = TypeVar("Target", bound=Callable[..., Any])


class DeclarationError(PerdureError):
    """An activity is declared in a way that Perdure cannot call."""


@record
class Declaration:
    """What `@activity` was told; of a class, `name` is the prefix of its methods, and `rate` that of each of them."""

    name: str
    summary: str | None = None
    deprecated: str | None = None
    rate: Rate | None = None
    read_only: bool = False


@overload
def activity(name: Target, /) -> Target: ...
@overload
def activity(
    name: str | None = None,
    *,
    summary: str | None = None,
    deprecated: str | None = None,
    rate: str | None = None,
    read_only: bool = False,
) -> Callable[[Target], Target]: ...
def activity(
    name: Any = None,
    *,
    summary: str | None = None,
    deprecated: str | None = None,
    rate: str | None = None,
    read_only: bool = False,
) -> Any:
    """Declare an async function, a plain one (in a thread) or a class (its public methods, `name.method`).

    Without a name, that of the function or class counts. A class is constructed once per registry, without
    arguments; its methods `setup` and `teardown`, async or not, are called around its use. `deprecated` says
    what to use instead. `rate` (`10/s`, `100/m`, `5/10s`) is how often one worker starts it in any such time.
    `read_only` says that it changes nothing in the world, so that nothing is left to undo; it is believed. The
    decorated object itself is unchanged. Raises DeclarationError.
    """
    if callable(name):
        return activity()(name)

    def mark(target: Target) -> Target:
        if not (inspect.isfunction(target) or inspect.isclass(target)):
            raise DeclarationError(f"@activity is for functions and classes, not {type(target).__name__}: {target!r}")
        chosen = target.__name__ if name is None else name
        refuse_unless_name(chosen, described(target))
        with contextlib.suppress(NameError):  # an annotation that is still to come; looked at when registered
            if inspect.isclass(target):
                refuse_unless_constructible(target)
                methods(target)
            else:
                refuse_unless_callable(target, described(target))
        try:
            limit = None if rate is None else parse_rate(rate)
        except ValueError as problem:
            raise DeclarationError(f"{described(target)}: {problem}") from None
        setattr(target, MARK, Declaration(chosen, summary, deprecated, limit, read_only))
        return target

    return mark


def declaration_of(target: object) -> Declaration | None:
    """The mark on the object itself; one that a class inherits does not count."""
    try:
        mark = vars(target).get(MARK)
    except TypeError:
        return None
    return mark if isinstance(mark, Declaration) else None


def methods(owner: type) -> dict[str, Callable[..., Any]]:
    """The public methods of an activity class, inherited ones too; DeclarationError where one is unfit."""
    found: dict[str, Callable[..., Any]] = {}
    for base in reversed(owner.__mro__[:-1]):
        for key, value in vars(base).items():
            found.pop(key, None)
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            if not key.startswith("_") and key not in LIFECYCLE and inspect.isfunction(function):
                found[key] = function
    if not found:
        raise DeclarationError(f"{described(owner)} has no public methods, so it declares no activity")
    for key, function in found.items():
        bound = not isinstance(inspect.getattr_static(owner, key), staticmethod)
        refuse_unless_callable(function, described(function), bound=bound)
    return found


def parameters(function: Callable[..., Any], *, bound: bool = False) -> list[inspect.Parameter]:
    """The parameters authors write under `with:`; those of a method without its first."""
    declared = list(inspect.signature(function).parameters.values())
    return declared[1:] if bound else declared


def described(target: Any) -> str:
    """`module:qualname`, as descriptions and messages name an object."""
    return f"{target.__module__}:{target.__qualname__}"


def refuse_unless_name(name: object, where: str) -> None:
    """Raise DeclarationError unless the name is made of identifiers and dots."""
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        raise DeclarationError(f"{where}: an activity's name is made of identifiers and dots, not {name!r}")


def refuse_unless_constructible(owner: type) -> None:
    """Raise DeclarationError unless the class can be constructed without arguments."""
    try:
        inspect.signature(owner).bind()
    except TypeError as problem:
        raise DeclarationError(f"{described(owner)} cannot be constructed without arguments: {problem}") from None
    except ValueError:  # a class written in C does not say
        return


def refuse_unless_callable(function: Callable[..., Any], where: str, *, bound: bool = False) -> None:
    """Raise DeclarationError unless a mapping from names to values can be the function's arguments."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(f"{where} is a generator; an activity returns its result")
    if bound and not inspect.signature(function).parameters:
        raise DeclarationError(f"{where} takes no `self`; make it a staticmethod")
    for parameter in parameters(function, bound=bound):
        if parameter.kind is parameter.VAR_POSITIONAL:
            raise DeclarationError(f"{where}: *{parameter.name} cannot be given by name under `with:`")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise DeclarationError(f"{where}: {parameter.name} is positional-only and cannot be given under `with:`")
