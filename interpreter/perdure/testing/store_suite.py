"""What every store must do, as tests: subclass `StoreSuite` and say how a store is made.

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def another(self, tmp_path):
            return lambda: MyStore(tmp_path / "runs")

Each call of `another` makes one more handle, not open yet, on the same data. Knows only the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from perdure.errors import StoreError
from perdure.stores.conditions import Compare
from perdure.stores.store import (
    Commit,
    Store,
)
from perdure.testing.store_makers import (
    MakeStore,
    OpenStore,
    commit,
    events,
    kinds,
    new_run,
    worker,
)
from perdure.testing.store_suite_commits import CommitRules
from perdure.testing.store_suite_conditions import ConditionRules
from perdure.testing.store_suite_inbox import InboxRules
from perdure.testing.store_suite_messages import MessageRules
from perdure.testing.store_suite_ownership import OwnershipRules
from perdure.testing.store_suite_schedules import ScheduleRules
from perdure.testing.store_suite_slots import SlotRules
from perdure.testing.store_suite_succession import SuccessionRules
from perdure.testing.store_suite_tasks import TaskRules
from perdure.testing.store_suite_upkeep import UpkeepRules


class StoreSuite(
    CommitRules,
    OwnershipRules,
    InboxRules,
    MessageRules,
    SuccessionRules,
    UpkeepRules,
    ConditionRules,
    SlotRules,
    TaskRules,
    ScheduleRules,
):
    """The conformance suite. `store` and `other` are two handles on the same data, like two processes."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def another(self) -> MakeStore:
        raise NotImplementedError("say how a store is made")

    @pytest_asyncio.fixture
    async def opened(self, another: MakeStore) -> AsyncIterator[OpenStore]:
        stores: list[Store] = []

        async def make() -> Store:
            stores.append(another())
            await stores[-1].open()
            return stores[-1]

        yield make
        for store in stores:
            await store.close()

    @pytest_asyncio.fixture
    async def store(self, opened: OpenStore) -> Store:
        return await opened()

    @pytest_asyncio.fixture
    async def other(self, store: Store, opened: OpenStore) -> Store:
        return await opened()

    # -- opening and closing

    async def test_a_closed_store_refuses_and_may_be_closed_again(self, store: Store) -> None:
        await store.close()
        await store.close()
        for call in (store.commit([]), store.commit([Commit(run=1)]), store.find("a"), store.stamp()):
            with pytest.raises(StoreError, match="closed"):
                await call
        with pytest.raises(StoreError):
            await store.open()

    async def test_a_store_that_is_not_open_refuses_and_can_be_closed(self, another: MakeStore) -> None:
        store = another()
        for call in (store.find("a"), store.commit([Commit(run=1)])):
            with pytest.raises(StoreError, match="not open"):
                await call
        await store.close()

    async def test_closing_finishes_what_was_accepted(self, store: Store, other: Store) -> None:
        waiting = [asyncio.ensure_future(commit(store, new_run(f"r{number}"))) for number in range(50)]
        await asyncio.sleep(0)
        await store.close()
        keys = await asyncio.gather(*waiting)
        assert sorted(row.key for row in await other.runs()) == sorted(keys)

    async def test_what_one_handle_wrote_another_reads(self, store: Store, other: Store) -> None:
        key = await commit(store, new_run(), events=events(1))
        assert await other.find("order-1") == await store.find("order-1")
        assert await other.history(key) == events(1)

    # -- reading

    async def test_runs_are_paged_newest_first(self, store: Store) -> None:
        outcomes = await store.commit(
            [
                Commit(run=new_run(f"r{number}", workflow="ab"[number % 2], status=("running", "stuck")[number // 5]))
                for number in range(10)
            ]
        )
        assert kinds(outcomes) == [int] * 10

        async def pages(**wanted: Any) -> list[list[str]]:
            listed, before = [], None
            while page := await store.runs(limit=3, before=before, **wanted):
                listed.append([row.id for row in page])
                before = page[-1].key
            return listed

        assert await pages() == [["r9", "r8", "r7"], ["r6", "r5", "r4"], ["r3", "r2", "r1"], ["r0"]]
        assert await pages(where=Compare("workflow", "=", "a")) == [["r8", "r6", "r4"], ["r2", "r0"]]
        assert await pages(statuses=["stuck"]) == [["r9", "r8", "r7"], ["r6", "r5"]]
        assert await pages(statuses=["running", "stuck", "running"], where=Compare("workflow", "=", "b")) == [
            ["r9", "r7", "r5"],
            ["r3", "r1"],
        ]
        assert await pages(statuses=[]) == []
        assert await pages(where=Compare("workflow", "=", "unknown")) == []
        assert await store.runs(limit=0) == []

    async def test_history_is_paged(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1, 2, 3, 4))
        assert await store.history(key, limit=2) == events(1, 2)
        assert await store.history(key, after=2, limit=9) == events(3, 4)
        assert await store.history(key, after=4) == []
        assert await store.history(key, limit=0) == []
        assert await store.history(key + 1) == []

    async def test_what_is_unknown_is_empty(self, store: Store) -> None:
        assert await store.find("nobody") is None
        assert await store.load(99) == (None, [], {})
        assert await store.letters_of(99) == []
        assert await store.definition("nothing") is None
        assert await store.runs() == []

    async def test_a_definition_is_kept_once(self, store: Store, other: Store) -> None:
        await store.put_definition("d1", "order", None, b"bundle", 100)
        await other.put_definition("d1", "else", "2", b"changed", 200)
        assert await other.definition("d1") == b"bundle"

    async def test_the_stamp_changes_when_another_handle_commits(self, store: Store, other: Store) -> None:
        key = await commit(other, new_run())
        seen = await store.stamp()
        for write in (
            lambda: commit(other, key, events=events(1)),
            lambda: other.post("order-1", "signal", b"", id="l1", at=1),
            lambda: other.register(worker()),
            lambda: other.claim("w1", 999, 1),
        ):
            await write()
            now = await store.stamp()
            assert now != seen
            seen = now
        assert await store.stamp() == seen
