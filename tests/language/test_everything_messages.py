"""Messages inside everything: the kinds that talk to other runs and clients, in each kind, under each modifier; and
each kind in a handler. Run to the end, and cancelled at each event.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from everything import LEAVES, MODIFIERS, WRAPPERS, Names, Piece, alone, definition, every, expected, names
from test_everything import FAKES, INPUT, after, bounded, plain

from perdure.definition import load
from perdure.program import Program
from perdure.testing.activities import End, Reply
from perdure.testing.harness import Harness
from perdure.values import SECOND

TALKING: dict[str, Callable[[Names], Piece]] = {
    "receive": lambda names: Piece({"receive": {"on": [{"signal": "no"}], "timeout": "1s", "default": 3}}, value=3),
    "receive without default": lambda names: Piece(
        {"receive": {"on": [{"signal": "no"}], "timeout": "1s"}}, "error", "Timeout"
    ),
    "endless receive": lambda names: Piece({"receive": {"on": [{"update": "no"}]}}, "never"),
    "event": lambda names: Piece({"wait": {"event": "no", "match": True, "timeout": "1s", "default": 4}}, value=4),
    "publish": lambda names: Piece({"publish": "{{ input.n }}"}),
    "send": lambda names: Piece({"send": {"to": "other", "signal": "hello"}}),
    "slow send": lambda names: Piece({"send": {"to": "slow", "signal": "hello"}}),
    "lost send": lambda names: Piece({"send": {"to": "nobody", "signal": "hello"}}, "error", "UnknownRun"),
    "emit": lambda names: Piece({"emit": {"event": "hello"}}),
    "cancel": lambda names: Piece({"cancel": "other"}),
    "child": lambda names: Piece({"workflow": "echo", "with": {"value": 5}}, value=5),
    "slow child": lambda names: Piece({"workflow": "slow"}, value="slow"),
    "bad child": lambda names: Piece({"workflow": "bad"}, "error", "ChildFailed"),
    "unknown child": lambda names: Piece({"workflow": "unknown"}, "error", "ChildFailed"),
    "endless child": lambda names: Piece({"workflow": "hang"}, "never"),
}
CHILDREN: dict[str, Any] = {name: FAKES[name] for name in ("echo", "slow", "bad", "hang")}
WAYS: list[dict[str, Any]] = [{}, {"restart_every_event": True}, {"refold": True}]


def post(call: Any) -> Reply:
    error = {"type": "UnknownRun"} if call.address == "nobody" else None
    return Reply(End(error=error), after=SECOND if call.address == "slow" else 0)


def handled(unique: Names, piece: Piece, **how: bool) -> Piece:
    """The piece as the steps of a handler, for a signal that the run has sent to itself."""
    number = next(unique)
    signal, inner = f"signal{number}", f"h{number}"
    receive = {
        "state": {"value": None},
        "on": [{
            "signal": signal,
            "steps": [{"id": inner, "steps": [piece.step]}],
            "set": {"value": f"{{{{ steps.{inner} }}}}"},
            "stop": True,
            **how,
        }],
    }  # fmt: skip
    step = {
        "steps": [
            {"send": {"to": "{{ run.id }}", "signal": signal}},
            {"id": f"r{number}", "receive": receive, "output": f"{{{{ steps.r{number}.value }}}}"},
        ]
    }
    return piece.then(step)


def program(document: dict[str, Any]) -> Program:
    return load(json.dumps(document)).program


def harness_of(made: Program, **how: Any) -> Harness:
    return Harness(made, FAKES, children=CHILDREN, post=post, input=INPUT, **how)


def check_pieces(pieces: list[Piece]) -> None:
    harness = harness_of(program(definition(pieces))).run()
    assert harness.live() == {"end": "wait"}
    assert list(harness.state.scopes) == [1], "a scope is left over"
    assert len(harness.state.frames) == 4, "a frame is left over"
    assert list(harness.state.waiting) == ["end"]
    assert harness.state.children == []
    harness.signal("end")
    assert plain(harness.outcome["output"]) == [expected(piece) for piece in pieces]


@pytest.mark.parametrize("outer_modifier", MODIFIERS)
@pytest.mark.parametrize("outer", WRAPPERS)
def test_each_talking_kind_in_each_kind_under_each_modifier(outer: str, outer_modifier: str) -> None:
    unique = names()
    check_pieces(
        [
            MODIFIERS[outer_modifier](WRAPPERS[outer](MODIFIERS[modifier](TALKING[leaf](unique))))
            for leaf in TALKING
            for modifier in MODIFIERS
        ]
    )


@pytest.mark.parametrize("modifier", MODIFIERS)
@pytest.mark.parametrize("outer", WRAPPERS)
def test_each_kind_in_a_handler_in_each_kind(outer: str, modifier: str) -> None:
    unique = names()
    check_pieces(
        [
            WRAPPERS[outer](MODIFIERS[modifier](handled(unique, every(leaf(unique)))))
            for name, leaf in {**LEAVES, **TALKING}.items()
            if name != "return" and outer not in ("fragment", "foreach at once")
        ]
    )


@pytest.mark.parametrize("leaf", [name for name in {**LEAVES, **TALKING} if name != "return"])
def test_each_kind_in_a_handler_survives_restarts_and_refolding(leaf: str) -> None:
    for inner in WRAPPERS:
        if leaf == "set" and inner == "foreach at once":
            continue
        unique = names()
        piece = every(handled(unique, every(WRAPPERS[inner]({**LEAVES, **TALKING}[leaf](unique)))))
        made = program(alone(piece))
        first, *others = [harness_of(made, **way).run().outcome for way in WAYS]
        assert others == [first, first]


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("leaf", [name for name in {**LEAVES, **TALKING} if name != "return"])
def test_a_cancellation_at_any_event_leaves_nothing_open_in_a_handler(leaf: str, concurrent: bool) -> None:
    if leaf == "set" and concurrent:
        return
    unique = names()
    inner = bounded(every({**LEAVES, **TALKING}[leaf](unique)))
    made = program(alone(bounded(handled(unique, inner, **{"async": concurrent}))))
    whole = harness_of(made).run()
    for moment in range(1, len(whole.journal)):
        harness = harness_of(made, restart_every_event=moment % 3 == 0)
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


@pytest.mark.parametrize("leaf", [name for name in {**LEAVES, **TALKING} if name != "return"])
def test_a_pause_at_any_event_changes_nothing_but_the_time(leaf: str) -> None:
    unique = names()
    piece = every({**LEAVES, **TALKING}[leaf](unique))
    made = program(alone(bounded(piece)))
    whole = harness_of(made).run()
    for moment in range(1, len(whole.journal)):
        harness = harness_of(made, restart_every_event=moment % 3 == 0)
        harness.when(after(moment), harness.pause)
        harness.when(lambda harness: harness.status == "paused", harness.resume)
        harness.run()
        assert (harness.status, plain(harness.outcome.get("output"))) == (
            whole.status,
            plain(whole.outcome.get("output")),
        )
