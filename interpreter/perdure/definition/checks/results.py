"""The types of results: of each step, by its kind and its modifiers, and of the lists of steps inside it.

The type is of what the step gives when it runs; that it may not have run is `presence`'s business. Asks the typing
of the definition for whatever expressions give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal

from perdure.definition.checks.presence import may_lose
from perdure.definition.checks.spaces import Placed
from perdure.definition.models import StepList
from perdure.definition.types import ANY, NEVER, Type
from perdure.definition.types.lattice import (
    NOTHING,
    PERHAPS_TEXT,
    TEXT,
    TEXTS,
    find,
    list_of,
    literal,
    mapping,
    nullable,
    text,
    union,
    untold,
)
from perdure.values import JSON

if TYPE_CHECKING:
    from perdure.definition.checks.typing import Typing

Result = Callable[["Typing", Placed], Type]

Read = Literal["result", "own", "undone"]
"""Who reads a result: what comes behind the step, its own `output`, which sees what the kind has given, or its undo,
which is registered only where no `catch` of the step has put something else in its place."""

ERROR: Final = mapping({
    "type": TEXTS, "message": TEXTS, "details": ANY, "step": PERHAPS_TEXT, "attempt": ANY, "cause": ANY,
})  # fmt: skip
_DONE: Final = literal(True)
_FAILED: Final = literal(False)


def result_of(typing: Typing, placed: Placed, read: Read = "result") -> Type:
    """What a step gives when it runs, as `read` sees it."""
    keys = placed.step.keys
    if "output" in keys and read != "own":
        found = typing.template(placed, "output", placed.names, keys["output"])
    else:
        kind = _KINDS.get(placed.step.kind)
        found = NOTHING if kind is None else kind(typing, placed)
    if read == "result" and "catch" in keys:
        found = union(found, *(last_of(typing, children) for _, children in _lists(placed, "catch")))
    return found


def last_of(typing: Typing, children: list[Placed]) -> Type:
    """What a list of steps gives: its last step's result, null when that is skipped or there is none."""
    if not children or typing.presence.ends(children[:-1]):
        return NEVER if children else NOTHING
    last = children[-1]
    found = typing.result(last)
    return nullable(found) if last.step.keys.get("if", True) is not True else found


def state_of(typing: Typing, placed: Placed) -> Type:
    """What a receive begins with."""
    return typing.template(placed, "before", placed.names, placed.step.keys["receive"].get("state", {}))


def _lists(placed: Placed, *roles: str) -> list[tuple[StepList, list[Placed]]]:
    return [(found, children) for found, children in placed.children if found.role in roles]


def _activity(typing: Typing, placed: Placed) -> Type:
    entry = typing.catalogue.get(placed.step.keys["activity"], {})
    return typing.schema(entry.get("result") or {})


def _child(typing: Typing, placed: Placed) -> Type:
    return TEXTS if placed.step.keys.get("detach") is True else ANY


def _block(typing: Typing, placed: Placed) -> Type:
    return union(*(last_of(typing, children) for _, children in _lists(placed, "steps")))


def _branch(typing: Typing, placed: Placed) -> Type:
    branch = placed.step.keys["branch"]
    arms = _lists(placed, "when", "case", "else")
    found = union(*(last_of(typing, children) for _, children in arms))
    entries = len(branch) if isinstance(branch, list) else len(branch["cases"]) + ("else" in branch)
    if len(arms) < entries:  # arms without steps
        found = union(found, NOTHING)
    whole = any(arm.role == "else" for arm, _ in arms) or _is_exhaustive(typing, placed, branch)
    return found if whole else nullable(found)


def _is_exhaustive(typing: Typing, placed: Placed, branch: JSON) -> bool:
    """Whether each value of `on` has its case."""
    if isinstance(branch, list):
        return any("else" in arm for arm in branch)
    on = typing.expression(placed, "before", placed.names, branch["on"])
    return on.kinds == TEXT and on.texts is not None and on.texts <= branch["cases"].keys()


