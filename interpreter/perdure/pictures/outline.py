"""What a picture shows of a definition: boxes within lanes within boxes, in the order they are written.

Made from the tree of steps; says nothing of where things are drawn (`layout`) or how (`svg`, `mermaid`, `dot`, `text`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from perdure.definition import Document, Step, StepList
from perdure.values import JSON

BESIDE: Final = ("catch", "finally", "undo")
"""Roles of lists that belong to a step besides what it does."""
LONGEST: Final = 60
"""Characters of a written value that a picture shows."""
_HOLE: Final = re.compile(r"\{\{-?\s*((?:(?!\{\{|\}\}).)*?)\s*-?\}\}", re.DOTALL)


@dataclass(slots=True)
class Lane:
    """A list of steps. `beside` when it is not the way the step usually goes: catch, finally, undo."""

    label: str
    boxes: list[Box] = field(default_factory=list)
    beside: bool = False


@dataclass(slots=True)
class Box:
    """One step. `name` is its id where it has one, `title` what it does, `notes` its modifiers in words."""

    address: str
    kind: str
    name: str | None
    title: str
    notes: list[str] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)

    def walk(self) -> Iterator[Box]:
        """This box and all inside it, each before what it holds."""
        waiting = [self]
        while waiting:
            box = waiting.pop()
            yield box
            for lane in reversed(box.lanes):
                waiting.extend(reversed(lane.boxes))


def outline(document: Document) -> Box:
    """The whole definition as one box; its name is the workflow's."""
    root = Box("", "workflow", str(document.keys["workflow"]), _version(document.keys))
    waiting = [(document.root, root)]
    while waiting:
        step, box = waiting.pop()
        for found in step.lists:
            if _is_small_undo(found):
                box.notes.append(f"undo: {_title(found.steps[0])}")
                continue
            lane = Lane(_lane_label(found), beside=found.role in BESIDE)
            box.lanes.append(lane)
            for inner in found.steps:
                lane.boxes.append(_box(inner))
                waiting.append((inner, lane.boxes[-1]))
    return root


def _version(keys: Mapping[str, JSON]) -> str:
    return f"version {keys['version']}" if keys.get("version") is not None else ""


def _box(step: Step) -> Box:
    return Box(step.address, step.kind, step.id, _title(step), _notes(step.keys))


def _is_small_undo(found: StepList) -> bool:
    return found.role == "undo" and not found.steps[0].lists


def brief(value: JSON) -> str:
    """A written value in one short line: a mapping by its keys, a sole expression without its braces."""
    words = " ".join(_words(value).split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def _words(value: JSON) -> str:
    match value:
        case None | bool():
            return str(json.dumps(value))
        case dict():
            return ", ".join(value)
        case list():
            return ", ".join(map(_words, value))
    sole = _HOLE.fullmatch(str(value).strip())
    return sole[1] if sole is not None else str(value)


def _title(step: Step) -> str:
    written = step.keys[step.kind]
    make = _TITLES.get(step.kind)
    return brief(make(written) if make is not None else written)


def _condition_of_repeat(written: Any) -> str:
    for word in ("while", "until"):
        if word in written:
            return f"{word} {_words(written[word])}"
    return f"at most {written['max']} times" if "max" in written else "for ever"


def _wait(written: Any) -> str:
    if not isinstance(written, dict):
        return _words(written)
    for word in ("any", "all"):
        if word in written:
            return f"{word} of {', '.join(_entry(entry) for entry in written[word])}"
    return _entry(written) + (f", at most {_words(written['timeout'])}" if "timeout" in written else "")


def _entry(entry: Mapping[str, Any]) -> str:
    for word in ("signal", "event", "until", "after", "for"):
        if word in entry:
            return f"{word} {_words(entry[word])}"
    return ""


def _receive(written: Mapping[str, Any]) -> str:
    handled = ", ".join(_handler(handler) for handler in written["on"])
    return f"{handled} until {written['until']}" if "until" in written else handled


def _handler(handler: Mapping[str, Any]) -> str:
    word = "update" if "update" in handler else "signal"
    return f"{word} {handler[word]}"


def _joining(written: Mapping[str, Any]) -> str:
    words = [f"join {written['join']}"] if "join" in written else []
    return ", ".join(
        [*words, *(f"{key}: {written[key]}" for key in ("on_error", "rest", "tolerate") if key in written)]
    )


_TITLES: Final[Mapping[str, Callable[[Any], object]]] = {
    "steps": lambda written: "in order",
    "branch": lambda written: written["on"] if isinstance(written, dict) else "",
    "parallel": _joining,
    "repeat": _condition_of_repeat,
    "wait": _wait,
    "select": lambda written: "the first to happen",
    "ask": lambda written: written["prompt"],
    "receive": _receive,
    "set": lambda written: ", ".join(written),
    "publish": lambda written: ", ".join(written) if isinstance(written, dict) else written,
    "send": lambda written: f"{written['signal']} to {written['to']}",
    "emit": lambda written: written["event"],
    "cancel": lambda written: written["run"] if isinstance(written, dict) else written,
    "fail": lambda written: written["type"],
    "restart": lambda written: "as a new run",
    "rollback": lambda written: f"to {written['to']}" if isinstance(written, dict) else "everything",
}


def _notes(keys: Mapping[str, Any]) -> list[str]:
    notes = []
    for key, make in _NOTES.items():
        if key in keys:
            notes.append(brief(make(keys[key])))
    return notes


def _timeout(written: Any) -> str:
    if isinstance(written, dict):
        return "timeout " + ", ".join(f"{key} {_words(value)}" for key, value in written.items())
    return f"timeout {_words(written)}"


_NOTES: Final[Mapping[str, Callable[[Any], str]]] = {
    "if": lambda written: f"if {_words(written)}",
    "lock": lambda written: f"lock {written['key']}",
    "cache": lambda written: f"cached by {written['key']}",
    "timeout": _timeout,
    "retry": lambda written: f"retry {written['attempts']} attempts" if "attempts" in written else "retry",
    "queue": lambda written: f"queue {_words(written)}",
    "concurrency": lambda written: f"{_words(written)} at once",
}


def _lane_label(found: StepList) -> str:
    owner: Mapping[str, Any] = found.owner
    match found.role:
        case "when":
            return brief(owner["when"])
        case "case":
            return brief(found.key)
        case "else":
            return "else"
        case "branch":
            return brief(f"{found.key} if {owner['if']}") if "if" in owner else found.key
        case "arm":
            return brief(_entry(owner))
        case "handler":
            return brief(_handler(owner))
        case "catch":
            return brief(f"catch {', '.join(owner.get('errors', ['any error']))}")
        case "finally":
            return "finally"
        case "undo":
            return "undo"
        case _:
            return ""
