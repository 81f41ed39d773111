"""Where expressions stand: every value of a step in which `{{ }}` or a bare expression may be written.

The other half of what `kinds` and `compiler` compile; a place missing here would be compiled without being checked.
Knows nothing about what the expressions say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal

from perdure.definition.checks.order import handling
from perdure.definition.checks.spaces import (
    Binding,
    Names,
    Placed,
    names_in_arm,
    names_in_handler,
    names_in_receive,
)
from perdure.definition.models import Path, Step
from perdure.definition.schedules import schedules
from perdure.record import record
from perdure.values import JSON

Form = Literal["template", "condition", "collection", "expression"]
"""How a value is read: as a nested template, or as one bare expression."""

Slot = str
"""When a step evaluates it: `before` its own work, `while` or `until` around what it repeats, for an error (`catch`),
once completed (`output`), behind the steps of a handler (see `handling`), when it is asked (`query`), or before there
is a run (`schedule`)."""


@record
class Written:
    """A value that is evaluated; `path` leads to it from its step, `names` are what its place binds."""

    form: Form
    value: JSON
    path: Path
    slot: Slot
    names: Names


_RETRY: Final = ("attempts", "backoff", "delay", "factor", "max_delay", "jitter", "within")
_LOCK: Final = ("key", "limit")
_CACHE: Final = ("key", "ttl")
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
        slots = _templates(keys.get("concurrency"), ("concurrency",), _LOCK)
        for form, value, path in (*_templates(keys, (), ("vars", "labels")), *slots, *policies(keys)):
            yield Written(form, value, path, "before", names)
        for name, text in (keys.get("queries") or {}).items():
            yield Written("expression", text, ("queries", name), "query", {"state": Binding("published")})
        yield from _schedules(keys)
    else:
        for form, value, path in _modifiers(keys):
            yield Written(form, value, path, "before", names)
        for form, value, path in _KINDS[step.kind](step):
            yield Written(
                form, value, path, "before", {**names, "secrets": Binding("secrets")} if path == ("with",) else names
            )
        yield from _inner(placed)
    for index, arm in enumerate(keys.get("catch") or ()):
        if "if" in arm:
            yield Written("condition", arm["if"], ("catch", index, "if"), "catch", names_in_arm(arm, names))
    if "output" in keys:
        yield Written("template", keys["output"], ("output",), "output", names)


def _schedules(keys: Mapping[str, JSON]) -> Iterator[Written]:
    for path, schedule in schedules(keys):
        names = {"schedule": Binding("schedule"), **({"message": Binding("message")} if "event" in schedule else {})}
        for form, value, at in _templates(schedule, path, ("input",)):
            yield Written(form, value, at, "schedule", names)
        if "match" in schedule:
            yield Written("condition", schedule["match"], (*path, "match"), "schedule", names)


def policies(keys: Mapping[str, JSON]) -> Found:
    """The templates of a retry, a timeout and a queue: a step's own, or those of `defaults`."""
    timeout = keys.get("timeout")
    if isinstance(timeout, dict):
        yield from _templates(timeout, ("timeout",), _TIMEOUT)
    elif timeout is not None:
        yield "template", timeout, ("timeout",)
    yield from _templates(keys.get("retry"), ("retry",), _RETRY)
    yield from _templates(keys, (), ("queue", "priority"))


def _modifiers(keys: Mapping[str, JSON]) -> Found:
    if "if" in keys:
        yield "condition", keys["if"], ("if",)
    yield from _templates(keys.get("cache"), ("cache",), _CACHE)
    yield from _templates(keys.get("lock"), ("lock",), _LOCK)
    yield from policies(keys)
    yield from _templates(keys, (), ("summary",))


def _templates(keys: JSON, path: Path, names: tuple[str, ...]) -> Found:
    for name in names:
        if isinstance(keys, dict) and name in keys:
            yield "template", keys[name], (*path, name)


