"""What a project knows by name and a document may write: activities, arguments, workflows, fragments, steps, errors.

Keys and values by the place they stand at; the rest of what fits a place is said by the table of the language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from os.path import relpath
from typing import Any, Final

from perdure.definition.checks.arguments import resolved
from perdure.definition.error_types import CATCHABLE
from perdure.definition.marks import Path, at
from perdure.editor.analysis import TEST_SUFFIXES, Analysis
from perdure.editor.answers import Sort
from perdure.editor.names import Scope, summed, told
from perdure.values import JSON

_SPANS: Final = ("30s", "1m", "5m", "1h", "1d")


@dataclass(frozen=True, slots=True)
class Offer:
    """A word that fits a place."""

    word: str
    sort: Sort
    about: str = ""
    detail: str = ""
    rank: int = 0
    deprecated: bool = False
    quoted: bool = True


def keys_known(analysis: Analysis, path: Path, value: JSON) -> Iterator[Offer]:
    """Keys that the mapping at a path could have by what its step calls; those it has are left out."""
    there = value if isinstance(value, dict) else {}
    if path[-1:] == ("with",):
        schema = called_schema(analysis, path[:-1])
        required = schema.get("required") or ()
        for name, one in (schema.get("properties") or {}).items():
            if name not in there:
                needed = name in required
                detail = f"{told_type(one)}, required" if needed else told_type(one)
                yield Offer(str(name), "field", told(resolved(one, schema)), detail, -20 if needed else -10)
    elif path == ("defaults",):
        yield from (one for one in _activities(analysis, path) if one.word not in there)
    elif analysis.is_tests and path[-1:] == ("steps",) and "expect" in path:
        yield from (one for one in _steps_under_test(analysis, path) if one.word not in there)


def values_known(analysis: Analysis, path: Path) -> Iterator[Offer]:
    """Single values that fit the place at a path."""
    names = [part for part in path if isinstance(part, str)]
    last = names[-1] if names else ""
    owner = at(analysis.source.value, path[:-1])
    if len(path) > 1 and path[-2] == "with":
        yield from _argument(analysis, path)
        return
    if analysis.is_tests:
        found = _IN_TESTS.get(last)
    elif last == "to" and path[-2:-1] == ("rollback",):
        found = _undoable
    elif last in ("on", "except") and "retry" not in path:
        found = None
    else:
        found = _IN_DEFINITIONS.get(last)
    if last == "workflow" and len(path) == 1:
        found = None
    if found is not None and not (last == "imports" and isinstance(owner, list)):
        yield from found(analysis, path)
    elif len(path) == 2 and path[0] == "imports":
        yield from _files(analysis, path)


def called_schema(analysis: Analysis, step: Path) -> dict[str, Any]:
    """The schema of what the step at a path takes by `with`: an activity's, a fragment's or a child's."""
    keys = at(analysis.source.value, step)
    if not isinstance(keys, dict):
        return {}
    if isinstance(name := keys.get("activity"), str):
        entry = analysis.surroundings.catalogue.get(name) or {}
        return dict(entry.get("arguments") or {})
    if isinstance(name := keys.get("use"), str):
        space = analysis.fragments.get(name)
        found = None if space is None else space.keys.get("input")
        return found if isinstance(found, dict) else {}
    if isinstance(name := keys.get("workflow"), str):
        child = analysis.child(name)
        found = None if child is None else at(child.source.value, ("input",))
        return found if isinstance(found, dict) else {}
    return {}


def told_type(schema: JSON) -> str:
    """The type of a value in a word or two."""
    if not isinstance(schema, dict):
        return "any value"
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return kinds
    if isinstance(kinds, list):
        return " | ".join(map(str, kinds))
    parts = [told_type(one) for key in ("anyOf", "oneOf") for one in schema.get(key) or ()]
    return " | ".join(dict.fromkeys(parts)) or "any value"


def _argument(analysis: Analysis, path: Path) -> Iterator[Offer]:
    schema = called_schema(analysis, path[:-2])
    part = resolved((schema.get("properties") or {}).get(path[-1]) or {}, schema)
    for one in part.get("enum") or ():
        yield Offer(str(one), "value", told(part), quoted=isinstance(one, str))
    if part.get("type") == "boolean":
        yield from (Offer(word, "value", told(part), quoted=False) for word in ("true", "false"))


