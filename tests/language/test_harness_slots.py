"""The keeper of slots of the virtual-time host, the laws about them, and what a lock asks of its host."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.core import machine
from perdure.core.commands import CloseRun, LeaveSlot, StartChild, TakeSlot, WriteCache
from perdure.core.events import ActivityCompleted, RunStarted, SlotGranted, SlotRefused, TerminateRequested
from perdure.definition import load
from perdure.program import Program
from perdure.testing import Harness
from perdure.testing.agenda import Agenda
from perdure.testing.laws import check_slots
from perdure.testing.slots import SlotKeeper, grantable

LOCKED = "{id: a, activity: a, lock: {key: door}}"


def program(*steps: str, **keys: str) -> Program:
    lines = ["workflow: test", *(f"{key}: {value}" for key, value in keys.items()), "steps:"]
    return load("\n".join([*lines, *(f"  - {step}" for step in steps)])).program


def started(made: Program, **more: Any) -> tuple[Any, list[Any]]:
    return machine.start(made, RunStarted(0, "r", {}, "seed", **more))


def test_a_lock_asks_and_runs_only_once_it_is_granted() -> None:
    made = program(LOCKED)
    state, commands = started(made)
    [wish] = commands
    assert wish == TakeSlot(wish.frame, "lock:door", 1, "queue", [])
    assert machine.outstanding(made, state) == [wish]
    [call] = machine.step(made, state, SlotGranted(1, wish.frame))
    assert machine.step(made, state, SlotGranted(2, wish.frame)) == [], "granted twice is granted once"
    assert machine.step(made, state, SlotRefused(2, wish.frame, "late")) == []
    ended = machine.step(made, state, ActivityCompleted(3, call.frame, 1))
    assert ended == [LeaveSlot(wish.frame), CloseRun("completed", ended[-1].outcome)]


def test_a_run_that_is_terminated_leaves_its_slots_to_its_end() -> None:
    made = program(LOCKED)
    state, [wish] = started(made)
    machine.step(made, state, SlotGranted(1, wish.frame))
    [close] = machine.step(made, state, TerminateRequested(2, None))
    assert isinstance(close, CloseRun)


def test_a_result_is_kept_though_its_step_ends_the_run() -> None:
    made = program("{id: a, activity: a, cache: {key: [1, two], ttl: 1s}}")
    harness = Harness(made, {"a": lambda call: 7}).run()
    [kept] = [command for command in harness.commands if isinstance(command, WriteCache)]
    assert kept == WriteCache('["test","a","[1,\\"two\\"]"]', 7, harness.started_at + 1_000_000)
    assert isinstance(harness.commands[-1], CloseRun)


def test_wishes_and_children_name_the_slots_around_them() -> None:
    made = program(
        "{lock: {key: x}, steps: [{lock: {key: y}, steps: [{id: k, workflow: kid}, {workflow: kid, detach: true}]}]}",
        concurrency="{}",
    )
    harness = Harness(made, children={"kid": lambda call: None}).run()
    takes = [command for command in harness.commands if isinstance(command, TakeSlot)]
    assert [take.key for take in takes] == ["concurrency:test:", "lock:x", "lock:y"]
    frames = [["run", take.frame] for take in takes]
    assert [take.chain for take in takes] == [[], frames[:1], frames[:2]]
    kids = [command for command in harness.commands if isinstance(command, StartChild)]
    assert [kid.holds for kid in kids] == [frames, []]


def test_a_run_inherits_the_slots_of_those_that_wait_for_it() -> None:
    _, [wish] = started(program(LOCKED), holds=[["mum", 4]])
    assert wish.chain == [["mum", 4]]


@pytest.mark.parametrize(("long", "same"), [("k" * 500, True), ("k" * 501, False), ("k" * 10_000, False)])
def test_a_long_key_is_short_and_still_its_own(long: str, same: bool) -> None:
    keys = []
    for end in ("", "1", "2"):
        _, [wish] = started(program(f"{{activity: a, lock: {{key: {long}{end}}}}}"))
        keys.append(wish.key)
    assert (keys[0] == f"lock:{long}") is same
    assert len(set(keys)) == 3
    assert all(len(key) < 520 for key in keys)


def test_a_limit_beyond_all_numbers_is_none() -> None:
    _, [wish] = started(program(f"{{activity: a, lock: {{key: k, limit: {10**30}}}}}"))
    assert 10**6 < wish.limit < 2**62


def test_the_law_of_slots_is_broken_by_one_that_nobody_knows_of() -> None:
    made = program(LOCKED)
    state, [wish] = started(made)
    check_slots(state, set())
    machine.step(made, state, SlotGranted(1, wish.frame))
    check_slots(state, {wish.frame})
    with pytest.raises(AssertionError, match="knows of slots"):
        check_slots(state, set())
    with pytest.raises(AssertionError, match="knows of slots"):
        check_slots(state, {wish.frame, 99})


def test_nobody_overtakes_a_wish_for_more_room() -> None:
    agenda = Agenda(0)
    keeper = SlotKeeper(agenda, lambda event: None)
    for run, limit in (("a", 2), ("b", 1), ("c", 9)):
        keeper.occupy("pool", run, limit, None)
    slots = keeper._slots
    assert [slot.granted for slot in slots] == [True, False, False]
    assert grantable(slots[1:], "pool") == slots[1:]
