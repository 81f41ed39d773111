"""How runs are started: later, from what is deployed, under ids that other runs have or had; on every store."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, Shaky, events, eventually, live, opener, settled
from live_world import Mortal, bury_all, has_status, in_memory, journal, posted, soon

import perdure
from perdure.engine import Engine
from perdure.engine.clock import SystemClock
from perdure.errors import (
    DefinitionError,
    InvalidInput,
    RunCancelled,
    RunConflict,
    RunFailed,
    RunTerminated,
    StoreError,
    StoreUnavailable,
    UnknownRun,
)
from perdure.stores.store import Commit
from perdure.values import DAY, HOUR, SECOND, format_time

ECHO = """
workflow: echo
steps:
  - {id: e, activity: echo, with: {value: "{{ input.value }}"}}
"""

WAIT = """
workflow: wait
vars: {then: "{{ run.started_at }}"}
steps:
  - {id: s, wait: {signal: go}}
output: ["{{ steps.s }}", "{{ vars.then }}"]
"""

BOX = """
workflow: box
queries: {since: run.started_at}
steps:
  - id: scope
    receive:
      state: {got: []}
      on:
        - {signal: put, set: {got: "{{ state.got + [message] }}"}}
        - {update: add, set: {got: "{{ state.got + [message] }}"}, reply: "{{ state.got | length }}"}
      until: state.got | length == 3
output: "{{ steps.scope.got }}"
"""

DECIDE = """
workflow: decide
steps:
  - branch:
      - {when: input.how == "fail", steps: [{fail: {type: Broken, message: it broke}}]}
      - {when: input.how == "wait", steps: [{id: s, wait: {signal: go}}]}
      - {else: true, steps: [{return: "{{ input.how }}"}]}
"""


class Hands(SystemClock):
    """A clock that can be put forward."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead

    def forward(self, engine: Engine, span: int) -> None:
        self.ahead += span
        engine._poke()


@pytest.fixture
def hands() -> Hands:
    return Hands()


# -- later


async def test_a_delayed_run_is_scheduled_costs_no_memory_and_begins_in_time(opened: OpenEngine, hands: Hands) -> None:
    async with opened(clock=hands) as engine:
        run = await engine.start(ECHO, {"value": 1}, id="r", delay="1h")
        info = await run.describe()
        assert (info.status, info.live, info.input) == ("scheduled", [], {"value": 1})
        assert info.begins_at is not None
        assert datetime.fromisoformat(info.begins_at) - datetime.fromisoformat(info.started_at) == timedelta(hours=1)
        assert in_memory(engine) == 0
        assert [found.id for found in await engine.runs("status = scheduled")] == ["r"]
        hands.forward(engine, HOUR - 60 * SECOND)
        await asyncio.sleep(0.05)
        assert (await run.describe()).status == "scheduled"
        hands.forward(engine, 60 * SECOND)
        assert await run.result(10) == 1
        assert await events(run) == ["RunStarted", "TimerFired", "ActivityCompleted e"]
        assert (await run.describe()).begins_at is None
        [first, *_] = await run.history()
        assert first["begins"] == info.begins_at


@pytest.mark.parametrize("delay", ["100ms", 0.1, timedelta(milliseconds=100)])
async def test_a_delay_is_a_text_seconds_or_a_timedelta(opened: OpenEngine, delay: Any) -> None:
    async with opened() as engine:
        run = await engine.start(ECHO, {"value": 1}, delay=delay)
        assert (await run.describe()).status == "scheduled"
        assert await run.result(10) == 1