def _activities(analysis: Analysis, path: Path) -> Iterator[Offer]:
    for name, entry in analysis.surroundings.catalogue.items():
        takes = ", ".join((entry.get("arguments") or {}).get("properties") or ())
        about = str(entry.get("doc") or entry.get("summary") or "")
        yield Offer(name, "activity", about, f"({takes})", deprecated=entry.get("deprecated") is not None)


def _workflows(analysis: Analysis, path: Path) -> Iterator[Offer]:
    for name, file in analysis.surroundings.workflows.items():
        yield Offer(name, "workflow", "", relpath(file, analysis.path.parent))


def _fragments(analysis: Analysis, path: Path) -> Iterator[Offer]:
    for name, space in analysis.fragments.items():
        about = space.keys.get("description")
        yield Offer(name, "fragment", about if isinstance(about, str) else "", space.file)


def _undoable(analysis: Analysis, path: Path) -> Iterator[Offer]:
    yield from (Offer(id, "step", about) for id, about in Scope(analysis, path).steps().items())


def _errors(analysis: Analysis, path: Path) -> Iterator[Offer]:
    chosen: dict[str, str] = {}
    for space in analysis.spaces.all if analysis.spaces is not None else ():
        for placed in space.steps():
            kind = at(placed.step.keys, ("fail", "type"))
            if isinstance(kind, str) and "{{" not in kind:
                chosen[kind] = "raised by a `fail` of this file"
    for rank, (name, about) in enumerate({**chosen, **CATCHABLE, "*": "any error"}.items()):
        yield Offer(name, "value", about, rank=rank)


def _spans(analysis: Analysis, path: Path) -> Iterator[Offer]:
    yield from (Offer(span, "value", rank=rank, quoted=False) for rank, span in enumerate(_SPANS))


def _files(analysis: Analysis, path: Path) -> Iterator[Offer]:
    """Files beside this one that may be meant."""
    try:
        names = sorted(file.name for file in analysis.path.parent.iterdir())[:500]
    except OSError:
        return
    for name in names:
        if name.endswith((".yaml", ".yml", ".json")) and not name.endswith((*TEST_SUFFIXES, analysis.path.name)):
            yield Offer(f"./{name}", "file")


def _steps_under_test(analysis: Analysis, path: Path) -> Iterator[Offer]:
    subject = analysis.subject
    for space in subject.spaces.all if subject is not None and subject.spaces is not None else ():
        for id, targets in space.ids.items():
            yield Offer(id, "step", summed(targets[0]))


def _of_steps(key: str, sort: Sort, *kinds: str) -> Callable[[Analysis, Path], Iterator[Offer]]:
    """The names under a key in the steps of the definition under test."""

    def offers(analysis: Analysis, path: Path) -> Iterator[Offer]:
        subject = analysis.subject
        found: dict[str, None] = {}
        for space in subject.spaces.all if subject is not None and subject.spaces is not None else ():
            for placed in space.steps():
                for kind in kinds:
                    for holder in _mappings(placed.step.keys.get(kind) if kind else placed.step.keys):
                        if isinstance(holder.get(key), str):
                            found[holder[key]] = None
        yield from (Offer(name, sort) for name in found)

    return offers


def _mappings(value: JSON) -> Iterator[Mapping[str, JSON]]:
    """A value that is a mapping, or those in the lists it holds."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            if isinstance(inner, list):
                yield from (one for one in inner if isinstance(one, dict))
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


_IN_DEFINITIONS: Final[Mapping[str, Callable[[Analysis, Path], Iterator[Offer]]]] = {
    "activity": _activities,
    "workflow": _workflows,
    "use": _fragments,
    "errors": _errors,
    "on": _errors,
    "except": _errors,
    **dict.fromkeys(
        ("timeout", "delay", "max_delay", "within", "attempt", "total", "heartbeat", "ttl", "wait", "for", "after",
         "every", "jitter", "catch_up", "reminders"),
        _spans,
    ),
}  # fmt: skip
_IN_TESTS: Final[Mapping[str, Callable[[Analysis, Path], Iterator[Offer]]]] = {
    "test": _files,
    "step": _steps_under_test,
    "answer": _steps_under_test,
    "order": _steps_under_test,
    "undone": _steps_under_test,
    "activity": _of_steps("activity", "activity", ""),
    "workflow": _of_steps("workflow", "workflow", ""),
    "signal": _of_steps("signal", "name", "wait", "select", "receive"),
    "update": _of_steps("update", "name", "receive"),
    "event": _of_steps("event", "name", "wait", "select"),
}
