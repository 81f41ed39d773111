"""Tasks that make attempts: those that never wait share one, those that wait have one of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest

from perdure.engine import crew
from perdure.engine.crew import Crew

shade: ContextVar[str] = ContextVar("shade", default="none")


class Item:
    def __init__(self, deed: Callable[[Item], Awaitable[None]]) -> None:
        self.deed = deed
        self.task: asyncio.Task[None] | None = None
        self.over = False
        self.through = False
        self.error: BaseException | None = None


async def work(item: Item) -> None:
    try:
        await item.deed(item)
    except BaseException as problem:
        item.error = problem


def left(item: Item) -> None:
    item.through = True


@pytest.fixture
def team() -> Crew[Item]:
    return Crew(work, left)


async def at_once(item: Item) -> None:
    """Does not wait."""


async def briefly(item: Item) -> None:
    await asyncio.sleep(0)


async def for_ever(item: Item) -> None:
    await asyncio.Event().wait()


async def test_items_that_never_wait_share_a_task_and_are_all_done(team: Crew[Item]) -> None:
    items = [Item(at_once) for _ in range(5)]
    for item in items:
        team.put(item)
    assert await team.rest(10)
    assert all(item.through for item in items)
    assert len({item.task for item in items}) == 1


async def test_an_item_that_waits_keeps_its_task_and_holds_up_nobody(team: Crew[Item]) -> None:
    waiting, following = Item(for_ever), Item(at_once)
    team.put(waiting)
    team.put(following)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert following.through
    assert not waiting.through
    assert waiting.task is not following.task
    assert waiting.task is not None
    waiting.task.cancel()
    assert await team.rest(10)
    assert isinstance(waiting.error, asyncio.CancelledError)


async def test_items_that_wait_begin_at_the_same_time(team: Crew[Item]) -> None:
    items = [Item(for_ever) for _ in range(10)]
    for item in items:
        team.put(item)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len({item.task for item in items if item.task is not None}) == 10
    for item in items:
        assert item.task is not None
        item.task.cancel()
    assert await team.rest(10)


async def test_many_items_let_others_have_the_event_loop(team: Crew[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "AT_A_TIME", 2)
    items = [Item(at_once) for _ in range(5)]
    for item in items:
        team.put(item)
    await asyncio.sleep(0)
    assert [item.through for item in items] == [True, True, False, False, False]
    assert await team.rest(10)
    assert all(item.through for item in items)


@pytest.mark.parametrize("end", [at_once, briefly])
async def test_context_variables_are_an_items_own(team: Crew[Item], end: Callable[[Item], Awaitable[None]]) -> None:
    seen = []

    async def colour(item: Item) -> None:
        seen.append(shade.get())
        shade.set("red")
        await end(item)
        seen.append(shade.get())

    team.put(Item(colour))
    team.put(Item(colour))
    assert await team.rest(10)
    assert sorted(seen) == ["none", "none", "red", "red"]
    assert shade.get() == "none"


async def test_a_timeout_within_an_item_is_the_items_own(team: Crew[Item]) -> None:
    async def impatient(item: Item) -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    first, second = Item(impatient), Item(briefly)
    team.put(first)
    team.put(second)
    assert await team.rest(10)
    assert isinstance(first.error, TimeoutError)
    assert second.error is None
    assert second.through


async def test_an_item_that_cancels_its_own_task_does_not_harm_the_next(team: Crew[Item]) -> None:
    async def rash(item: Item) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    first, second = Item(rash), Item(briefly)
    team.put(first)
    team.put(second)
    assert await team.rest(10)
    assert first.through
    assert second.through
    assert second.error is None


async def test_an_item_that_is_over_before_its_turn_is_not_begun(team: Crew[Item]) -> None:
    item = Item(at_once)
    team.put(item)
    item.over = True
    assert await team.rest(10)
    assert item.through
    assert item.task is None


async def test_a_fault_of_ours_does_not_hold_up_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    async def faulty(item: Item) -> None:
        if item.deed is briefly:
            raise LookupError("ours")

    team: Crew[Item] = Crew(faulty, left)
    first, second = Item(briefly), Item(at_once)
    team.put(first)
    team.put(second)
    await asyncio.sleep(0)
    assert await team.rest(10)
    assert first.through
    assert second.through
    assert "a fault in the worker" in caplog.text


def test_an_item_that_waits_when_the_loop_goes_is_over_and_its_coroutine_closed() -> None:
    closed = []

    async def leaving(item: Item) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(item)

    loop = asyncio.new_event_loop()
    item = Item(leaving)

    async def begin() -> None:
        team: Crew[Item] = Crew(work, left)
        team.put(item)
        await asyncio.sleep(0)

    loop.run_until_complete(begin())
    assert item.task is not None
    item.task.get_coro().close()  # type: ignore[union-attr]
    loop.close()
    assert closed == [item]
    assert item.over
