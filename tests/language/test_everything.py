"""Everything inside everything: each kind in each under each modifier, run to its end, and cancelled at each event."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from everything import LEAVES, MODIFIERS, WRAPPERS, Piece, alone, definition, every, expected, names

from perdure.definition import load
from perdure.program import Program
from perdure.testing.activities import End, Reply
from perdure.testing.harness import Harness
from perdure.values import SECOND

INPUT = {"yes": True, "no": False, "n": 3}
FAKES = {
    "echo": lambda call: call.arguments["value"],
    "slow": lambda call: Reply(End("slow"), after=SECOND),
    "bad": lambda call: Reply(End(error={"type": "Bad"})),
    "hang": lambda call: Reply(hang=True, cleanup=SECOND),
    "closing": lambda call: None,
    "undo": lambda call: None,
    "open": lambda call: None,
    "close": lambda call: None,
    "leave": lambda call: None,
}
BATCHED = [name for name in LEAVES if name != "return"]


def program(document: dict[str, Any]) -> Program:
    return load(json.dumps(document)).program


def plain(value: Any) -> Any:
    """Without what the generator does not foretell: moments, and all of an error but its type."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if {"type", "message", "details"} <= set(value):
        return value["type"]
    return {key: "*" if key == "at" else plain(item) for key, item in value.items()}


def run_pieces(pieces: list[Piece]) -> Harness:
    harness = Harness(program(definition(pieces)), FAKES, input=INPUT)
    harness.run()
    assert harness.live() == {"end": "wait"}
    assert list(harness.state.scopes) == [1], "a scope is left over"
    assert len(harness.state.frames) == 4, "a frame is left over"
    harness.signal("end")
    assert harness.status == "completed"
    return harness


@pytest.mark.parametrize("outer_modifier", MODIFIERS)
@pytest.mark.parametrize("outer", WRAPPERS)
def test_each_kind_in_each_kind_under_each_modifier(outer: str, outer_modifier: str) -> None:
    unique = names()
    pieces = [
        MODIFIERS[outer_modifier](WRAPPERS[outer](MODIFIERS[modifier](LEAVES[leaf](unique))))
        for leaf in BATCHED
        if not (leaf == "set" and outer == "foreach at once")
        for modifier in MODIFIERS
    ]
    harness = run_pieces(pieces)
    assert plain(harness.outcome["output"]) == [expected(piece) for piece in pieces]


@pytest.mark.parametrize("middle", WRAPPERS)
@pytest.mark.parametrize("outer", WRAPPERS)
def test_each_kind_in_each_kind_in_each_kind(outer: str, middle: str) -> None:
    unique = names()
    pieces = [
        MODIFIERS[modifier](WRAPPERS[outer](every(WRAPPERS[middle](LEAVES[leaf](unique)))))
        for leaf in BATCHED
        if not (leaf == "set" and "foreach at once" in (outer, middle))
        for modifier in ("plain", "all")
    ]
    harness = run_pieces(pieces)
    assert plain(harness.outcome["output"]) == [expected(piece) for piece in pieces]


@pytest.mark.parametrize("leaf", LEAVES)
def test_each_kind_survives_restarts_and_refolding(leaf: str) -> None:
    for outer in WRAPPERS:
        if leaf == "set" and outer == "foreach at once":
            continue
        piece = every(WRAPPERS[outer](every(LEAVES[leaf](names()))))
        document = alone(piece)
        ways: list[dict[str, Any]] = [{}, {"restart_every_event": True}, {"refold": True}]
        first, *others = [Harness(program(document), FAKES, input=INPUT, **way).run().outcome for way in ways]
        assert others == [first, first]


@pytest.mark.parametrize("outer", WRAPPERS)
def test_a_return_inside_everything_ends_the_run(outer: str) -> None:
    for inner in WRAPPERS:
        for modifier in MODIFIERS:
            piece = MODIFIERS[modifier](WRAPPERS[outer](WRAPPERS[inner](LEAVES["return"](names()))))
            document = {**alone(piece, {"set": {"reached": True}}), "output": "whole"}
            harness = Harness(program(document), FAKES, input=INPUT).run()
            assert harness.status == "completed"
            assert harness.outcome["output"] == ("whole" if piece.ends == "value" else {"early": 1})


def bounded(piece: Piece) -> Piece:
    """The piece between something that is undone and something that always closes."""
    opening = {"activity": "open", "compensate": {"activity": "close"}}
    return piece.then({"steps": [opening, piece.step], "finally": [{"activity": "leave"}]})


def after(events: int) -> Callable[[Harness], bool]:
    return lambda harness: len(harness.journal) >= events


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("outer", WRAPPERS)
def test_a_cancellation_at_any_event_leaves_nothing_open(outer: str, leaf: str) -> None:
    if leaf == "set" and outer == "foreach at once":
        return
    inner = bounded(every(LEAVES[leaf](names())))
    made = program(alone(bounded(WRAPPERS[outer](inner))))
    whole = Harness(made, FAKES, input=INPUT).run()
    for moment in range(1, len(whole.journal)):
        harness = Harness(made, FAKES, input=INPUT, restart_every_event=moment % 3 == 0)
        harness.when(after(moment), harness.cancel)
        harness.run()
        calls = Counter(call.name for call in harness.calls)
        opened = sum(call.name == "open" and call.ended == "completed" for call in harness.calls)
        assert harness.outcome["not_undone"] == []
        assert calls["leave"] == calls["open"], moment
        if harness.status == "cancelled":
            assert calls["close"] == opened, moment
        else:
            assert harness.status == whole.status, "the run was ending already"
