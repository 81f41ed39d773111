"""The shape of an entry in the tables of functions, filters and tests.

An entry's signature is that of the Python function behind it, so the reference cannot drift from what runs.
Knows no particular function.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Final

from perdure.record import record
from perdure.values import JSON

REQUIRED: Final = object()


@record
class Parameter:
    """An argument by its name, with its default or `REQUIRED`."""

    name: str
    default: JSON

    def __str__(self) -> str:
        return self.name if self.default is REQUIRED else f"{self.name}={json.dumps(self.default)}"


@record
class Builtin:
    """A function, filter or test that expressions may use."""

    name: str
    summary: str
    signature: str
    parameters: tuple[Parameter, ...]
    apply: Callable[..., JSON]
    recorded: bool = False
    """Answered by the host once and kept, because it differs from call to call."""
    types: str = "any -> any"
    """What it takes, operand first, and gives: `text, text|null -> text`; any other value is refused."""


Table = dict[str, Builtin]
Registration = Callable[[Callable[..., JSON]], Callable[..., JSON]]


def enter(
    table: Table, *names: str, given: int, types: str, signature: str | None = None, recorded: bool = False
) -> Registration:
    """A decorator that enters a function under its own or other names; `given` leading arguments are ours."""

    def register(function: Callable[..., JSON]) -> Callable[..., JSON]:
        parameters = tuple(
            Parameter(parameter.name, REQUIRED if parameter.default is parameter.empty else parameter.default)
            for parameter in list(inspect.signature(function).parameters.values())[given:]
        )
        summary = (function.__doc__ or "").strip().splitlines()[0]
        for name in names or (function.__name__.rstrip("_"),):
            shown = signature or _shown(name, parameters)
            table[name] = Builtin(name, summary, shown, parameters, function, recorded, types)
        return function

    return register


def _shown(name: str, parameters: tuple[Parameter, ...]) -> str:
    return f"{name}({', '.join(map(str, parameters))})" if parameters else name
