"""Replays: would a recorded history be valid under a definition, and does it still come to what is stored?"""

from __future__ import annotations

from engine_world import Gate, OpenEngine, live

import perdure
from perdure.engine.replay import open_runs, replay_lines, replay_run
from perdure.stores.store import Commit

STEPS = """
workflow: steps
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: go, wait: {signal: go}}
  - {id: b, activity: echo, with: {value: 2}}
"""


async def waiting(engine: perdure.Engine) -> perdure.Run:
    run = await engine.start(STEPS, id="r")
    await live(run, "go")
    return run


async def verdict(engine: perdure.Engine, text: str | None = None) -> tuple[object, ...]:
    found = await replay_run(engine, "r", None if text is None else perdure.load(text).program)
    return found.verdict, found.seq, found.old, found.new, found.reason


async def test_a_history_is_valid_where_every_event_finds_the_same_steps(opened: OpenEngine) -> None:
    async with opened() as engine:
        await waiting(engine)
        assert await verdict(engine) == ("valid", None, None, None, None)
        later = STEPS + "  - {id: c, activity: echo}\n"
        assert (await verdict(engine, later))[0] == "valid"
        assert (await verdict(engine, STEPS.replace("value: 1", "value: 9")))[0] == "valid"


async def test_a_history_differs_from_the_first_event_that_finds_another_step(opened: OpenEngine) -> None:
    async with opened() as engine:
        await waiting(engine)
        between = STEPS.replace("  - {id: go", "  - {id: new, wait: 1h}\n  - {id: go")
        assert await verdict(engine, between) == (
            "differs", 2, "<text>:5:5", "<text>:5:5", "go (wait) was open, now new (wait) was open",
        )  # fmt: skip
        other = STEPS.replace("activity: echo, with: {value: 1}", "activity: other")
        assert await verdict(engine, other) == (
            "differs", 1, "<text>:4:5", "<text>:4:5", "a (activity echo) was open, now a (activity other) was open",
        )  # fmt: skip
        short = "workflow: steps\nsteps: [{id: a, activity: echo}]\n"
        assert (await verdict(engine, short))[:3] == ("differs", 2, "<text>:2:1")


async def test_a_history_is_declined_where_the_definition_is_not_for_it(opened: OpenEngine) -> None:
    async with opened() as engine:
        await waiting(engine)
        assert (await verdict(engine, STEPS.replace("workflow: steps", "workflow: others")))[::4] == (
            "declined", "the definition is of others, and the run is of steps",
        )  # fmt: skip
        strict = STEPS + "input: {type: object, required: [n], properties: {n: {}}}\n"
        found = await verdict(engine, strict)
        assert found[0] == "declined"
        assert "the run's input does not fit the definition" in str(found[4])


async def test_a_run_that_moved_is_replayed_from_there(opened: OpenEngine) -> None:
    more = STEPS + "  - {id: c, activity: echo}\n"
    async with opened() as engine:
        run = await waiting(engine)
        await run.migrate(more)
        assert (await verdict(engine))[0] == "valid"
        assert (await verdict(engine, more + "  - {id: d, activity: echo}\n"))[0] == "valid"
        assert (await verdict(engine, more.replace("id: go", "id: gone")))[0] == "declined"
        assert replay_lines(await run.export(), None).verdict == "valid"


async def test_a_history_that_comes_to_something_else_than_is_stored_differs(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await waiting(engine)
        row = await engine._row("r")
    async with opened(work=False) as client:
        _, tail, _ = await client._store.load(row.key)
        seq = tail[-1][0] if tail else 2
        [answer] = await client._store.commit([Commit(row.key, snapshot=(seq, b'{"format":1}'))])
        assert isinstance(answer, int)
        assert (await verdict(client))[:2] == ("differs", seq)
        assert await open_runs(client, "steps") == [run.id]
        assert await open_runs(client, "others") == []
