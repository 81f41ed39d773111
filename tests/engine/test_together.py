"""What many wait for together: starts in one call of the store, and the end of a run that this process holds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, Shaky, worker_row

import perdure
from perdure.errors import StoreError, StoreUnavailable
from perdure.stores import Store

STEPS = """
workflow: steps
steps:
  - {id: a, activity: echo, with: {value: 1}}
  - {id: b, activity: hold, with: {value: 2}}
"""


@pytest.mark.parametrize("name", ["definition", "put_definition", "commit"])
async def test_starts_that_fail_together_raise_an_error_each(opened: OpenEngine, shaky: Shaky, name: str) -> None:
    """One object would grow with everyone who raises it; and one after the other they would wait for ever."""
    async with opened(store=shaky) as engine:
        if name == "commit":
            await engine.deploy(perdure.load(STEPS))
        shaky.before.add(name)
        shaky.calls.clear()
        problems = await asyncio.gather(
            *(engine.start(STEPS, id=f"r{number}") for number in range(20)), return_exceptions=True
        )
        assert {type(problem) for problem in problems} == {StoreUnavailable}
        assert len(set(map(id, problems))) == 20
        assert shaky.calls[name] == 1
        shaky.before.clear()
        assert len(await asyncio.gather(*(engine.start(STEPS, id=f"r{number}") for number in range(20)))) == 20


async def test_a_definition_is_kept_for_the_others_where_the_first_to_want_it_gives_up(opened: OpenEngine) -> None:
    async with opened() as engine:
        starting = [asyncio.create_task(engine.start(STEPS, id=f"r{number}")) for number in range(3)]
        await asyncio.sleep(0)
        starting[0].cancel()
        assert [run.id for run in await asyncio.gather(*starting[1:])] == ["r1", "r2"]


async def test_nobody_waits_for_starts_whose_task_was_cancelled(opened: OpenEngine) -> None:
    async with opened(work=False) as engine:
        await engine.start(STEPS, id="first")
        starting = [asyncio.create_task(engine.start(STEPS, id=f"r{number}")) for number in range(3)]
        creations = engine._starter._creations
        while creations._task is None:
            await asyncio.sleep(0)
        creations._task.cancel()
        done, left = await asyncio.wait(starting, timeout=20)
        assert (len(done), left) == (3, set())
        assert (await engine.start(STEPS, id="later")).id == "later"


class Held(Shaky):
    """A store that writes nothing until it is let."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.let = asyncio.Event()

    async def commit(self, *arguments: Any) -> Any:
        await self.let.wait()
        return await self._store.commit(*arguments)


async def test_another_event_loop_is_told_so_while_starts_are_under_way(opened: OpenEngine, place: Place) -> None:
    store = Held(place.store())
    async with opened(store=store, work=False) as engine:
        await engine.deploy(perdure.load(STEPS))
        under_way = asyncio.create_task(engine.start(STEPS, id="first"))
        while engine._starter._creations._task is None:
            await asyncio.sleep(0)
        elsewhere = asyncio.new_event_loop()

        def start_there() -> Any:
            try:
                return elsewhere.run_until_complete(asyncio.wait_for(engine.start(STEPS, id="second"), 20))
            finally:
                elsewhere.close()

        with pytest.raises(StoreError, match="another event loop"):
            await asyncio.to_thread(start_there)
        store.let.set()
        assert (await under_way).id == "first"


async def test_who_waits_hears_of_a_run_that_was_lost_to_another_worker_unnoticed(
    opened: OpenEngine, place: Place, shaky: Shaky, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.engine.watching.TRUST", 0.1)
    monkeypatch.setattr("perdure.engine.watching.QUIET", 0.1)
    async with opened(store=shaky, grace=0) as engine:
        run = await engine.start(STEPS, id="r")
        waiting = asyncio.create_task(run.result(30))
        await gate.entered.wait()
        worker = engine._worker.id  # type: ignore[union-attr]
        shaky.before |= {"commit", "claim", "renew", "register", "bury"}
        gate.open.set()
        client = place.store()
        await client.open()
        await client.bury(worker, 0)
        await client.register(worker_row())
        await client.close()
        async with opened() as other:
            await other.run("r").result(30)
            assert await waiting == 2
        shaky.before.clear()


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_who_waits_hears_of_a_close_that_was_cancelled(opened: OpenEngine, gate: Gate, turns: int) -> None:
    context = opened(grace=0)
    engine = await context.__aenter__()
    run = await engine.start(STEPS, id="r")
    waiting = asyncio.create_task(run.result())
    await gate.entered.wait()
    closing = asyncio.create_task(context.__aexit__(None, None, None))
    for _ in range(turns):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    done, _ = await asyncio.wait([waiting], timeout=20)
    assert done
    with pytest.raises(StoreError):
        await waiting
