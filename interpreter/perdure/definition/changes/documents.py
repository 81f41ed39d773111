"""The changes from one document to another, in the order of the new one; what is gone comes last.

Steps are the same where their address is, else where their id is (moved), else where all but the id is (renamed).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from perdure.definition.changes.change import Change
from perdure.definition.changes.input_schema import Verdict, judge
from perdure.definition.models import Document, Path, Step
from perdure.values import JSON, canonical

CONTENT: Final = ("steps", "finally", "catch", "fragments", "imports")
"""Top-level keys whose steps are compared one by one, or that mean nothing by themselves."""


@dataclass(frozen=True, slots=True)
class Place:
    """A step where it stands: its list, named by the step that holds it and the list's part of it."""

    step: Step
    within: tuple[str, str, str]
    number: int

    @property
    def path(self) -> Path:
        return self.step.path


def changes(old: Document, new: Document) -> list[Change]:
    """All that differs; nothing where only spelling, order of keys or comments do."""
    before, after = _places(old), _places(new)
    pairs = _pairs(before, after)
    found = [*_top(old, new)]
    moved = _reordered(pairs, after)
    for address, place in after.items():
        match = pairs.get(address)
        if match is None and place.within[0] in after and place.within[0] not in pairs:
            continue  # it came with the step around it
        if match is None:
            found.append(Change("added", address, new=_shown(place.step), new_path=place.path))
        else:
            elsewhere = address in moved or not _same_list(match, place, pairs)
            found.extend(_step_changes(match, place, moved=elsewhere))
    gone = before.keys() - {match.step.address for match in pairs.values()}
    found += [
        Change("removed", address, old=_shown(place.step), old_path=place.path)
        for address, place in before.items()
        if address in gone and place.within[0] not in gone
    ]
    return found


def _places(document: Document) -> dict[str, Place]:
    """Every step by address, those put in place of a `use` with it only."""
    places: dict[str, Place] = {}
    waiting = [document.root]
    while waiting:
        step = waiting.pop()
        for found in step.lists:
            if found.role == "fragment":
                continue
            for number, inner in enumerate(found.steps):
                places[inner.address] = Place(inner, (step.address, found.role, found.key), number)
        lists = [found for found in reversed(step.lists) if found.role != "fragment"]
        waiting.extend(inner for found in lists for inner in reversed(found.steps))
    return places


def _pairs(before: Mapping[str, Place], after: Mapping[str, Place]) -> dict[str, Place]:
    """New address → the old step it was, those around a step before it."""
    pairs: dict[str, Place] = {}
    left = dict(before)
    for address, place in after.items():
        if address in left and _alike(left[address], place):
            pairs[address] = left.pop(address)
    by_id = {place.step.id: address for address, place in left.items() if place.step.id is not None}
    by_content = {_content(place.step): address for address, place in reversed(left.items())}
    for address, place in after.items():
        if address in pairs:
            continue
        around = pairs.get(place.within[0])
        candidates = (
            by_id.get(place.step.id) if place.step.id is not None else None,
            by_content.get(_content(place.step)),
            None if around is None else _held(left, around.step.address, place),
        )
        match = next((found for found in candidates if found in left), None)
        if match is not None:
            pairs[address] = left.pop(match)
    return pairs


def _held(left: Mapping[str, Place], holder: str, place: Place) -> str | None:
    """The step at the same place within a step whose own address was another."""
    spot = (holder, *place.within[1:])
    for address, old in left.items():
        if old.within == spot and old.number == place.number and old.step.kind == place.step.kind:
            return address
    return None


def _same_list(old: Place, new: Place, pairs: Mapping[str, Place]) -> bool:
    around = pairs.get(new.within[0])
    holder = new.within[0] if around is None else around.step.address
    return old.within == (holder, *new.within[1:])


def _alike(old: Place, new: Place) -> bool:
    """Whether an address means the same step: by its id, or, where it has none, by its kind."""
    return old.step.kind == new.step.kind or (old.step.id is not None and old.step.id == new.step.id)


