"""How calls are handed to the workers that serve their queues; part of the store suite."""

from __future__ import annotations

import asyncio

import pytest

from perdure.errors import Fenced
from perdure.stores.store import Closing, NewTask, Store, TaskRow
from perdure.testing.store_makers import commit, events, found, new_run, worker
from perdure.values import decode

END = Closing("completed", 300, b"1")


def task(frame: int = 1, queue: str = "gpu", priority: int = 0, body: bytes = b"call") -> NewTask:
    return NewTask(frame, queue, priority, body)


async def told(store: Store, run: int) -> list[object]:
    return [decode(letter.body) for letter in await store.letters_of(run) if letter.kind == "task"]


class TaskRules:
    """Each is taken by one worker at a time, and its run hears of its end."""

    async def test_a_task_is_taken_carried_out_and_answered(self, store: Store, other: Store) -> None:
        await other.register(worker())
        key = await commit(store, new_run(wake_at=None), tasks=[task(4, priority=7)])
        [taken] = await other.take_tasks("w1", {"gpu": 5})
        assert taken == TaskRow(taken.key, "order-1", 4, "gpu", 7, b"call", "w1", False)
        assert await store.tasks("w1") == [taken]
        assert await other.take_tasks("w1", {"gpu": 5}) == []
        assert await other.finish_task("w1", taken.key, b'{"frame":4}', 200) is True
        [letter] = await store.letters_of(key)
        assert (letter.kind, letter.id, letter.at, letter.body) == ("task", "~task/4", 200, b'{"frame":4}')
        assert (await found(store)).wake_at == 200
        assert await store.tasks("w1") == []
        assert await other.finish_task("w1", taken.key, b"{}", 210) is False

    async def test_tasks_are_taken_by_priority_then_age_and_no_more_than_asked(self, store: Store) -> None:
        await store.register(worker())
        await commit(store, new_run(), tasks=[task(n, priority=priority) for n, priority in enumerate((0, 5, -3, 5))])
        await commit(store, new_run("b"), tasks=[task(9, queue="cpu", priority=1), task(8, queue="io")])
        taken = await store.take_tasks("w1", {"gpu": 3, "cpu": 1, "io": 0, "none": 4})
        assert [(row.frame, row.priority) for row in taken] == [(1, 5), (3, 5), (9, 1), (0, 0)]
        assert [row.frame for row in await store.take_tasks("w1", {"gpu": 3, "io": -1})] == [2]
        assert [row.frame for row in await store.tasks("w1")] == [0, 1, 2, 3, 9]

    async def test_a_star_stands_for_all_queues(self, store: Store) -> None:
        await store.register(worker())
        await commit(store, new_run(), tasks=[task(1, "a", 2), task(2, "b", 9), task(3, "c"), task(4, "a", 3)])
        assert [row.frame for row in await store.take_tasks("w1", {"*": 2})] == [2, 4]
        assert [row.frame for row in await store.take_tasks("w1", {"*": 9})] == [1, 3]
        assert await store.take_tasks("w1", {"*": 9}) == []

    async def test_of_many_workers_each_task_is_taken_by_one(self, store: Store, other: Store) -> None:
        for id in ("w1", "w2"):
            await store.register(worker(id))
        await commit(store, new_run(), tasks=[task(number) for number in range(20)])
        takes = [(store, other)[n % 2].take_tasks(f"w{1 + n % 2}", {"gpu": 2}) for n in range(12)]
        frames = [row.frame for rows in await asyncio.gather(*takes) for row in rows]
        assert sorted(frames) == list(range(20))

    async def test_a_worker_without_a_row_takes_nothing(self, store: Store) -> None:
        await commit(store, new_run(), tasks=[task()])
        with pytest.raises(Fenced):
            await store.take_tasks("dead", {"gpu": 1})

    async def test_a_task_belongs_to_the_worker_that_took_it(self, store: Store) -> None:
        for id in ("w1", "w2"):
            await store.register(worker(id))
        key = await commit(store, new_run(), tasks=[task()])
        [taken] = await store.take_tasks("w1", {"gpu": 1})
        assert await store.finish_task("w2", taken.key, b"{}", 200) is False
        assert await store.finish_task("w1", taken.key + 1, b"{}", 200) is False
        assert await told(store, key) == []

    async def test_a_second_task_of_a_frame_changes_nothing(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(), tasks=[task(1), task(1, body=b"else")])
        await commit(store, key, tasks=[task(1, body=b"else"), task(2)])
        assert [row.body for row in await store.take_tasks("w1", {"gpu": 9})] == [b"call", b"call"]

    async def test_a_task_that_nobody_has_taken_is_cancelled_at_once(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(), tasks=[task(1), task(2)])
        await commit(store, key, events=[(1, 250, b"")], tasks_cancelled=[1, 99])
        assert await told(store, key) == [{"frame": 1, "cancelled": True}]
        assert [row.frame for row in await store.take_tasks("w1", {"gpu": 9})] == [2]

    async def test_a_task_that_is_taken_is_marked_and_finished_by_its_worker(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(), tasks=[task()])
        [taken] = await store.take_tasks("w1", {"gpu": 9})
        await commit(store, key, tasks_cancelled=[1])
        assert await told(store, key) == []
        assert [row.cancelled for row in await store.tasks("w1")] == [True]
        assert await store.finish_task("w1", taken.key, b'{"frame":1}', 200) is True
        assert await told(store, key) == [{"frame": 1}]

    async def test_a_task_that_is_cancelled_makes_room_for_another_of_its_frame(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(), tasks=[task()])
        await commit(store, key, tasks_cancelled=[1], tasks=[task(body=b"again")])
        assert [row.body for row in await store.take_tasks("w1", {"gpu": 9})] == [b"again"]

    @pytest.mark.parametrize("died", [True, False])
    async def test_tasks_of_a_worker_that_is_buried_are_lost(self, store: Store, other: Store, died: bool) -> None:
        await store.register(worker())
        await store.register(worker("w2"))
        key = await commit(store, new_run(wake_at=None), tasks=[task(1), task(2), task(3)])
        await store.take_tasks("w1", {"gpu": 2})
        await other.bury("w1", 400, died=died)
        assert await told(store, key) == [{"frame": 1, "lost": True}, {"frame": 2, "lost": True}]
        assert (await found(store)).wake_at == 400
        assert await store.tasks("w1") == []
        assert [row.frame for row in await store.take_tasks("w2", {"gpu": 9})] == [3]

    async def test_the_end_of_a_run_cancels_its_tasks(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(), tasks=[task(1, priority=1), task(2)])
        other = await commit(store, new_run("b"), tasks=[task(1)])
        [taken] = await store.take_tasks("w1", {"gpu": 1})
        await commit(store, key, events=events(1), closing=END)
        assert [(row.frame, row.cancelled) for row in await store.tasks("w1")] == [(1, True)]
        assert [row.run_id for row in await store.take_tasks("w1", {"gpu": 9})] == ["b"]
        assert await store.finish_task("w1", taken.key, b"{}", 400) is True
        assert await told(store, key) == await told(store, other) == []

    async def test_an_ended_run_hands_out_no_tasks(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(), closing=END, tasks=[task(1)])
        await commit(store, key, tasks=[task(2)])
        assert await store.take_tasks("w1", {"gpu": 9}) == []

    async def test_an_answer_to_a_task_does_not_reach_the_successor(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(), tasks=[task(1), task(2)])
        first, second = await store.take_tasks("w1", {"gpu": 9})
        await store.finish_task("w1", first.key, b"{}", 200)
        await commit(store, key, closing=Closing("continued", 300, b"1"), successor=new_run())
        await store.finish_task("w1", second.key, b"{}", 310)
        assert await store.letters_of((await found(store)).key) == []