async def test_a_time_is_a_datetime_or_a_text_and_one_that_has_passed_is_now(opened: OpenEngine, hands: Hands) -> None:
    async with opened(clock=hands) as engine:
        later = datetime.now(UTC) + timedelta(days=1)
        one = await engine.start(ECHO, {"value": 1}, at=later)
        two = await engine.start(ECHO, {"value": 2}, at=format_time(hands.now() + DAY))
        assert (await one.describe()).begins_at == later.isoformat().replace("+00:00", "Z")
        for at in (datetime(2020, 1, 1, tzinfo=UTC), "2020-01-01T00:00:00+02:00"):
            run = await engine.start(ECHO, {"value": 3}, at=at)
            assert await run.result(10) == 3
            assert await events(run) == ["RunStarted", "ActivityCompleted e"]
        hands.forward(engine, DAY + SECOND)
        assert (await one.result(10), await two.result(10)) == (1, 2)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"delay": "1h", "at": "2030-01-01T00:00:00Z"}, "not both"),
        ({"delay": "-1h"}, "negative"),
        ({"delay": -1}, "negative"),
        ({"delay": timedelta(seconds=-1)}, "negative"),
        ({"delay": float("nan")}, "nan"),
        ({"delay": float("inf")}, "inf"),
        ({"delay": 10**30}, "hundred years"),
        ({"delay": True}, "duration"),
        ({"delay": "soon"}, "not a duration"),
        ({"delay": [1]}, "duration"),
        ({"at": datetime(2030, 1, 1)}, "no timezone"),
        ({"at": "2030-01-01T00:00:00"}, "no offset"),
        ({"at": "tomorrow"}, "not an ISO 8601 time"),
        ({"at": 7}, "ISO 8601"),
        ({"at": "9999-12-31T23:59:59Z"}, "hundred years"),
        ({"at": "0001-01-01T00:00:00+10:00"}, "at: "),
        ({"reuse": "maybe"}, "reuse is attach, allow, allow_failed or reject, not 'maybe'"),
        ({"conflict": "allow"}, "conflict is attach, reject or terminate, not 'allow'"),
        ({"conflict": []}, "conflict is"),
        ({"id": "-r"}, "begin with a hyphen"),
        ({"id": "r~2"}, "cannot end in ~ and a number"),
        ({"id": ""}, "1 to 200 characters"),
        ({"version": 2}, "a version is a text"),
        ({"version": "2"}, "echo is of version None, not 2"),
    ],
)
async def test_a_start_that_makes_no_sense_is_refused_and_leaves_nothing(
    opened: OpenEngine, how: dict[str, Any], told: str
) -> None:
    async with opened() as engine:
        with pytest.raises(InvalidInput, match=told):
            await engine.start(ECHO, {"value": 1}, **how)
        assert await engine.runs() == []


async def test_an_argument_that_start_does_not_know_is_a_type_error(opened: OpenEngine) -> None:
    async with opened() as engine:
        with pytest.raises(TypeError, match="inptu"):
            await engine.start(ECHO, inptu={})


async def test_a_run_counts_as_started_when_it_begins(opened: OpenEngine, hands: Hands) -> None:
    async with opened(clock=hands) as engine:
        run = await engine.start(BOX, id="r", delay="1h")
        planned = (await run.describe()).begins_at
        assert await run.query("since") == planned
        hands.forward(engine, 2 * HOUR)
        await has_status(run, "running")
        began = await run.query("since")
        assert planned is not None
        assert datetime.fromisoformat(began) >= datetime.fromisoformat(planned) + timedelta(minutes=59)
        for number in range(3):
            await run.signal("put", number)
        assert await run.result(10) == [0, 1, 2]
        assert await run.query("since") == began


async def test_labels_of_a_run_that_has_not_begun_read_its_input_and_variables(opened: OpenEngine) -> None:
    text = """
workflow: w
vars: {x: "{{ input.n + 1 }}"}
labels: {n: "{{ vars.x }}"}
steps: [{return: "{{ vars.x }}"}]
"""
    async with opened() as engine:
        run = await engine.start(text, {"n": 1}, delay="1h", labels={"by": "me"})
        assert (await run.describe()).labels == {"n": "2", "by": "me"}


async def test_labels_read_the_first_values_of_variables_though_the_first_step_sets_others(opened: OpenEngine) -> None:
    text = """
workflow: w
vars: {x: 1, id: "{{ uuid() }}"}
labels: {x: "{{ vars.x }}", id: "{{ vars.id }}"}
steps: [{set: {x: 2}}, {return: "{{ vars.id }}"}]
"""
    async with opened() as engine:
        run = await engine.start(text)
        assert (await run.describe()).labels == {"x": "1", "id": await run.result(10)}


async def test_messages_to_a_run_that_has_not_begun_wake_nobody_and_arrive_in_order(
    opened: OpenEngine, hands: Hands
) -> None:
    async with opened(clock=hands) as engine:
        run = await engine.start(BOX, id="r", delay="1h", signal=("put", 0))
        await run.signal("put", 1)
        update = asyncio.create_task(run.update("add", 2, id="u"))
        await posted(engine, "r", "u")
        await asyncio.sleep(0.1)
        assert in_memory(engine) == 0
        assert await events(run) == ["RunStarted"]
        hands.forward(engine, HOUR + SECOND)
        assert await soon(update) == 3
        assert await run.result(10) == [0, 1, 2]


