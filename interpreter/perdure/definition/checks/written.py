"""Where expressions stand: every value of a step in which `{{ }}` or a bare expression may be written.

The other half of what `kinds` and `compiler` compile; a place missing here would be compiled without being checked.
Knows nothing about what the expressions say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from perdure.definition.checks.spaces import Names, Placed, names_in_arm
from perdure.definition.models import Path, Step
from perdure.values import JSON

Form = Literal["template", "condition", "collection", "expression"]
"""How a value is read: as a nested template, or as one bare expression."""

Slot = Literal["before", "while", "until", "catch", "output"]
"""When a step evaluates it: before its own work, around the turns of a loop, for an error, or once completed."""


@dataclass(frozen=True, slots=True)
class Written:
    """A value that is evaluated; `path` leads to it from its step, `names` are what its place binds."""

    form: Form
    value: JSON
    path: Path
    slot: Slot
    names: Names


_RETRY: Final = ("attempts", "backoff", "delay", "factor", "max_delay", "jitter", "within")
_TIMEOUT: Final = ("attempt", "total", "queue", "heartbeat")
_PATIENCE: Final = ("timeout", "default")
_TRIGGER: Final = ("after", "until", "timezone")
_JOINING: Final = ("join", "tolerate")

Found = Iterator[tuple[Form, JSON, Path]]


def written(placed: Placed) -> Iterator[Written]:
    """Every expression and template of a step, those of the steps inside it not included."""
    step, names = placed.step, placed.names
    keys = step.keys
    if placed.parent is None:
        for form, value, path in _templates(keys, (), ("vars", "labels", "timeout")):
            yield Written(form, value, path, "before", names)
    else:
        for form, value, path in _modifiers(keys):
            yield Written(form, value, path, "before", names)
        for form, value, path in _KINDS[step.kind](step):
            yield Written(form, value, path, "before", names)
        if step.kind == "repeat":
            yield from _loop_conditions(keys["repeat"], {**names, "index": {}})
    for index, arm in enumerate(keys.get("catch") or ()):
        if "if" in arm:
            yield Written("condition", arm["if"], ("catch", index, "if"), "catch", names_in_arm(arm, names))
    if "output" in keys:
        yield Written("template", keys["output"], ("output",), "output", names)


def policies(keys: Mapping[str, JSON]) -> Found:
    """The templates of a retry and a timeout: a step's own, or those of `defaults`."""
    timeout = keys.get("timeout")
    if isinstance(timeout, dict):
        yield from _templates(timeout, ("timeout",), _TIMEOUT)
    elif timeout is not None:
        yield "template", timeout, ("timeout",)
    yield from _templates(keys.get("retry"), ("retry",), _RETRY)


def _modifiers(keys: Mapping[str, JSON]) -> Found:
    if "if" in keys:
        yield "condition", keys["if"], ("if",)
    yield from policies(keys)
    yield from _templates(keys, (), ("summary",))


def _templates(keys: JSON, path: Path, names: tuple[str, ...]) -> Found:
    for name in names:
        if isinstance(keys, dict) and name in keys:
            yield "template", keys[name], (*path, name)


def _loop_conditions(terms: Mapping[str, JSON], names: Names) -> Iterator[Written]:
    slots: tuple[Slot, ...] = ("while", "until")
    for slot in slots:
        if slot in terms:
            yield Written("condition", terms[slot], ("repeat", slot), slot, names)


def _only(*names: str) -> Callable[[Step], Found]:
    """The kinds whose templates are the values of some of the step's own keys."""
    return lambda step: _templates(step.keys, (), names)


def _branch(step: Step) -> Found:
    branch = step.keys["branch"]
    if isinstance(branch, dict):
        yield "expression", branch["on"], ("branch", "on")
        return
    for index, arm in enumerate(branch):
        if "when" in arm:
            yield "condition", arm["when"], ("branch", index, "when")


def _parallel(step: Step) -> Found:
    terms = step.keys["parallel"]
    for name, lane in terms["branches"].items():
        if isinstance(lane, dict) and "if" in lane:
            yield "condition", lane["if"], ("parallel", "branches", name, "if")
    yield from _templates(terms, ("parallel",), _JOINING)


def _foreach(step: Step) -> Found:
    yield "collection", step.keys["foreach"], ("foreach",)
    yield from _templates(step.keys, (), ("concurrency", *_JOINING))


def _repeat(step: Step) -> Found:
    yield from _templates(step.keys["repeat"], ("repeat",), ("max",))


def _wait(step: Step) -> Found:
    terms = step.keys["wait"]
    if not isinstance(terms, dict):
        yield "template", terms, ("wait",)
        return
    yield from _templates(terms, ("wait",), ("for", *_TRIGGER, *_PATIENCE))
    for gather in ("any", "all"):
        yield from _triggers(terms.get(gather), ("wait", gather))


def _select(step: Step) -> Found:
    terms = step.keys["select"]
    if not isinstance(terms, dict):
        yield from _triggers(terms, ("select",))
        return
    yield from _templates(terms, ("select",), ("timezone", *_PATIENCE))
    yield from _triggers(terms["arms"], ("select", "arms"))


def _triggers(entries: JSON, path: Path) -> Found:
    for index, entry in enumerate(entries or ()):
        yield from _templates(entry, (*path, index), _TRIGGER)


def _ask(step: Step) -> Found:
    names = ("prompt", "form", "choices", "of", "reminders", *_PATIENCE)
    yield from _templates(step.keys["ask"], ("ask",), names)


_KINDS: Final[Mapping[str, Callable[[Step], Found]]] = {
    "activity": _only("with"),
    "steps": _only(),
    "branch": _branch,
    "parallel": _parallel,
    "foreach": _foreach,
    "repeat": _repeat,
    "wait": _wait,
    "select": _select,
    "ask": _ask,
    "set": _only("set"),
    "return": _only("return"),
    "fail": _only("fail"),
    "rollback": _only(),
    "use": _only("with"),
}
