"""A generator of definitions: any kind inside any kind, under any modifier, each with the result it must come to.

A piece is a step with what it comes to: a value, an error, the end of the run, or nothing for ever. Wrapping and
modifying compute both sides; nothing here knows how the machine runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from zlib import crc32

Step = dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """`ends` is value, error, return or never; `value` goes with it: the result, or the error's type. `fragments` are
    those its step uses, `depth` the number of timeouts in it: each is longer than all inside it takes."""

    step: Step
    ends: str = "value"
    value: Any = None
    fragments: dict[str, Any] = field(default_factory=dict)
    depth: int = 0

    def then(self, step: Step, value: Callable[[Any], Any] = lambda value: value) -> Piece:
        """The piece inside another step that makes something of its value and lets all else through."""
        return replace(self, step=step, value=value(self.value) if self.ends == "value" else self.value)

    def ending(self, step: Step, ends: str, value: Any = None) -> Piece:
        """The piece inside another step that comes to something else."""
        return replace(self, step=step, ends=ends, value=value)


Names = Iterator[int]


def echo(value: Any) -> Step:
    return {"activity": "echo", "with": {"value": value}}


LEAVES: dict[str, Callable[[Names], Piece]] = {
    "activity": lambda names: Piece(echo([1, "a"]), value=[1, "a"]),
    "slow activity": lambda names: Piece({"activity": "slow"}, value="slow"),
    "wait": lambda names: Piece({"wait": "1s"}),
    "zero wait": lambda names: Piece({"wait": "0s"}),
    "signal": lambda names: Piece({"wait": {"signal": "never", "timeout": "1s", "default": 7}}, value=7),
    "signal without default": lambda names: Piece({"wait": {"signal": "never", "timeout": "1s"}}, "error", "Timeout"),
    "any": lambda names: Piece(
        {"wait": {"any": [{"signal": "never"}, {"after": "1s", "name": "late"}]}}, value={"name": "late", "data": None}
    ),
    "ask": lambda names: Piece(
        {"ask": {"prompt": "?", "timeout": "1s", "default": "no", "reminders": "500ms"}},
        value={"answer": "no", "by": None, "at": "*"},
    ),
    "set": lambda names: set_(names),
    "rollback": lambda names: Piece({"rollback": "all"}),
    "fail": lambda names: Piece({"fail": {"type": "Boom"}}, "error", "Boom"),
    "bad expression": lambda names: Piece(echo("{{ input.missing }}"), "error", "ExpressionFailed"),
    "bad activity": lambda names: Piece({"activity": "bad"}, "error", "Bad"),
    "hang": lambda names: Piece({"activity": "hang"}, "never"),
    "endless wait": lambda names: Piece({"wait": {"signal": "never"}}, "never"),
    "return": lambda names: Piece({"return": {"early": 1}}, "return", {"early": 1}),
}


def set_(names: Names) -> Piece:
    name = f"v{next(names)}"
    return Piece({"set": {name: 1}}, value={name: 1})


WRAPPERS: dict[str, Callable[[Piece], Piece]] = {
    "block": lambda piece: piece.then({"steps": [echo(0), piece.step]}),
    "branch": lambda piece: piece.then(
        {"branch": [{"when": "input.no", "steps": []}, {"when": "input.yes", "steps": [piece.step]}]}
    ),
    "else": lambda piece: piece.then({"branch": [{"when": "input.no", "steps": []}, {"else": [piece.step]}]}),
    "cases": lambda piece: piece.then({"branch": {"on": "input.n", "cases": {"3": [piece.step]}}}),
    "parallel": lambda piece: piece.then(
        {"parallel": {"branches": {"a": [piece.step], "b": [echo("b")]}}}, lambda value: {"a": value, "b": "b"}
    ),
    "collect": lambda piece: collected(piece),
    "foreach": lambda piece: piece.then({"foreach": [1], "steps": [piece.step]}, lambda value: [value]),
    "foreach at once": lambda piece: piece.then(
        {"foreach": [1, 2], "concurrency": "{{ 1 + 1 }}", "steps": [piece.step]}, lambda value: [value, value]
    ),
    "repeat": lambda piece: piece.then({"repeat": {"until": "index == 1"}, "steps": [piece.step]}),
    "while": lambda piece: piece.then({"repeat": {"while": "index < 1", "max": 1}, "steps": [piece.step]}),
    "select": lambda piece: piece.then(
        {"select": [{"after": "0s", "steps": [piece.step]}, {"signal": "no", "steps": []}]}
    ),
    "catch arm": lambda piece: piece.then({"steps": [{"activity": "bad", "catch": [{"steps": [piece.step]}]}]}),
    "beside a loser": lambda piece: beside(piece),
    "fragment": lambda piece: used(piece),
}


def collected(piece: Piece) -> Piece:
    step = {"parallel": {"branches": {"a": [piece.step]}, "on_error": "collect"}}
    if piece.ends == "error":
        return piece.ending(step, "value", {"a": {"ok": False, "error": piece.value}})
    return piece.then(step, lambda value: {"a": {"ok": True, "value": value}})


def beside(piece: Piece) -> Piece:
    """The piece is one branch of two; the other one never ends by itself and loses."""
    step = {"parallel": {"branches": {"won": [piece.step], "lost": [{"activity": "hang"}]}, "join": "any"}}
    if piece.ends == "error":
        return piece.ending(step, "never")
    return piece.then(step, lambda value: {"won": value, "lost": None})


def used(piece: Piece) -> Piece:
    """The piece as the only step of a fragment."""
    name = f"fragment_{crc32(str(piece.step).encode())}"
    arguments = {name: f"{{{{ input.{name} }}}}" for name in ("yes", "no", "n")}
    made = replace(piece, fragments={**piece.fragments, name: {"steps": [piece.step]}})
    return made.then({"use": name, "with": arguments})


MODIFIERS: dict[str, Callable[[Piece], Piece]] = {
    "plain": lambda piece: piece,
    "if": lambda piece: piece.then({**piece.step, "if": "input.yes"}),
    "skipped": lambda piece: piece.ending({**piece.step, "if": "input.no"}, "value"),
    "timeout": lambda piece: limited(piece),
    "retry": lambda piece: piece.then({**piece.step, "retry": {"attempts": 2, "delay": "1s"}}),
    "catch": lambda piece: caught(piece),
    "finally": lambda piece: piece.then({**piece.step, "finally": [{"activity": "closing"}, {"wait": "1s"}]}),
    "compensate": lambda piece: piece.then({**piece.step, "compensate": {"activity": "undo"}}),
    "output": lambda piece: piece.then({**piece.step, "output": {"o": "{{ input.n }}"}}, lambda value: {"o": 3}),
    "lock": lambda piece: piece.then({**piece.step, "lock": {"key": "door"}}),
    "pool": lambda piece: piece.then({**piece.step, "lock": {"key": "{{ input.n }}", "limit": "{{ input.n }}"}}),
    "cache": lambda piece: cached(piece),
    "all": lambda piece: every(piece),
}


def limited(piece: Piece) -> Piece:
    step = {**piece.step, "timeout": f"{10 ** (piece.depth + 1)}m"}
    deeper = replace(piece, depth=piece.depth + 1)
    return deeper.ending(step, "error", "Timeout") if piece.ends == "never" else deeper.then(step)


def caught(piece: Piece) -> Piece:
    step = {**piece.step, "catch": [{"compensate": True, "steps": [echo("caught")]}]}
    return piece.ending(step, "value", "caught") if piece.ends == "error" else piece.then(step)


def cached(piece: Piece) -> Piece:
    """The piece under a key of its own: only its own turns share a result."""
    return piece.then({**piece.step, "cache": {"key": "{{ run.id }}", "ttl": "1d"}})


def every(piece: Piece) -> Piece:
    """All modifiers at once, in the order in which they nest."""
    for name in ("output", "compensate", "retry", "timeout", "catch", "finally", "lock", "cache", "if"):
        piece = MODIFIERS[name](piece)
    return piece


def definition(pieces: list[Piece]) -> dict[str, Any]:
    """One run of many pieces: each in a block of its own that tells how it ended, the last step waits for `end`."""
    steps: list[Step] = []
    fragments: dict[str, Any] = {}
    for number, piece in enumerate(pieces):
        told = echo({"error": "{{ error.type }}"})
        fragments.update(piece.fragments)
        steps.append({"id": f"p{number}", "steps": [piece.step], "timeout": "1000d", "catch": [{"steps": [told]}]})
    results = [f"{{{{ steps.p{number} }}}}" for number in range(len(pieces))]
    end = {"id": "end", "wait": {"signal": "end"}}
    return {"workflow": "everything", "fragments": fragments, "steps": [*steps, end], "output": results}


def alone(piece: Piece, *behind: Step) -> dict[str, Any]:
    """One run of one piece and the steps behind it."""
    return {"workflow": "alone", "timeout": "1000d", "fragments": piece.fragments, "steps": [piece.step, *behind]}


def expected(piece: Piece) -> Any:
    """What the block around a piece of `definition` comes to."""
    if piece.ends == "value":
        return piece.value
    return {"error": "Timeout" if piece.ends == "never" else piece.value}


def names() -> Names:
    return count(1)
