"""A worker that dies at each of its commits in turn, before or after it became durable: the run ends as without it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, Shaky, events, settled

import perdure
from perdure.activities import activity, context
from perdure.errors import RunFailed, StoreError

ORDER = perdure.load("""
workflow: all
steps:
  - {id: a, activity: call, with: {name: a}, compensate: {activity: call, with: {name: "undo {{ steps.a }}"}}}
  - id: again
    activity: call
    with: {name: again}
    retry: {attempts: 3, delay: 1ms}
    compensate: {activity: call, with: {name: "undo {{ steps.again }}"}}
  - id: both
    parallel:
      branches:
        x: [{id: x1, activity: call, with: {name: x1}}, {id: x2, activity: call, with: {name: x2}}]
        y: [{id: pause, wait: 2ms}, {id: y1, activity: call, with: {name: y1}}]
  - {id: go, wait: {all: [{signal: one}, {signal: two}]}}
  - {id: q, ask: {prompt: "?", timeout: 1h}}
  - {id: end, activity: call, with: {name: end}}
  - {id: enough, fail: {type: Enough, message: "{{ steps.go.one }} {{ steps.q.answer }}"}}
""")
MOST = 60


class Dying(Shaky):
    """A store that dies at its commit number `last`, and never answers again."""

    def __init__(self, place: Place, last: int, when: str) -> None:
        super().__init__(place.store())
        self.left = last
        self.when = when
        self.died = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            if name != "close" and self.died.is_set():
                raise StoreError("dead")
            if name == "commit":
                self.left -= 1
                if self.left == 0:
                    if self.when == "after":
                        await method(*arguments, **options)
                    self.died.set()
                    raise StoreError("dead")
            return await method(*arguments, **options)

        return call


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_run_ends_the_same_whichever_commit_its_worker_dies_at(
    place: Place, opened: OpenEngine, gate: Gate, when: str
) -> None:
    calls: list[tuple[str, int]] = []

    @activity("call")
    async def call(name: str) -> str:
        calls.append((name, context().attempt))
        await asyncio.sleep(0)
        if name == "again" and context().attempt == 1:
            raise perdure.ActivityError("Flaky")
        return name

    for last in range(1, MOST):
        calls.clear()
        id, store = f"r{last}", Dying(place, last, when)
        async with opened(work=False) as client:
            run = await client.start(ORDER, id=id)
            for name in ("one", "two"):
                await run.signal(name, name)
            survived = await first_life(opened(call, store=store, grace=0), client, store, id)
            finished = {name.split()[-1] for name in await events(run) if name.startswith("ActivityCompleted")}
            before = len(calls)
            await bury_all(place)
            async with opened(call) as engine:
                await answer_when_asked(engine.run(id))
                with pytest.raises(RunFailed) as caught:
                    await engine.run(id).result(10)
                await settled(engine)
        assert caught.value.error is not None
        assert (caught.value.error["type"], caught.value.error["message"]) == ("Enough", "one yes")
        assert caught.value.undone == ["again", "a"]
        assert {name for name, _ in calls[before:]}.isdisjoint(finished)
        undone = [name for name, _ in calls if name.startswith("undo")]
        assert list(dict.fromkeys(undone)) == ["undo again", "undo a"]
        assert [attempt for name, attempt in calls if name == "again"][-1] >= 2
        if survived:
            break
    assert last > 10
    assert survived


async def first_life(opening: Any, client: perdure.Engine, store: Dying, id: str) -> bool:
    """The worker works until its store dies, or the run has ended; whether it has."""
    try:
        async with opening:
            ended = asyncio.ensure_future(answered_and_ended(client.run(id)))
            dead = asyncio.ensure_future(store.died.wait())
            await asyncio.wait([ended, dead], return_when=asyncio.FIRST_COMPLETED)
            survived = ended.done()
            for task in (ended, dead):
                task.cancel()
            await asyncio.wait([ended, dead])
            return survived
    except StoreError:
        return False


async def answered_and_ended(run: perdure.Run) -> None:
    await answer_when_asked(run)
    with pytest.raises(RunFailed):
        await run.result()


async def answer_when_asked(run: perdure.Run) -> None:
    while (await run.describe()).closed_at is None:
        if await run._engine.asks(run.id):
            await run.answer("q", "yes")
            return
        if "AskAnswered q" in await events(run):
            return
        await asyncio.sleep(0.001)


async def bury_all(place: Place) -> None:
    """What another process does when it finds the dead."""
    store = place.store()
    await store.open()
    for worker in await store.workers():
        await store.bury(worker.id, 0)
    await store.close()
