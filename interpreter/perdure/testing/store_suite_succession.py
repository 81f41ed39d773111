"""How a run goes on as a new one under its id; part of the store suite."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perdure.errors import Fenced, StoreError
from perdure.stores.store import Closing, Commit, NewLetter, NewRun, RunExists, RunRow, SequenceTaken, Store, UpdateRow
from perdure.testing.store_makers import ask, commit, events, found, kinds, new_run, worker

CONTINUED = Closing("continued", 150, b'"next"')


def successor(id: str = "order-1", **changes: Any) -> NewRun:
    return new_run(id, **({"created_at": 150, "wake_at": 700} | changes))


async def ids(store: Store) -> list[str]:
    return [row.id for row in await store.runs()]


class SuccessionRules:
    """The id goes on, and with it what waits for the run."""

    async def test_a_successor_takes_the_id_and_the_ended_run_keeps_its_row(self, store: Store, other: Store) -> None:
        key = await commit(store, new_run(labels={"a": "b"}), events=events(1))
        await commit(
            store,
            key,
            events=events(2),
            closing=CONTINUED,
            successor=successor(version="2", digest="d2", labels={"c": "d"}, parent="p"),
            successor_events=events(1, 2, 3),
        )
        old, new = await found(other, "order-1~1"), await found(other)
        assert (old.key, old.status, old.closed_at, old.outcome) == (key, "continued", 150, b'"next"')
        assert (old.owner, old.wake_at, old.labels) == (None, None, {"a": "b"})
        assert await store.history(key) == events(1, 2)
        assert new == RunRow(
            key=new.key,
            id="order-1",
            workflow="order",
            version="2",
            digest="d2",
            status="running",
            created_at=150,
            closed_at=None,
            labels={"c": "d"},
            wake_at=700,
            owner=None,
            recoveries=0,
            outcome=None,
            parent="p",
        )
        assert await store.load(new.key) == (None, events(1, 2, 3), {})
        assert new.key > key

    async def test_successors_count_on(self, store: Store) -> None:
        await commit(store, new_run("order-1~2"))
        for _ in range(3):
            key = (await found(store)).key if await store.find("order-1") else new_run()
            await commit(store, key, closing=CONTINUED, successor=successor())
        assert await ids(store) == ["order-1", "order-1~4", "order-1~3", "order-1~1", "order-1~2"]

    async def test_a_renamed_id_is_taken(self, store: Store) -> None:
        await commit(store, new_run(), closing=CONTINUED, successor=successor())
        assert kinds(await store.commit([Commit(run=new_run("order-1~1")), Commit(run=new_run())])) == [RunExists] * 2
        await commit(store, new_run("b~1"), closing=CONTINUED, successor=successor("b~1"))
        assert set(await ids(store)) == {"order-1", "order-1~1", "b~1", "b~1~1"}

    async def test_a_run_may_begin_and_go_on_in_one_commit(self, store: Store) -> None:
        key = await commit(
            store,
            new_run(),
            events=events(1, 2),
            closing=CONTINUED,
            successor=successor(),
            successor_events=events(1),
            letters=[NewLetter("order-1", "signal", "l1", 160, b"")],
        )
        assert (await found(store, "order-1~1")).key == key
        new = await found(store)
        assert await store.history(new.key) == events(1)
        assert await store.letters_of(key) == []
        assert [letter.id for letter in await store.letters_of(new.key)] == ["l1"]
        assert new.wake_at == 160

    async def test_letters_that_wait_move_to_the_successor_and_wake_it(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"), asks_opened=[ask()])
        for number in (130, 140, 135):
            await store.post("order-1", "signal", b"%d" % number, id=f"l{number}", at=number)
        await store.answer("order-1", 5, b"yes", id="answer", at=136)
        first, *others, answer = await store.letters_of(key)
        await commit(store, key, worker="w1", consumed=[first.key], closing=CONTINUED, successor=successor())
        new = await found(store)
        assert await store.letters_of(key) == [answer]
        moved = await store.letters_of(new.key)
        assert [(letter.key, letter.id, letter.body) for letter in moved] == [
            (letter.key, letter.id, letter.body) for letter in others
        ]
        assert (new.owner, new.wake_at) == (None, 140)
        assert [row.key for row in await store.claim("w1", 140, 9)] == [new.key]
        assert await store.letters("w1") == moved

    async def test_a_successor_that_is_owned_stays_with_its_worker(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"))
        await store.post("order-1", "signal", b"", id="l1", at=130)
        await commit(store, key, worker="w1", closing=CONTINUED, successor=successor(owner="w1"))
        new = await found(store)
        assert (new.owner, new.wake_at) == ("w1", 700)
        assert [letter.run for letter in await store.letters("w1")] == [new.key]

    async def test_what_an_open_run_needs_ends_with_it(self, store: Store) -> None:
        key = await commit(
            store,
            new_run(),
            asks_opened=[ask()],
            heartbeats={1: b"h"},
            snapshot=(1, b"s"),
            listens={"rain": True},
        )
        await commit(store, key, events=events(2), closing=CONTINUED, successor=successor())
        assert await store.load(key) == (None, events(2), {})
        assert await store.load((await found(store)).key) == (None, [], {})
        assert await store.asks() == []
        assert await store.publish("rain", b"", id="e1", at=160) == 0

    async def test_a_letter_that_was_read_before_does_not_come_again(self, store: Store, other: Store) -> None:
        await commit(store, new_run(), listens={"rain": True}, received=["l0"])
        for number in range(1, 4):
            await store.post("order-1", "signal", b"", id=f"l{number}", at=130)
            row = await found(store)
            [read] = await store.letters_of(row.key)
            going_on = {"closing": CONTINUED, "successor": successor()}
            await commit(store, row.key, consumed=[read.key], received=[f"m{number}"], **going_on)
        row = await found(store)
        await commit(store, row.key, listens={"rain": True})
        for id in ("l0", "l1", "l2", "l3", "m1", "m2", "m3"):
            await other.post("order-1", "signal", b"", id=id, at=160)
            await commit(store, new_run(id), letters=[NewLetter("order-1", "signal", id, 160, b"")])
            assert await other.publish("rain", b"", id=id, at=160) == 0
        assert await store.letters_of(row.key) == []
        await other.post("order-1", "signal", b"", id="l4", at=160)
        assert len(await store.letters_of(row.key)) == 1

    async def test_what_was_read_is_known_until_the_last_part_is_deleted(self, store: Store) -> None:
        for number in range(1, 3):
            row = await found(store) if number > 1 else None
            key = await commit(store, new_run()) if row is None else row.key
            await store.post("order-1", "signal", b"", id=f"l{number}", at=130)
            [read] = await store.letters_of(key)
            await commit(store, key, consumed=[read.key], closing=CONTINUED, successor=successor())
        last = await found(store)
        for id in ("order-1~1", "order-1~2"):
            assert await store.delete((await found(store, id)).key)
            for letter in ("l1", "l2"):
                await store.post("order-1", "signal", b"", id=letter, at=160)
            assert await store.letters_of(last.key) == []
        await commit(store, last.key, closing=Closing("completed", 170, b"{}"))
        assert await store.delete(last.key)
        key = await commit(store, new_run())
        await store.post("order-1", "signal", b"", id="l1", at=180)
        assert len(await store.letters_of(key)) == 1

    async def test_a_run_apart_from_the_one_it_replaces_knows_nothing_of_its_messages(self, store: Store) -> None:
        key = await commit(store, new_run(), letters=[NewLetter("order-1", "update", "u1", 130, b"")])
        await store.post("order-1", "signal", b"", id="l1", at=130)
        letters = [letter.key for letter in await store.letters_of(key)]
        done = Closing("completed", 150, b"{}")
        await commit(store, key, consumed=letters, replies={"u1": b"1"}, closing=done)
        new = await commit(store, new_run(replaces=key, apart=True))
        assert await store.update("order-1", "u1") is None
        assert await store.update("order-1~1", "u1") == UpdateRow("completed", b"1")
        for kind, id in (("update", "u1"), ("signal", "l1")):
            await store.post("order-1", kind, b"", id=id, at=160)
        assert [letter.id for letter in await store.letters_of(new)] == ["u1", "l1"]
        assert await store.update("order-1", "u1") == UpdateRow("waiting", None)
        assert await store.delete(key)
        assert await store.update("order-1~1", "u1") is None
        assert await store.update("order-1", "u1") == UpdateRow("waiting", None)

    async def test_a_run_in_the_place_of_another_is_known_to_have_its_updates(self, store: Store) -> None:
        key = await commit(store, new_run(), letters=[NewLetter("order-1", "update", "u1", 130, b"")])
        [read] = await store.letters_of(key)
        await commit(store, key, consumed=[read.key], replies={"u1": b"1"}, closing=Closing("failed", 150, b"{}"))
        await commit(store, new_run(replaces=key))
        assert await store.update("order-1", "u1") == UpdateRow("completed", b"1")

    async def test_an_answer_wakes_nobody_while_the_run_rests(self, store: Store) -> None:
        key = await commit(store, new_run(status="paused", wake_at=None), asks_opened=[ask(5)])
        assert await store.answer("order-1", 5, b"", id="a", at=130)
        assert (await found(store)).wake_at is None
        await commit(store, key, status="running", release=True)
        assert (await found(store)).wake_at == 130

    async def test_updates_that_wait_go_on_and_accepted_ones_get_the_reply(self, store: Store) -> None:
        key = await commit(store, new_run())
        for number in (1, 2, 3, 4):
            await store.post("order-1", "update", b"", id=f"u{number}", at=130)
        await store.post("order-1", "signal", b"", id="l1", at=130)
        one, two, three, *_ = await store.letters_of(key)
        await commit(
            store,
            key,
            consumed=[one.key, two.key, three.key],
            accepted=["u1", "u2"],
            replies={"u1": b"1"},
            closing=CONTINUED,
            ended=b"ended",
            successor=successor(),
        )
        standing = {id: await store.update("order-1", id) for id in ("u1", "u2", "u3", "u4")}
        assert standing == {
            "u1": UpdateRow("completed", b"1"),
            "u2": UpdateRow("refused", b"ended"),
            "u3": UpdateRow("refused", b"ended"),
            "u4": UpdateRow("waiting", None),
        }
        new = await found(store)
        assert [letter.id for letter in await store.letters_of(new.key)] == ["u4", "l1"]
        assert await store.letters_of(key) == []
        await commit(store, key, replies={"u4": b"of the ended run"})
        await commit(store, new.key, replies={"u4": b"4"})
        assert await store.update("order-1", "u4") == UpdateRow("completed", b"4")

    async def test_nothing_sent_at_the_moment_of_succession_is_lost(self, store: Store, other: Store) -> None:
        await store.register(worker())
        for number in range(20):
            id = f"r{number}"
            key = await commit(store, new_run(id, owner="w1"))
            end = store.commit([Commit(run=key, worker="w1", closing=CONTINUED, successor=successor(id))])
            signal = other.post(id, "signal", b"", id="l1", at=160)
            update = other.post(id, "update", b"", id="u1", at=160)
            await asyncio.gather(*((end, signal, update) if number % 2 else (signal, update, end)))
            new = await found(store, id)
            assert {letter.id for letter in await store.letters_of(new.key)} == {"l1", "u1"}
            assert await store.letters_of(key) == []
            assert await store.update(id, "u1") == UpdateRow("waiting", None)
            assert new.wake_at == 160

    async def test_an_update_stays_known_over_successors(self, store: Store) -> None:
        key = await commit(store, new_run(), letters=[NewLetter("order-1", "update", "u1", 130, b"")])
        [read] = await store.letters_of(key)
        await commit(
            store, key, consumed=[read.key], replies={"u1": b"1"}, closing=CONTINUED, successor=successor(wake_at=None)
        )
        new = await store.post("order-1", "update", b"", id="u1", at=160)
        assert new == await found(store)
        assert new.wake_at is None
        assert await store.letters_of(new.key) == []
        assert await store.update("order-1", "u1") == UpdateRow("completed", b"1")

    async def test_a_successor_that_cannot_be_is_refused_and_nothing_is_kept(self, store: Store) -> None:
        going_on: dict[str, Any] = {"closing": CONTINUED, "successor": successor()}
        await store.register(worker())
        key = await commit(store, new_run(), events=events(1))
        await store.post("order-1", "signal", b"", id="l1", at=130)
        outcomes = await store.commit(
            [
                Commit(run=key, events=events(2), successor=successor()),
                Commit(run=key, events=events(2), closing=CONTINUED, successor=successor("else")),
                Commit(run=new_run("b"), closing=CONTINUED, successor=successor("else")),
                Commit(run=999, **going_on),
                Commit(run=key, events=events(2), closing=CONTINUED, successor=successor(owner="dead")),
                Commit(run=key, events=events(2), worker="dead", **going_on),
                Commit(run=new_run(), **going_on),
                Commit(run=key, events=events(2), successor_events=events(1, 1), **going_on),
                Commit(run=key, events=events(1), successor_events=events(1), **going_on),
            ]
        )
        assert kinds(outcomes) == [*[StoreError] * 4, *[Fenced] * 2, RunExists, *[SequenceTaken] * 2]
        assert await ids(store) == ["order-1"]
        assert (await found(store)).status == "running"
        assert await store.history(key) == events(1)
        assert [letter.id for letter in await store.letters_of(key)] == ["l1"]

    @pytest.mark.parametrize("together", [True, False])
    async def test_many_successions_leave_one_run_with_the_id(self, store: Store, together: bool) -> None:
        await commit(store, new_run())
        key = (await found(store)).key
        batch = [Commit(run=key + number, closing=CONTINUED, successor=successor()) for number in range(30)]
        for part in [batch] if together else [[entry] for entry in batch]:
            assert kinds(await store.commit(part)) == [int] * len(part)
        assert set(await ids(store)) == {"order-1", *(f"order-1~{number}" for number in range(1, 31))}
        assert (await found(store, "order-1~30")).key == key + 29
        assert (await found(store)).status == "running"
