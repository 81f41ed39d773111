"""Ids used again, runs deleted, definitions moved to, values cached, letters that can wait; part of the store suite."""

from __future__ import annotations

import asyncio

import pytest

from perdure.stores.store import Closing, Commit, NewLetter, RunExists, Store, UpdateRow
from perdure.testing.store_makers import ask, commit, events, found, kinds, new_run, worker

END = Closing("failed", 150, b"1")


class UpkeepRules:
    """What is given up makes room, and what is still needed stays."""

    # -- ids used again

    async def test_an_ended_run_gives_its_id_up_for_a_new_one(self, store: Store, other: Store) -> None:
        first = await commit(store, new_run(), events=events(1), closing=END)
        second = await commit(other, new_run(replaces=first), events=events(1, 2))
        assert (await found(store)).key == second
        assert (await found(store, "order-1~1")).key == first
        assert await store.history(first) == events(1)
        await commit(store, second, closing=END, successor=new_run())
        third = (await found(store)).key
        await commit(store, third, closing=END)
        await commit(store, new_run(replaces=third))
        assert {row.id for row in await store.runs()} == {"order-1", "order-1~1", "order-1~2", "order-1~3"}

    async def test_an_id_is_given_up_only_by_the_ended_run_that_has_it(self, store: Store) -> None:
        first = await commit(store, new_run(), closing=END)
        second = await commit(store, new_run(replaces=first))
        elsewhere = await commit(store, new_run("b"), closing=END)
        batch = [Commit(run=new_run(replaces=key), events=events(1)) for key in (first, second, elsewhere, 99)]
        assert kinds(await store.commit(batch)) == [RunExists] * 4
        assert len(await store.runs()) == 3

    async def test_of_two_that_use_an_id_again_at_once_one_finds_it_taken(self, store: Store, other: Store) -> None:
        first = await commit(store, new_run(), closing=END)
        tries = [handle.commit([Commit(run=new_run(replaces=first))]) for handle in (store, other)]
        outcomes = [outcome for [outcome] in await asyncio.gather(*tries)]
        assert sorted(kind.__name__ for kind in kinds(outcomes)) == ["RunExists", "int"]

    async def test_the_id_of_a_deleted_run_is_free(self, store: Store) -> None:
        first = await commit(store, new_run(), closing=END)
        await store.delete(first)
        await commit(store, new_run(replaces=first))
        assert [row.id for row in await store.runs()] == ["order-1"]

    # -- deletion

    async def test_a_deleted_run_leaves_nothing(self, store: Store, other: Store) -> None:
        key = await commit(
            store,
            new_run(labels={"a": "b"}),
            events=events(1, 2),
            snapshot=(1, b"s"),
            heartbeats={1: b"h"},
            asks_opened=[ask()],
            letters=[NewLetter("order-1", "signal", id, 1, b"") for id in ("l1", "l2")],
        )
        await store.post("order-1", "update", b"", id="u1", at=120)
        await commit(store, key, consumed=[(await store.letters_of(key))[0].key])
        await commit(store, key, closing=END)
        assert await other.delete(key) is True
        assert await other.delete(key) is False
        assert await store.find("order-1") is None
        assert (await store.load(key), await store.history(key)) == ((None, [], {}), [])
        assert (await store.letters_of(key), await store.asks(), await store.runs()) == ([], [], [])
        assert await store.update("order-1", "u1") is None

    async def test_an_open_run_is_not_deleted(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1))
        assert await store.delete(key) is False
        assert await store.delete(99) is False
        assert await store.history(key) == events(1)

    async def test_the_key_of_a_deleted_run_is_not_given_again(self, store: Store) -> None:
        keys = [await commit(store, new_run(id), closing=END) for id in "abc"]
        for key in (keys[2], keys[0]):
            await store.delete(key)
        new = await commit(store, new_run("d"))
        assert new > keys[2]
        assert await store.history(new) == []

    async def test_deleting_a_run_leaves_its_successor_alone(self, store: Store) -> None:
        key = await commit(store, new_run(labels={"x": "1"}))
        for id in ("u1", "u2"):
            await store.post("order-1", "update", b"", id=id, at=120)
        await commit(store, key, replies={"u1": b"1"})
        await commit(store, key, consumed=[(await store.letters_of(key))[0].key])
        await commit(store, key, closing=END, successor=new_run(labels={"x": "1"}))
        assert await store.delete(key) is True
        assert await store.update("order-1", "u1") is None
        assert await store.update("order-1", "u2") == UpdateRow("waiting", None)
        assert [letter.id for letter in await store.letters_of((await found(store)).key)] == ["u2"]

    async def test_a_run_that_ends_and_is_deleted_at_once_leaves_nothing(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1), snapshot=(1, b"s"))
        end = store.commit([Commit(run=key, events=events(2), closing=END)])
        _, deleted = await asyncio.gather(end, store.delete(key))
        assert deleted is True
        assert await store.history(key) == []
        assert await store.load(key) == (None, [], {})

    async def test_a_deletion_behind_a_commit_that_is_refused_finds_the_run_open(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1))
        end = store.commit([Commit(run=key, events=events(1), closing=END)])
        _, deleted = await asyncio.gather(end, store.delete(key))
        assert deleted is False
        assert (await found(store)).status == "running"

    # -- definitions

    async def test_a_run_moves_to_another_definition(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1))
        await commit(store, key, events=events(2), moved=("d2", None))
        row = await found(store)
        assert (row.digest, row.version, row.workflow) == ("d2", None, "order")

    async def test_the_latest_definition_of_a_version_is_the_one_put_last_with_it(self, store: Store) -> None:
        await store.put_definition("d1", "order", "1", b"1", 100)
        await store.put_definition("d2", "order", "2", b"2", 200)
        await store.put_definition("d3", "order", "1", b"3", 300)
        await store.put_definition("d4", "order", None, b"4", 400)
        assert [await store.latest("order", version) for version in ("1", "2", "3", None)] == ["d3", "d2", None, "d4"]
        await store.put_definition("d1", "order", "1", b"1", 500)
        assert (await store.latest("order", "1"), await store.latest("order")) == ("d1", "d1")
        assert await store.latest("else", "1") is None

    async def test_a_migration_is_answered_like_an_update(self, store: Store) -> None:
        key = await commit(store, new_run())
        for id in ("m1", "m2", "m3"):
            await store.post("order-1", "migrate", b"d2", id=id, at=120)
        await store.post("order-1", "migrate", b"again", id="m1", at=130)
        letters = await store.letters_of(key)
        assert [letter.body for letter in letters] == [b"d2"] * 3
        assert await store.update("order-1", "m1") == UpdateRow("waiting", None)
        await commit(store, key, consumed=[letters[0].key], replies={"m1": b"moved"})
        await commit(store, key, consumed=[letters[1].key], closing=END, ended=b"ended", successor=new_run())
        new = (await found(store)).key
        assert [letter.id for letter in await store.letters_of(new)] == ["m3"]
        assert await store.update("order-1", "m3") == UpdateRow("waiting", None)
        await commit(store, new, closing=END, ended=b"ended")
        assert [await store.update("order-1", id) for id in ("m1", "m2", "m3")] == [
            UpdateRow("completed", b"moved"),
            UpdateRow("refused", b"ended"),
            UpdateRow("refused", b"ended"),
        ]
        assert await store.letters_of(new) == []

    # -- cached values

    async def test_a_value_is_cached_until_it_expires(self, store: Store, other: Store) -> None:
        key = await commit(store, new_run(), cached={"a": (b"1", 200), "b": (b"2", None), "c": (b"", 100)})
        assert await other.cached("a", 199) == b"1"
        assert await other.cached("a", 200) is None
        assert (await store.cached("b", 10**15), await store.cached("c", 99)) == (b"2", b"")
        assert await store.cached("nothing", 0) is None
        await commit(store, key, cached={"a": (b"new", 300)})
        assert await other.cached("a", 299) == b"new"

    async def test_expired_values_are_purged_a_few_at_a_time(self, store: Store) -> None:
        cached = {f"k{number}": (b"v", 100 + number) for number in range(5)} | {"kept": (b"v", None)}
        await commit(store, new_run(), cached=cached)
        assert await store.purge(99) == 0
        assert [await store.purge(103, limit=3), await store.purge(103), await store.purge(103)] == [3, 1, 0]
        assert [await store.cached(key, 0) for key in ("k3", "k4", "kept")] == [None, b"v", b"v"]

    async def test_a_refused_commit_caches_nothing(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1))
        await store.commit([Commit(run=key, events=events(1), cached={"a": (b"1", None)}, moved=("d9", "9"))])
        assert await store.cached("a", 0) is None
        assert (await found(store)).digest == "d1"

    # -- letters

    async def test_ids_count_as_read_that_never_were_in_the_inbox(self, store: Store) -> None:
        key = await commit(store, new_run(wake_at=None), received=["l1", "~1"])
        for id in ("l1", "~1", "l2"):
            await store.post("order-1", "signal", b"", id=id, at=120)
        assert [letter.id for letter in await store.letters_of(key)] == ["~1", "l2"]
        await commit(store, key, received=["l1", "l2"])
        assert [letter.id for letter in await store.letters_of(key)] == ["~1", "l2"]

    @pytest.mark.parametrize("status", ["paused", "scheduled"])
    async def test_a_patient_letter_does_not_wake_a_run_that_rests(self, store: Store, status: str) -> None:
        key = await commit(store, new_run(status=status, wake_at=900), listens={"rain": True})
        row = await store.post("order-1", "signal", b"", id="l1", at=120, patient=True)
        assert row == await found(store)
        await commit(store, new_run("b"), letters=[NewLetter("order-1", "signal", "l2", 130, b"", patient=True)])
        assert await store.publish("rain", b"", id="e1", at=140) == 1
        assert (await found(store)).wake_at == 900
        assert [letter.id for letter in await store.letters_of(key)] == ["l1", "l2", "e1"]
        await store.post("order-1", "resume", b"", id="l3", at=150)
        assert (await found(store)).wake_at == 150

    @pytest.mark.parametrize("status", ["running", "stuck"])
    async def test_a_patient_letter_wakes_any_other_run(self, store: Store, status: str) -> None:
        await commit(store, new_run(status=status, wake_at=900))
        await store.post("order-1", "signal", b"", id="l1", at=120, patient=True)
        assert (await found(store)).wake_at == 120

    async def test_a_run_that_rests_is_released_over_patient_letters_and_wakes_for_others(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1", wake_at=None), listens={"rain": True})
        await store.post("order-1", "signal", b"", id="l1", at=120, patient=True)
        await store.publish("rain", b"", id="e1", at=125)
        await commit(store, key, worker="w1", status="paused", release=True, wake_at=None)
        assert ((await found(store)).owner, (await found(store)).wake_at) == (None, None)
        await commit(store, key, status="running", release=True, wake_at=None)
        assert (await found(store)).wake_at == 125
        await commit(store, key, status="paused", release=True, wake_at=None)
        assert (await found(store)).wake_at is None
        await store.post("order-1", "cancel", b"", id="l2", at=130)
        assert (await found(store)).wake_at == 130
        await commit(store, key, status="paused", release=True, wake_at=None)
        assert (await found(store)).wake_at == 130

    async def test_a_successor_that_rests_is_not_woken_by_patient_letters(self, store: Store) -> None:
        key = await commit(store, new_run(wake_at=None))
        await store.post("order-1", "signal", b"", id="l1", at=120, patient=True)
        await commit(store, key, closing=END, successor=new_run(status="scheduled", wake_at=700))
        assert (await found(store)).wake_at == 700
        await commit(store, (await found(store)).key, closing=END, successor=new_run(wake_at=700))
        assert (await found(store)).wake_at == 120
