"""Who may write, and who takes which run; part of the store suite."""

from __future__ import annotations

import asyncio

import pytest

from perdure.errors import Fenced
from perdure.stores.store import (
    Closing,
    Commit,
    SequenceTaken,
    Store,
)
from perdure.testing.store_makers import (
    LARGEST,
    commit,
    events,
    found,
    kinds,
    new_run,
    worker,
)


class OwnershipRules:
    """Workers, claims, burials and fences."""

    async def test_a_worker_without_a_row_cannot_write(self, store: Store, other: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"), worker="w1", events=events(1))
        await other.bury("w1", 150)
        outcomes = await store.commit(
            [Commit(run=key, worker="w1", events=events(2)), Commit(run=new_run("b", owner="w1"))]
        )
        assert kinds(outcomes) == [Fenced, Fenced]
        assert await store.history(key) == events(1)
        assert await store.find("b") is None

    async def test_a_burial_fences_the_commits_behind_it_in_the_same_moment(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"))
        before, _, after = await asyncio.gather(
            store.commit([Commit(run=key, worker="w1", events=events(1))]),
            store.bury("w1", 150),
            store.commit([Commit(run=key, worker="w1", events=events(2))]),
        )
        assert kinds(before + after) == [int, Fenced]
        assert await store.history(key) == events(1)

    async def test_only_its_owner_gives_a_run_up_ends_it_or_sets_its_status(self, store: Store, other: Store) -> None:
        await store.register(worker("w1"))
        await store.register(worker("w2"))
        key = await commit(store, new_run(owner="w1"))
        await commit(store, key, worker="w1", release=True, wake_at=100)
        [row] = await other.claim("w2", 100, 10)
        again = await store.commit([
            Commit(run=key, worker="w1", release=True, wake_at=100),
            Commit(run=key, worker="w1", status="stuck", release=True),
            Commit(run=key, worker="w1", closing=Closing("completed", 150, b"{}")),
        ])  # fmt: skip
        assert kinds(again) == [SequenceTaken] * 3
        assert await found(store) == row

    async def test_an_end_that_is_written_again_changes_nothing(self, store: Store) -> None:
        await store.register(worker("w1"))
        key = await commit(store, new_run(owner="w1"), events=events(1))
        end = Commit(
            run=key, worker="w1", events=events(2), closing=Closing("continued", 150, b"{}"), successor=new_run()
        )
        assert kinds(await store.commit([end])) == [int]
        ended, successor = await found(store, "order-1~1"), await found(store)
        stick = Commit(run=key, worker="w1", status="stuck", release=True)
        assert kinds(await store.commit([end, stick])) == [SequenceTaken] * 2
        assert (await found(store, "order-1~1"), await found(store)) == (ended, successor)

    async def test_workers_are_written_renewed_and_listed(self, store: Store) -> None:
        await store.register(worker("w2"))
        await store.register(worker("w1", host="wörk", pid_started=LARGEST))
        assert await store.renew("w1", 999) is True
        assert await store.renew("nobody", 999) is False
        assert await store.workers() == [
            worker("w1", host="wörk", pid_started=LARGEST, lease_until=999),
            worker("w2"),
        ]

    async def test_a_buried_worker_cannot_renew_and_its_runs_are_free(self, store: Store, other: Store) -> None:
        await store.register(worker("w1"))
        await store.register(worker("w2"))
        for id, owner in (("a", "w1"), ("b", "w2"), ("c", "w1")):
            await commit(store, new_run(id, owner=owner))
        freed = await other.bury("w1", 500)
        assert [(row.id, row.owner, row.wake_at, row.recoveries) for row in freed] == [
            ("a", None, 500, 1),
            ("c", None, 500, 1),
        ]
        assert freed[0] == await store.find("a")
        assert await store.renew("w1", 999) is False
        assert (await found(store, "b")).owner == "w2"
        assert await store.bury("w1", 600) == []

    async def test_recoveries_count_deaths_but_not_farewells(self, store: Store) -> None:
        await commit(store, new_run())
        for number, died in enumerate((True, False, True)):
            await store.register(worker(f"w{number}"))
            await store.claim(f"w{number}", 1000, 1)
            await store.bury(f"w{number}", 200, died=died)
        assert (await found(store)).recoveries == 2

    async def test_claims_take_the_longest_due_first_and_never_more_than_asked(self, store: Store) -> None:
        await store.register(worker())
        for id, wake_at in (("late", 300), ("first", 100), ("second", 200), ("never", None), ("future", 900)):
            await commit(store, new_run(id, wake_at=wake_at))
        assert await store.claim("w1", 300, 0) == []
        claimed = await store.claim("w1", 300, 2)
        assert [(row.id, row.owner) for row in claimed] == [("first", "w1"), ("second", "w1")]
        assert claimed[0] == await store.find("first")
        assert [row.id for row in await store.claim("w1", 300, 9)] == ["late"]
        assert await store.claim("w1", 300, 9) == []

    async def test_only_open_runs_that_are_not_stuck_are_claimed(self, store: Store) -> None:
        await store.register(worker())
        for status in ("scheduled", "running", "paused", "stuck", "completed"):
            await commit(store, new_run(status, status=status))
        assert await store.next_wake(only=["stuck", "completed"]) is None
        assert await store.next_wake(only=["paused"]) == 100
        assert [row.id for row in await store.claim("w1", 100, 9)] == ["scheduled", "running", "paused"]

    async def test_a_paused_run_is_claimed_when_a_letter_comes(self, store: Store, other: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"))
        await commit(store, key, worker="w1", status="paused", release=True)
        assert await store.next_wake() is None
        assert await store.claim("w1", LARGEST, 9) == []
        await other.post("order-1", "resume", b"", id="l1", at=120)
        assert await store.next_wake() == 120
        assert [row.status for row in await store.claim("w1", 120, 9)] == ["paused"]

    async def test_claims_and_wakes_can_be_limited_to_named_runs(self, store: Store) -> None:
        await store.register(worker())
        for number in range(4):
            await commit(store, new_run(f"r{number}", wake_at=100 + number))
        assert await store.next_wake() == 100
        assert await store.next_wake(only=["r3", "r2", "unknown"]) == 102
        assert await store.next_wake(only=[]) is None
        assert await store.claim("w1", 999, 9, only=[]) == []
        claimed = await store.claim("w1", 999, 9, only=["r3", "unknown", "r1", "r3"])
        assert [row.id for row in claimed] == ["r1", "r3"]
        assert await store.next_wake() == 100

    async def test_claiming_without_a_row_is_fenced(self, store: Store) -> None:
        await commit(store, new_run())
        with pytest.raises(Fenced):
            await store.claim("nobody", 999, 9)
        assert (await found(store)).owner is None

    async def test_two_handles_never_claim_the_same_run(self, store: Store, other: Store) -> None:
        await store.register(worker("w1"))
        await store.register(worker("w2"))
        await store.commit([Commit(run=new_run(f"r{number}")) for number in range(200)])
        claims = [handle.claim(name, 100, 7) for _ in range(20) for handle, name in ((store, "w1"), (other, "w2"))]
        rows = [row for claimed in await asyncio.gather(*claims) for row in claimed]
        assert len(rows) == 200
        assert len({row.id for row in rows}) == 200
        assert {row.id: row.owner for row in rows} == {row.id: row.owner for row in await store.runs(limit=500)}

    async def test_next_wake_ignores_owned_and_ended_runs(self, store: Store) -> None:
        await store.register(worker())
        assert await store.next_wake() is None
        await commit(store, new_run("a", wake_at=1, owner="w1"))
        await commit(store, new_run("b", wake_at=2), closing=Closing("completed", 3, b"1"))
        await commit(store, new_run("c", wake_at=50))
        assert await store.next_wake() == 50