async def test_a_run_that_has_not_begun_is_cancelled_or_terminated_at_once(opened: OpenEngine) -> None:
    async with opened() as engine:
        one = await engine.start(WAIT, delay="1h", signal=("go", 7))
        await one.cancel("enough")
        with pytest.raises(RunCancelled, match="enough"):
            await one.result(10)
        assert [unread["data"] for unread in (await one.describe()).unread] == [7]
        two = await engine.start(WAIT, delay="1h")
        await two.terminate()
        with pytest.raises(RunTerminated):
            await two.result(10)


async def test_a_run_that_has_not_begun_is_paused_and_resumed(opened: OpenEngine, hands: Hands) -> None:
    async with opened(clock=hands) as engine:
        run = await engine.start(ECHO, {"value": 1}, delay="1h")
        await run.pause()
        assert (await has_status(run, "paused")).begins_at is not None
        await settled(engine)
        await run.resume()
        assert (await has_status(run, "scheduled")).begins_at is not None
        await settled(engine)
        await run.pause()
        await has_status(run, "paused")
        hands.forward(engine, 2 * HOUR)
        await journal(run, "TimerFired")
        await settled(engine)
        assert (await run.describe()).status == "paused"
        await run.resume()
        assert await run.result(10) == 1


async def test_a_run_that_was_to_begin_while_nobody_worked_begins_with_the_next_worker(
    opened: OpenEngine, hands: Hands
) -> None:
    async with opened(work=False) as client:
        run = await client.start(ECHO, {"value": 1}, id="r", delay="1h")
        assert (await run.describe()).status == "scheduled"
        await asyncio.sleep(0.05)
        assert await events(run) == ["RunStarted"]
    hands.ahead = 2 * HOUR
    async with opened(clock=hands) as engine:
        assert await engine.run("r").result(10) == 1


