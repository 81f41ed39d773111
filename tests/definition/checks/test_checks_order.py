"""`why_not_yet`, which looks at one pair of steps, against a walk that carries everything readable along."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.definition.checks.order import why_not_yet
from perdure.definition.checks.spaces import Placed, read_spaces
from perdure.definition.models import Library, read_document

WORK = {"steps", "when", "case", "else", "branch", "arm"}
Readable = dict[tuple[str, str], frozenset[str]]
"""By reader and slot, the ids that are readable."""


def after(placed: Placed) -> frozenset[str]:
    """What is readable once a step is done."""
    return frozenset((name(placed),)) | inside(placed, WORK | {"catch"})


def inside(placed: Placed, roles: set[str]) -> frozenset[str]:
    lists = [children for found, children in placed.children if found.role in roles]
    return frozenset().union(*(after(child) for children in lists for child in children))


def name(placed: Placed) -> str:
    return placed.step.id or ""


def walk(placed: Placed, before: frozenset[str], found: Readable) -> None:
    done = before | inside(placed, WORK)
    completed = done | {name(placed)}
    found[name(placed), "before"] = found[name(placed), "while"] = before
    found[name(placed), "until"] = before | inside(placed, {"turn"})
    found[name(placed), "catch"] = done
    found[name(placed), "output"] = completed
    closing = done | inside(placed, {"catch"})
    starts = {"catch": done, "finally": closing, "undo": completed}
    for steps, children in placed.children:
        readable = starts.get(steps.role, before)
        for child in children:
            walk(child, readable, found)
            readable = readable | after(child)


def kinds(steps: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.lists(steps, max_size=3)
    return st.one_of(
        st.builds(lambda inner: {"steps": inner}, lists),
        st.builds(lambda inner: {"foreach": "input.a", "steps": inner}, lists),
        st.builds(lambda inner: {"repeat": {"until": "input.a"}, "steps": inner}, lists),
        st.builds(lambda a, b: {"branch": [{"when": "input.a", "steps": a}, {"else": b}]}, lists, lists),
        st.builds(lambda a, b: {"branch": {"on": "input.a", "cases": {"x": a}, "else": {"steps": b}}}, lists, lists),
        st.builds(lambda a, b: {"parallel": {"branches": {"a": a, "b": {"steps": b}}}}, lists, lists),
        st.builds(lambda a, b: {"select": [{"signal": "a", "steps": a}, {"after": "1s", "steps": b}]}, lists, lists),
    )


def with_modifiers(steps: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(steps, max_size=2)
    catch = st.lists(st.builds(lambda inner: {"steps": inner}, lists), min_size=1, max_size=2)
    optional = {"finally": lists, "catch": catch, "compensate": steps}
    return st.builds(lambda kind, rest: {**kind, **rest}, kinds(steps), st.fixed_dictionaries({}, optional=optional))


STEPS = st.recursive(st.builds(lambda: {"set": {"x": 1}}), with_modifiers, max_leaves=15)


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=4))
def test_a_pair_of_steps_is_judged_as_by_carrying_everything_readable_along(steps: list[Any]) -> None:
    document = {"workflow": "t", "steps": steps}
    library = Library({"main": document}, {})
    space = read_spaces(read_document("main", document, library), library).main
    for number, placed in enumerate(space.steps()):
        placed.step.keys = {**placed.step.keys, "id": f"s{number}"}
    expected: Readable = {}
    walk(space.root, frozenset(), expected)
    judged = {
        (name(reader), slot): frozenset(
            name(target) for target in space.steps() if why_not_yet(reader, slot, target) is None
        )
        for reader in space.placed
        for slot in ("before", "while", "until", "catch", "output")
    }
    assert judged == {key: value - {""} for key, value in expected.items()}