def _content(step: Step) -> str:
    """All that a step says but its own id, also where it reads its own result."""
    said = canonical([step.kind, {key: value for key, value in step.keys.items() if key != "id"}]).decode()
    return said if step.id is None else re.sub(rf"\bsteps\.{re.escape(step.id)}\b", "steps.@", said)


def _reordered(pairs: Mapping[str, Place], after: Mapping[str, Place]) -> set[str]:
    """New addresses of steps that stand in the same list as before, but not in the same order."""
    moved: set[str] = set()
    lists: dict[tuple[str, str, str], list[str]] = {}
    for address, old in pairs.items():
        if _same_list(old, after[address], pairs):
            lists.setdefault(old.within, []).append(address)
    for addresses in lists.values():
        before = sorted(addresses, key=lambda address: pairs[address].number)
        now = sorted(addresses, key=lambda address: after[address].number)
        same = SequenceMatcher(None, before, now, autojunk=False).get_matching_blocks()
        kept = {address for block in same for address in now[block.b : block.b + block.size]}
        moved.update(address for address in now if address not in kept)
    return moved


def _top(old: Document, new: Document) -> Iterator[Change]:
    for key in [*new.keys, *(key for key in old.keys if key not in new.keys)]:
        was, now = old.keys.get(key), new.keys.get(key)
        if key in CONTENT or canonical(was) == canonical(now):
            continue
        what = "added" if key not in old.keys else "removed" if key not in new.keys else "changed"
        paths = ((key,) if key in old.keys else None, (key,) if key in new.keys else None)
        if key != "input":
            yield Change(what, key, None, was, now, None, *paths)
            continue
        verdicts = list(judge(was, now))
        if not verdicts:
            yield Change(what, key, None, was, now, None, *paths)
        for verdict in verdicts:
            yield Change(what, key, verdict.where, None, verdict.reason, _weight(verdict), *paths)


def _weight(verdict: Verdict) -> str:
    return "breaking for callers" if verdict.breaking else "may refuse what was accepted"


def _step_changes(old: Place, new: Place, *, moved: bool) -> Iterator[Change]:
    subject = new.step.address
    paths = (old.path, new.path)
    if old.step.id != new.step.id:
        yield Change("renamed", subject, None, old.step.id, new.step.id, None, *paths)
    if moved:
        yield Change("moved", subject, None, _spot(old), _spot(new), None, *paths)
    if old.step.kind != new.step.kind:
        yield Change("changed", subject, "kind", old.step.kind, new.step.kind, None, *paths)
    was, now = _own(old.step), _own(new.step)
    for key in [*now, *(key for key in was if key not in now)]:
        if canonical(was.get(key)) != canonical(now.get(key)):
            yield Change("changed", subject, key, was.get(key), now.get(key), None, *paths)


def _spot(place: Place) -> str:
    step, role, key = place.within
    names = (step or "the definition", "" if role in ("steps", "turn") else role, key)
    return f"{' '.join(filter(None, names))}, step {place.number + 1}"


def _own(step: Step) -> dict[str, JSON]:
    """What a step says apart from the steps inside it, by dotted key."""
    inside = {found.path[len(step.path) :] for found in step.lists if found.role != "fragment"}
    flat: dict[str, JSON] = {}
    waiting: list[tuple[Path, Any]] = [((), dict(step.keys))]
    while waiting:
        path, value = waiting.pop()
        if path in inside or path == ("id",):
            continue
        opened = not path or path[0] != "with" or len(path) == 1
        if isinstance(value, dict) and value and opened:
            waiting.extend(((*path, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, list) and any(held[: len(path)] == path for held in inside):
            waiting.extend(((*path, number), item) for number, item in reversed(list(enumerate(value))))
        else:
            flat[".".join(map(str, path))] = value
    return flat


def _shown(step: Step) -> JSON:
    written = step.keys[step.kind]
    return f"{step.kind} {written}" if isinstance(written, str) else step.kind