def _parallel(typing: Typing, placed: Placed) -> Type:
    terms = placed.step.keys["parallel"]
    parts = {}
    for found, children in _lists(placed, "branch"):
        part = last_of(typing, children)
        parts[found.key] = nullable(part) if "if" in found.owner else part
    return mapping({name: _member(terms, part) for name, part in parts.items()})


def _foreach(typing: Typing, placed: Placed) -> Type:
    turns = _lists(placed, "turn")
    return list_of(_member(placed.step.keys, last_of(typing, turns[0][1]) if turns else NOTHING))


def _member(terms: Mapping[str, JSON], value: Type) -> Type:
    """What a group gives for one of its members."""
    if terms.get("on_error") == "collect" or "tolerate" in terms:
        return union(mapping({"ok": _DONE, "value": value}), mapping({"ok": _FAILED, "error": ERROR}))
    return nullable(value) if may_lose(terms) else value


def _repeat(typing: Typing, placed: Placed) -> Type:
    turns = _lists(placed, "turn")
    found = last_of(typing, turns[0][1]) if turns else NOTHING
    return found if "until" in (placed.step.keys["repeat"] or ()) else nullable(found)


def _wait(typing: Typing, placed: Placed) -> Type:
    terms = placed.step.keys["wait"]
    if not isinstance(terms, dict):
        return NOTHING
    if "any" in terms:
        names = [_trigger_name(entry) for entry in terms["any"]]
        found = mapping({"name": text(*names), "data": untold(union(*map(_carried, terms["any"])))})
    elif "all" in terms:
        found = mapping({_trigger_name(entry): _carried(entry) for entry in terms["all"]})
    else:
        found = _carried(terms)
    return _or_default(typing, placed, terms, found)


def _trigger_name(entry: Mapping[str, JSON]) -> str:
    return str(entry.get("name") or entry.get("signal") or entry.get("event") or "time")


def _carried(entry: Mapping[str, JSON]) -> Type:
    return ANY if "signal" in entry or "event" in entry else NOTHING


def _or_default(typing: Typing, placed: Placed, terms: JSON, found: Type) -> Type:
    if not isinstance(terms, dict) or "default" not in terms:
        return found
    return union(found, typing.template(placed, "before", placed.names, terms["default"]))


def _select(typing: Typing, placed: Placed) -> Type:
    terms = placed.step.keys["select"]
    arms = _lists(placed, "arm")
    found = union(*(last_of(typing, children) for _, children in arms))
    if len(arms) < len(terms["arms"] if isinstance(terms, dict) else terms):  # arms without steps
        found = union(found, NOTHING)
    return _or_default(typing, placed, terms, found)


def _ask(typing: Typing, placed: Placed) -> Type:
    terms = placed.step.keys["ask"]
    answer = ANY
    if "choices" in terms:
        answer = find(typing.template(placed, "before", placed.names, terms["choices"]), 0)
    elif isinstance(terms.get("form"), dict) and "{{" not in str(terms["form"]):
        answer = typing.schema(terms["form"])
    return mapping({"answer": _or_default(typing, placed, terms, answer), "by": PERHAPS_TEXT, "at": TEXTS})


def _receive(typing: Typing, placed: Placed) -> Type:
    return _or_default(typing, placed, placed.step.keys["receive"], typing.state(placed))


def _set(typing: Typing, placed: Placed) -> Type:
    return typing.template(placed, "before", placed.names, placed.step.keys["set"])


def _leaves(typing: Typing, placed: Placed) -> Type:
    return NEVER


def _use(typing: Typing, placed: Placed) -> Type:
    used = typing.spaces.used_by(placed)
    return ANY if used is None else typing.result(used.root)


_KINDS: Final[Mapping[str, Result]] = {
    "activity": _activity,
    "workflow": _child,
    "steps": _block,
    "branch": _branch,
    "parallel": _parallel,
    "foreach": _foreach,
    "repeat": _repeat,
    "wait": _wait,
    "select": _select,
    "ask": _ask,
    "receive": _receive,
    "set": _set,
    "return": _leaves,
    "fail": _leaves,
    "restart": _leaves,
    "use": _use,
}
"""The others give null."""