def _inner(placed: Placed) -> Iterator[Written]:
    """What is evaluated in a scope of the step's own: it binds names that the step itself cannot read."""
    step, names = placed.step, placed.names
    match step.kind:
        case "repeat":
            yield from _loop_conditions(step.keys["repeat"], {**names, "index": Binding("index")})
        case "wait" | "select":
            for path, entry in triggers(step):
                if "match" in entry:
                    yield Written(
                        "condition",
                        entry["match"],
                        (*path, "match"),
                        "before",
                        {**names, "message": Binding("message")},
                    )
        case "receive":
            yield from _messages(placed)


def _loop_conditions(terms: Mapping[str, JSON], names: Names) -> Iterator[Written]:
    for slot in ("while", "until"):
        if slot in terms:
            yield Written("condition", terms[slot], ("repeat", slot), slot, names)


def _messages(placed: Placed) -> Iterator[Written]:
    terms, inside = placed.step.keys["receive"], names_in_receive(placed)
    if "until" in terms:
        yield Written("condition", terms["until"], ("receive", "until"), "until", inside)
    for index, handler in enumerate(terms["on"]):
        path, told = ("receive", "on", index), names_in_handler(handler, inside)
        if "accept" in handler:
            yield Written("condition", handler["accept"], (*path, "accept"), "before", told)
        for form, value, at in _templates(handler, path, ("set", "reply")):
            yield Written(form, value, at, handling(str(index)), told)


def triggers(step: Step) -> Iterator[tuple[Path, Mapping[str, JSON]]]:
    """The triggers of a wait or select, with their paths in the step."""
    kind, terms = step.kind, step.keys[step.kind]
    lists: list[tuple[Path, list[Mapping[str, JSON]]]] = []
    if isinstance(terms, list):
        lists = [((kind,), terms)]
    elif isinstance(terms, dict):
        lists = [((kind, key), terms[key]) for key in ("any", "all", "arms") if key in terms]
        if not lists:
            yield (kind,), terms
    for path, entries in lists:
        for index, entry in enumerate(entries):
            yield (*path, index), entry


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
    yield from _templates(terms, ("wait",), ("for", *_PATIENCE))
    yield from _triggers(step)


def _select(step: Step) -> Found:
    if isinstance(step.keys["select"], dict):
        yield from _templates(step.keys["select"], ("select",), ("timezone", *_PATIENCE))
    yield from _triggers(step)


def _triggers(step: Step) -> Found:
    for path, entry in triggers(step):
        yield from _templates(entry, path, _TRIGGER)


def _ask(step: Step) -> Found:
    names = ("prompt", "form", "choices", "of", "reminders", *_PATIENCE)
    yield from _templates(step.keys["ask"], ("ask",), names)


def _receive(step: Step) -> Found:
    yield from _templates(step.keys["receive"], ("receive",), ("state", *_PATIENCE))


def _send(step: Step) -> Found:
    yield from _templates(step.keys["send"], ("send",), ("to", "data"))


def _emit(step: Step) -> Found:
    yield from _templates(step.keys["emit"], ("emit",), ("data",))


def _cancel(step: Step) -> Found:
    terms = step.keys["cancel"]
    if isinstance(terms, dict):
        yield from _templates(terms, ("cancel",), ("run", "reason"))
    else:
        yield "template", terms, ("cancel",)


_KINDS: Final[Mapping[str, Callable[[Step], Found]]] = {
    "activity": _only("with"),
    "workflow": _only("with"),
    "steps": _only(),
    "branch": _branch,
    "parallel": _parallel,
    "foreach": _foreach,
    "repeat": _repeat,
    "wait": _wait,
    "select": _select,
    "ask": _ask,
    "receive": _receive,
    "set": _only("set"),
    "publish": _only("publish"),
    "send": _send,
    "emit": _emit,
    "cancel": _cancel,
    "return": _only("return"),
    "fail": _only("fail"),
    "restart": _only("restart"),
    "rollback": _only(),
    "use": _only("with"),
}