async def test_starting_a_scheduled_run_again_attaches_and_keeps_its_time(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(ECHO, {"value": 1}, id="r", delay="1h")
        before = (await run.describe()).begins_at
        await engine.start(ECHO, {"value": 1}, id="r", delay="5h")
        await engine.start(ECHO, {"value": 1}, id="r")
        assert (await run.describe()).begins_at == before


# -- what is deployed


async def test_a_run_is_started_from_the_newest_deployed_definition_or_from_a_version(opened: OpenEngine) -> None:
    async with opened() as engine:
        for version in ("1", "2"):
            await engine.deploy(f'workflow: w\nversion: "{version}"\nsteps: [{{return: "{version}"}}]\n')
        assert await (await engine.start("w")).result(10) == "2"
        old = await engine.start("w", version="1")
        assert (await old.result(10), (await old.describe()).version) == ("1", "1")
        with pytest.raises(InvalidInput, match="no version 3 of w is deployed"):
            await engine.start("w", version="3")
        with pytest.raises(FileNotFoundError, match="neither a file nor a deployed workflow"):
            await engine.start("v")
        with pytest.raises(FileNotFoundError):
            await engine.start("v", version="1")
    async with opened(work=False) as client:
        again = await client.start("w", id="later")
        assert (await again.describe()).version == "2"


async def test_what_is_deployed_again_is_the_newest_again(opened: OpenEngine) -> None:
    text = 'workflow: w\nversion: "{0}"\nsteps: [{{return: "{0}"}}]\n'
    async with opened() as engine:
        for version in ("1", "2", "1"):
            await engine.deploy(text.format(version))
        assert await (await engine.start("w")).result(10) == "1"
        assert await (await engine.start(text.format("2"))).result(10) == "2"
    async with opened() as engine:
        assert await (await engine.start(text.format("2"))).result(10) == "2"
        assert await (await engine.start("w")).result(10) == "1"
        assert await (await engine.start(text.format("3"))).result(10) == "3"
        assert await (await engine.start("w")).result(10) == "3"


async def test_a_deployed_name_is_checked_against_its_input_schema(opened: OpenEngine) -> None:
    async with opened() as engine:
        await engine.deploy("workflow: w\ninput: {type: object, required: [a]}\nsteps: [{wait: 1h}]\n")
        with pytest.raises(InvalidInput, match="does not fit"):
            await engine.start("w", {})
        assert await engine.runs() == []


async def test_a_file_wins_over_a_deployed_name(
    opened: OpenEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w").write_text('workflow: w\nversion: "7"\nsteps: [{return: file}]\n')
    async with opened() as engine:
        await engine.deploy("workflow: w\nsteps: [{return: deployed}]\n")
        assert await (await engine.start("w")).result(10) == "file"
        assert await (await engine.start("w", version="7")).result(10) == "file"
        with pytest.raises(InvalidInput, match="of version 7, not 8"):
            await engine.start("w", version="8")
        with pytest.raises(DefinitionError):
            await engine.start("workflow: broken\n")


# -- an id that a run has, or had


async def decided(engine: Engine, how: str, **options: Any) -> perdure.Run:
    """A run under the id `r` that fails, waits, or gives what it is told."""
    return await engine.start(DECIDE, {"how": how}, id="r", **options)


async def test_an_ended_run_gives_way_to_a_new_one_where_that_is_allowed(opened: OpenEngine) -> None:
    async with opened() as engine:
        for value in ("one", "two", "three"):
            run = await decided(engine, value, reuse="allow")
            assert await run.result(10) == value
        infos = await engine.runs("workflow = decide")
        assert [(info.id, info.output) for info in infos] == [("r", "three"), ("r~2", "two"), ("r~1", "one")]
        assert await engine.run("r~1").result(10) == "one"
        assert await (await decided(engine, "three")).result(10) == "three"
        with pytest.raises(RunConflict, match="another input"):
            await decided(engine, "one")
        with pytest.raises(RunConflict, match="exists already: it is completed"):
            await decided(engine, "three", reuse="reject")


async def test_only_what_did_not_complete_gives_way_to_a_new_run(opened: OpenEngine) -> None:
    async with opened() as engine:
        with pytest.raises(RunFailed):
            await (await decided(engine, "fail")).result(10)
        run = await decided(engine, "wait", reuse="allow_failed")
        await run.cancel()
        with pytest.raises(RunCancelled):
            await run.result(10)
        run = await decided(engine, "wait", reuse="allow_failed")
        await run.terminate()
        with pytest.raises(RunTerminated):
            await run.result(10)
        run = await decided(engine, "fine", reuse="allow_failed")
        assert await run.result(10) == "fine"
        with pytest.raises(RunConflict, match="completed"):
            await decided(engine, "fine", reuse="allow_failed")
        statuses = {info.id: info.status for info in await engine.runs()}
        assert statuses == {"r~1": "failed", "r~2": "cancelled", "r~3": "terminated", "r": "completed"}


async def test_an_open_run_is_attached_to_kept_or_ended(opened: OpenEngine) -> None:
    async with opened() as engine:
        first = await decided(engine, "wait")
        await decided(engine, "wait", reuse="reject")
        with pytest.raises(RunConflict, match="exists already: it is running"):
            await decided(engine, "wait", conflict="reject", reuse="allow")
        with pytest.raises(RunConflict, match="another input"):
            await decided(engine, "other", reuse="allow")
        again = await decided(engine, "other", conflict="terminate")
        assert await again.result(10) == "other"
        assert await first.result(10) == "other"
        assert (await engine.run("r~1").describe()).error["message"] == "a new run was started under its id"
        with pytest.raises(RunTerminated):
            await engine.run("r~1").result(10)


async def test_a_run_that_gives_way_may_be_scheduled_paused_or_stuck(opened: OpenEngine) -> None:
    async with opened() as engine:
        await decided(engine, "wait", delay="1h")
        run = await decided(engine, "wait", conflict="terminate")
        await run.pause()
        await has_status(run, "paused")
        run = await decided(engine, "wait", conflict="terminate")
        await live(run, "s")
        row = await engine._row("r")
        await run._commit(stuck(row.key))
        assert await (await decided(engine, "x", conflict="terminate")).result(10) == "x"
        assert [info.status for info in await engine.runs()] == ["completed", "terminated", "terminated", "terminated"]


def stuck(key: int) -> Commit:
    return Commit(key, status="stuck", release=True, note=b'{"cause": "a test"}')


async def test_a_new_run_starts_with_its_own_messages_and_hears_nothing_of_the_old(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(BOX, id="r")
        await run.signal("put", 1, id="a")
        await journal(run, "SignalReceived")
        await run.cancel()
        with pytest.raises(RunCancelled):
            await run.result(10)
        run = await engine.start(BOX, id="r", reuse="allow", signal=("put", 10))
        for number in (1, 2):
            await run.signal("put", number, id="ab"[number - 1])
        assert await run.result(10) == [10, 1, 2]


async def test_an_update_of_the_run_before_is_not_the_update_of_the_new_one(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(BOX, id="r")
        assert await run.update("add", 1, id="u") == 1
        await run.cancel()
        with pytest.raises(RunCancelled):
            await run.result(10)
        run = await engine.start(BOX, id="r", reuse="allow", signal=("put", 0))
        assert await run.update("add", 5, id="u") == 2
        assert await engine.run("r~1").update("add", 1, id="u") == 1
        await run.signal("put", 9)
        assert await run.result(10) == [0, 5, 9]


async def test_many_starts_at_once_that_each_end_the_run_before_leave_one_open(opened: OpenEngine) -> None:
    async with opened() as engine:
        runs = [decided(engine, "wait", conflict="terminate", reuse="allow") for _ in range(8)]
        await soon(asyncio.gather(*runs))
        statuses = [info.status for info in await engine.runs()]
        assert statuses[0] == "running"
        assert set(statuses[1:]) <= {"terminated"}
        assert len(statuses) == 8


async def test_many_starts_of_a_used_id_at_once_make_one_run(opened: OpenEngine) -> None:
    async with opened() as engine, opened(work=False) as other:
        await (await decided(engine, "done")).result(10)
        runs = [decided(one, "wait", reuse="allow") for one in (engine, other) * 4]
        await soon(asyncio.gather(*runs))
        assert [info.status for info in await engine.runs()] == ["running", "completed"]


async def replaced_and_found(engine: Engine) -> None:
    await decided(engine, "new", reuse="allow")
    await engine._row("r")


@pytest.mark.parametrize("moment", ["commit", "find"])
async def test_a_process_that_dies_while_it_replaces_a_run_has_replaced_it_or_not(
    place: Place, gate: Gate, moment: str
) -> None:
    async with opener(place, gate)() as engine:
        await (await decided(engine, "done")).result(10)
    store = Mortal(place.store())
    store.last = moment
    async with opener(place, gate)(store=store, work=False) as engine:
        with pytest.raises(StoreError):
            await replaced_and_found(engine)
    await bury_all(place)
    async with opener(place, gate)() as engine:
        run = await decided(engine, "new", reuse="allow")
        assert await run.result(10) == "new"
        assert {info.status for info in await engine.runs()} == {"completed"}


# -- ids and inputs over restarts

AGAIN = """
workflow: again
steps:
  - id: scope
    receive:
      state: {got: []}
      on:
        - {signal: put, set: {got: "{{ state.got + [message] }}"}}
        - {signal: over, stop: true}
  - if: input.n > 0
    restart: {input: {n: "{{ input.n - 1 }}", before: "{{ (input.before or []) + steps.scope.got }}"}}
output: "{{ (input.before or []) + steps.scope.got }}"
"""


async def restarted(engine: Engine, count: int) -> None:
    async def look() -> bool:
        return len(await engine.runs()) == count + 1

    await eventually(look)


async def test_a_signal_that_was_read_before_a_restart_is_not_read_again_after_it(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(AGAIN, {"n": 2, "before": []}, id="r")
        for turn, count in itertools.product(range(3), range(2)):
            await run.signal("put", f"a{count}", id=f"a{count}")
            if count:
                await run.signal("put", f"t{turn}", id=f"t{turn}")
                await run.signal("over")
                if turn < 2:
                    await restarted(engine, turn + 1)
        assert await run.result(10) == ["a0", "a1", "t0", "t1", "t2"]


async def test_an_answer_after_a_restart_is_not_taken_for_the_one_before_it(opened: OpenEngine) -> None:
    text = """
workflow: w
steps:
  - {id: q, ask: {prompt: "again?", form: {type: boolean}}}
  - {if: steps.q.answer, restart: {input: {}}}
output: done
"""
    async with opened() as engine:
        run = await engine.start(text, id="r")
        await live(run, "q")
        await run.answer("q", True)
        await restarted(engine, 1)
        await eventually(lambda: engine.asks("r"))
        await run.answer("q", False)
        assert await run.result(10) == "done"


async def test_starting_a_restarted_run_again_with_its_first_input_attaches(opened: OpenEngine) -> None:
    async with opened() as engine:
        first = {"n": 1, "before": []}
        run = await engine.start(AGAIN, first, id="r")
        await run.signal("over")
        await restarted(engine, 1)
        await engine.start(AGAIN, first, id="r")
        with pytest.raises(RunConflict, match="another input"):
            await engine.start(AGAIN, {"n": 0, "before": []}, id="r")
        await run.signal("over")
        assert await run.result(10) == []
        assert await (await engine.start(AGAIN, first, id="r")).result(10) == []


async def test_handles_on_former_runs_follow_them_and_not_those_that_came_under_the_id_later(
    opened: OpenEngine,
) -> None:
    async with opened() as engine:
        run = await engine.start(AGAIN, {"n": 1, "before": []}, id="r")
        await run.signal("put", "mine")
        await run.signal("over")
        await restarted(engine, 1)
        await run.signal("over")
        assert await run.result(10) == ["mine"]
        other = await engine.start(AGAIN, {"n": 0, "before": ["theirs"]}, id="r", reuse="allow", signal=("over", None))
        assert await other.result(10) == ["theirs"]
        assert [info.id for info in await engine.runs()] == ["r", "r~2", "r~1"]
        assert await engine.run("r~1").result(10) == ["mine"]
        assert await engine.run("r~2").result(10) == ["mine"]


# -- deleting


async def test_a_run_that_has_ended_is_deleted_with_everything_and_its_id_is_free(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await engine.start(BOX, id="r", labels={"a": "b"})
        with pytest.raises(RunConflict, match="r is running: only one that has ended is deleted"):
            await run.delete()
        for number in range(3):
            await run.signal("put", number, id=str(number))
        await run.result(10)
        await run.delete()
        for deed in (run.describe(), run.history(), run.result(1), run.delete(), run.signal("put")):
            with pytest.raises(UnknownRun):
                await deed
        assert await engine.runs() == []
        assert await engine.runs("labels.a = b") == []
        again = await engine.start(BOX, id="r")
        for number in range(3):
            await again.signal("put", number, id=str(number))
        assert await again.result(10) == [0, 1, 2]


async def test_a_child_that_ended_and_was_deleted_before_its_parent_woke_is_not_started_again(
    opened: OpenEngine, gate: Gate
) -> None:
    mum = 'workflow: mum\nsteps: [{id: k, workflow: kid}]\noutput: "{{ steps.k }}"\n'
    kid = "workflow: kid\nsteps: [{id: s, wait: {signal: go}}, {id: e, activity: echo, with: {value: 7}}]\n"
    async with opened() as engine:
        await engine.deploy(kid)
        run = await engine.start(mum, id="mum")
        [child] = await eventually(lambda: engine.runs("workflow = kid"))
        await settled(engine)
    async with opened(only=[child.id]) as engine:
        await engine.run(child.id).signal("go")
        assert await engine.run(child.id).result(10) == 7
        await engine.run(child.id).delete()
    async with opened() as engine:
        run = engine.run("mum")
        assert await run.result(10) == 7
        await settled(engine)
        assert [info.id for info in await engine.runs()] == ["mum"]
        assert gate.calls == ["echo 7"]


async def test_what_a_new_run_does_is_not_taken_for_what_the_one_before_it_did(opened: OpenEngine, gate: Gate) -> None:
    mum = """
workflow: mum
steps:
  - {id: k, workflow: kid}
  - {id: h, activity: hold, with: {value: 2}}
  - {id: tell, send: {to: ear, signal: put, data: "{{ steps.k }}"}}
output: "{{ steps.k }}"
"""
    gate.open.set()
    async with opened() as engine:
        ear = await engine.start(BOX, id="ear")
        await engine.deploy("workflow: kid\nsteps: [{id: u, set: {u: '{{ uuid() }}'}}]\noutput: '{{ vars.u }}'\n")
        outputs = [await (await engine.start(mum, id="mum", reuse="allow")).result(10) for _ in range(3)]
        assert len(set(outputs)) == 3
        assert await ear.result(10) == outputs
        assert len({one.idempotency_key for one in gate.contexts}) == 3


async def test_runs_that_ended_longer_ago_than_the_retention_are_deleted(opened: OpenEngine, hands: Hands) -> None:
    async with opened(clock=hands, retention="30d") as engine:
        for number in range(450):
            await engine.start('workflow: w\nsteps: [{return: "{{ input.n }}"}]\n', {"n": number}, id=f"old-{number}")
        await engine.start(WAIT, id="open")
        hands.forward(engine, 29 * DAY)
        young = await engine.start(ECHO, {"value": 1}, id="young")
        await young.result(10)
        assert engine._retention is not None
        assert await engine._retention.sweep() == 0
        hands.forward(engine, DAY + HOUR)
        assert await engine._retention.sweep() == 450
        assert [info.id for info in await engine.runs()] == ["young", "open"]
        assert await engine._retention.sweep() == 0


async def test_a_worker_sweeps_by_itself_unless_it_is_confined(opened: OpenEngine, hands: Hands) -> None:
    async with opened(clock=hands) as engine:
        await (await engine.start(ECHO, {"value": 1}, id="old")).result(10)
    hands.ahead = DAY
    async with opened(clock=hands, retention="1h", only=["other"]) as engine:
        assert engine._retention is None
    async with opened(clock=hands, retention=3600) as engine:

        async def gone() -> bool:
            return await engine.runs() == []

        await eventually(gone)


@pytest.mark.parametrize("wrong", ["soon", -1, True, "-1d"])
async def test_a_retention_that_is_no_duration_is_refused(opened: OpenEngine, wrong: Any) -> None:
    with pytest.raises(perdure.PerdureError, match="retention"):
        async with opened(retention=wrong):
            pass


async def test_many_starts_at_once_look_once_whether_the_definition_is_kept(
    opened: OpenEngine, shaky: Shaky, gate: Gate
) -> None:
    async with opened(store=shaky) as engine:
        runs = await asyncio.gather(*(engine.start(ECHO, {"value": n}) for n in range(20)))
        assert [await run.result(10) for run in runs] == [*range(20)]
    assert shaky.calls["definition"] == shaky.calls["put_definition"] == 1


async def test_a_definition_that_one_start_could_not_keep_is_kept_by_the_next(opened: OpenEngine, shaky: Shaky) -> None:
    async with opened(store=shaky) as engine:
        shaky.before.add("put_definition")
        failed = await asyncio.gather(*(engine.start(ECHO, {"value": 1}) for _ in range(3)), return_exceptions=True)
        assert [type(problem) for problem in failed] == [StoreUnavailable] * 3
        shaky.before.clear()
        assert await (await engine.start(ECHO, {"value": 1})).result(10) == 1


async def test_a_start_that_is_given_up_while_it_keeps_the_definition_leaves_that_to_the_others(
    opened: OpenEngine, shaky: Shaky
) -> None:
    async with opened(store=shaky) as engine:
        first, second = (asyncio.create_task(engine.start(ECHO, {"value": 1})) for _ in range(2))
        while not shaky.calls["definition"]:
            await asyncio.sleep(0)
        first.cancel()
        assert await (await second).result(10) == 1
        assert first.cancelled()


async def test_starts_that_come_at_once_are_one_call_of_the_store(opened: OpenEngine, shaky: Shaky) -> None:
    async with opened(store=shaky, work=False) as engine:
        definition = await engine.deploy(ECHO)
        await asyncio.gather(*(engine.start(definition, {"value": n}) for n in range(20)))
        assert len(await engine.runs()) == 20
    assert shaky.calls["commit"] == 1


async def test_of_starts_that_come_at_once_each_gets_its_own_answer(opened: OpenEngine) -> None:
    async with opened() as engine:
        first = await engine.start(WAIT, id="r")
        answers = await asyncio.gather(
            engine.start(WAIT, id="a"),
            engine.start(WAIT, id="r", conflict="reject"),
            engine.start(WAIT, id="r"),
            engine.start(ECHO, {"value": 7}, id="b"),
            return_exceptions=True,
        )
        assert [getattr(answer, "id", type(answer)) for answer in answers] == ["a", RunConflict, "r", "b"]
        assert await engine.run("b").result(10) == 7
        await first.signal("go")
        await first.result(10)
