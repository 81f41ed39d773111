"""What is sent to runs: remembered letters, events, updates; definitions by name; part of the store suite."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perdure.stores.store import (
    OPEN,
    Closing,
    Commit,
    NewLetter,
    ParentEnded,
    RunExists,
    SequenceTaken,
    Store,
    UpdateRow,
)
from perdure.testing.store_makers import commit, events, found, kinds, new_run, worker


def letter(run_id: str = "order-1", id: str = "l1", **changes: Any) -> NewLetter:
    fields: dict[str, Any] = {"kind": "signal", "at": 120, "body": b"hello"}
    return NewLetter(run_id, id=id, **(fields | changes))


async def read_all(store: Store, run: int, **fields: Any) -> list[str]:
    """Let the run read what waits for it; the ids."""
    waiting = await store.letters_of(run)
    await commit(store, run, consumed=[letter.key for letter in waiting], **fields)
    return [letter.id for letter in waiting]


class MessageRules:
    """What is sent arrives once, and what became of it can be asked."""

    async def test_a_run_keeps_the_id_of_its_parent(self, store: Store) -> None:
        await commit(store, new_run("child", parent="order-1"))
        await store.register(worker())
        assert (await found(store, "child")).parent == "order-1"
        assert [row.parent for row in await store.claim("w1", 999, 9)] == ["order-1"]
        assert [row.parent for row in await store.bury("w1", 999)] == ["order-1"]
        assert [row.parent for row in await store.runs()] == ["order-1"]

    async def test_a_child_only_begins_while_its_parent_is_open(self, store: Store, other: Store) -> None:
        def child(id: str) -> Commit:
            return Commit(run=new_run(id, parent="order-1", attached=True))

        key = await commit(store, new_run())
        ended = Commit(run=key, closing=Closing("terminated", 110, b"{}"))
        assert kinds(await store.commit([child("a"), ended, child("b"), child("a")])) == [
            int, int, ParentEnded, RunExists
        ]  # fmt: skip
        assert kinds(await other.commit([child("c")])) == [ParentEnded]
        assert {row.id for row in await store.runs()} == {"order-1", "a"}

    # -- letters that were read

    async def test_a_letter_that_was_read_does_not_come_again(self, store: Store, other: Store) -> None:
        key = await commit(store, new_run(wake_at=None))
        await store.post("order-1", "signal", b"1", id="l1", at=120)
        assert await read_all(store, key, release=True) == ["l1"]
        row = await other.post("order-1", "signal", b"1", id="l1", at=130)
        assert row == await found(store)
        assert row.wake_at is None
        assert await store.letters_of(key) == []
        await other.post("order-1", "signal", b"2", id="l2", at=140)
        assert await read_all(store, key) == ["l2"]

    async def test_ids_that_begin_with_a_tilde_are_forgotten_once_read(self, store: Store) -> None:
        key = await commit(store, new_run())
        for _ in range(2):
            await store.post("order-1", "signal", b"1", id="~1", at=120)
            await store.post("order-1", "signal", b"1", id="~1", at=120)
            assert await read_all(store, key) == ["~1"]

    async def test_a_letter_is_remembered_only_by_the_run_that_read_it(self, store: Store) -> None:
        first, second = await commit(store, new_run("a")), await commit(store, new_run("b"))
        await store.post("a", "signal", b"", id="l1", at=120)
        await store.post("b", "signal", b"", id="l1", at=120)
        [unread] = await store.letters_of(first)
        await commit(store, second, consumed=[unread.key])
        assert await store.letters_of(first) == [unread]
        assert await read_all(store, first) == ["l1"]
        assert [letter.id for letter in await store.letters_of(second)] == ["l1"]

    async def test_a_refused_commit_has_read_nothing(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1))
        await store.post("order-1", "signal", b"", id="l1", at=120)
        [unread] = await store.letters_of(key)
        [outcome] = await store.commit([Commit(run=key, events=events(1), consumed=[unread.key])])
        assert type(outcome) is SequenceTaken
        assert await store.letters_of(key) == [unread]
        await store.post("order-1", "signal", b"", id="l1", at=120)
        assert await read_all(store, key) == ["l1"]

    async def test_an_answer_whose_letter_was_read_is_not_taken_again(self, store: Store) -> None:
        key = await commit(store, new_run())
        await store.post("order-1", "signal", b"", id="l1", at=120)
        await read_all(store, key)
        assert await store.answer("order-1", 5, b"", id="l1", at=130) is False

    # -- letters of a commit

    async def test_letters_of_a_commit_reach_other_runs_and_wake_them(self, store: Store) -> None:
        await store.register(worker())
        sender = await commit(store, new_run("sender", owner="w1"))
        parked = await commit(store, new_run("parked", wake_at=None, status="paused"))
        owned = await commit(store, new_run("owned", wake_at=None, owner="w1"))
        await commit(store, new_run("ended"), closing=Closing("completed", 110, b"1"))
        sent = [letter(id) for id in ("parked", "parked", "owned", "ended", "nobody")]
        await commit(store, sender, events=events(1), letters=sent)
        [first], [second] = await store.letters_of(parked), await store.letters_of(owned)
        assert (first.kind, first.id, first.at, first.body) == ("signal", "l1", 120, b"hello")
        assert second.key > first.key
        assert (await found(store, "parked")).wake_at == 120
        assert (await found(store, "owned")).wake_at is None
        assert await store.letters_of((await found(store, "ended")).key) == []
        await read_all(store, parked)
        await commit(store, sender, events=events(2), letters=sent)
        assert await store.letters_of(parked) == []

    async def test_letters_of_a_refused_commit_are_not_sent(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1))
        to = await commit(store, new_run("b", wake_at=None))
        outcomes = await store.commit(
            [
                Commit(run=key, events=events(1), letters=[letter("b", kind="update")], listens={"rain": True}),
                Commit(run=key, events=events(2)),
            ]
        )
        assert kinds(outcomes) == [SequenceTaken, int]
        assert await store.letters_of(to) == []
        assert await store.update("b", "l1") is None
        assert (await found(store, "b")).wake_at is None
        assert await store.publish("rain", b"", id="e1", at=130) == 0

    async def test_a_run_begins_with_letters_to_itself(self, store: Store) -> None:
        key = await commit(store, new_run(wake_at=None), letters=[letter(), letter(id="u1", kind="update")])
        assert [letter.id for letter in await store.letters_of(key)] == ["l1", "u1"]
        assert await store.update("order-1", "u1") == UpdateRow("waiting", None)
        assert (await found(store)).wake_at == 120

    async def test_a_letter_to_itself_wakes_the_run_that_is_released_with_it(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"))
        await commit(store, key, worker="w1", release=True, wake_at=500, letters=[letter()])
        assert ((await found(store)).owner, (await found(store)).wake_at) == (None, 120)

    async def test_a_run_that_ends_gets_no_letter_from_itself(self, store: Store) -> None:
        key = await commit(store, new_run(), closing=Closing("completed", 110, b"1"), letters=[letter()])
        assert await store.letters_of(key) == []
        assert (await found(store)).wake_at is None

    # -- events

    async def test_an_event_reaches_every_open_run_that_listens(self, store: Store, other: Store) -> None:
        await store.register(worker())
        for status in (*OPEN, "completed"):
            await commit(store, new_run(status, status=status, wake_at=None), listens={"rain": True})
        await commit(store, new_run("owned", wake_at=None, owner="w1"), listens={"rain": True, "snow": True})
        await commit(store, new_run("early", wake_at=50), listens={"snow": True, "rain": True})
        await commit(store, new_run("deaf", wake_at=None), listens={"snow": True})
        assert await other.publish("rain", b"wet", id="e1", at=200) == 6
        wakes = {row.id: row.wake_at for row in await store.runs()}
        resting = {"paused": None, "scheduled": None}
        assert wakes == dict.fromkeys(OPEN, 200) | resting | {
            "completed": None,
            "owned": None,
            "early": 50,
            "deaf": None,
        }
        [owned] = await store.letters("w1")
        assert (owned.kind, owned.id, owned.at, owned.body) == ("event", "e1", 200, b"wet")
        boxes = {row.id: await store.letters_of(row.key) for row in await store.runs()}
        assert {id for id, box in boxes.items() if len(box) == 1} == {*OPEN, "owned", "early"}
        assert boxes["deaf"] == boxes["completed"] == []
        assert await store.publish("hail", b"", id="e2", at=200) == 0

    async def test_an_event_published_again_reaches_only_who_has_not_had_it(self, store: Store) -> None:
        first = await commit(store, new_run("a"), listens={"rain": True})
        assert await store.publish("rain", b"", id="e1", at=200) == 1
        assert await store.publish("rain", b"", id="e1", at=200) == 0
        await read_all(store, first)
        await commit(store, new_run("b"), listens={"rain": True})
        assert await store.publish("rain", b"", id="e1", at=200) == 1
        assert await store.letters_of(first) == []

    async def test_listening_ends_when_told_and_with_the_run(self, store: Store) -> None:
        first = await commit(store, new_run("a"), listens={"rain": True, "snow": True})
        second = await commit(store, new_run("b"), listens={"rain": True})
        await commit(store, first, listens={"rain": False, "snow": True, "hail": False})
        assert await store.publish("rain", b"", id="e1", at=200) == 1
        await commit(store, second, listens={"rain": True}, closing=Closing("completed", 210, b"1"))
        assert await store.publish("rain", b"", id="e2", at=220) == 0
        await commit(store, second, status="running")
        assert await store.publish("rain", b"", id="e3", at=230) == 0
        assert await store.publish("snow", b"", id="e4", at=230) == 1

    async def test_an_event_at_the_moment_of_release_is_never_lost(self, store: Store, other: Store) -> None:
        await store.register(worker())
        for number in range(20):
            key = await commit(store, new_run(f"r{number}", owner="w1"), listens={f"e{number}": True})
            release = store.commit([Commit(run=key, worker="w1", release=True)])
            event = other.publish(f"e{number}", b"", id="e", at=120)
            await asyncio.gather(*((release, event) if number % 2 else (event, release)))
            assert (await found(store, f"r{number}")).wake_at == 120

    # -- updates

    async def test_an_update_waits_is_accepted_and_completed(self, store: Store, other: Store) -> None:
        key = await commit(store, new_run())
        assert await store.update("order-1", "u1") is None
        assert await other.post("order-1", "update", b"add", id="u1", at=120) == await found(store)
        assert await store.update("order-1", "u1") == UpdateRow("waiting", None)
        assert await read_all(store, key, accepted=["u1", "unknown"]) == ["u1"]
        assert await other.update("order-1", "u1") == UpdateRow("accepted", None)
        await commit(store, key, replies={"u1": b'"done"', "unknown": b"1"})
        assert await other.update("order-1", "u1") == UpdateRow("completed", b'"done"')
        assert await store.update("order-1", "unknown") is None
        assert await store.update("nobody", "u1") is None

    async def test_an_update_is_refused_or_accepted_and_completed_at_once(self, store: Store) -> None:
        key = await commit(store, new_run())
        for id in ("u1", "u2", "u3"):
            await store.post("order-1", "update", b"", id=id, at=120)
        await read_all(store, key, accepted=["u1"], replies={"u1": b"1"}, refused={"u2": b"why"})
        assert await store.update("order-1", "u1") == UpdateRow("completed", b"1")
        assert await store.update("order-1", "u2") == UpdateRow("refused", b"why")
        assert await store.update("order-1", "u3") == UpdateRow("waiting", None)

    async def test_what_became_of_an_update_never_changes(self, store: Store) -> None:
        key = await commit(store, new_run(), letters=[letter(id=id, kind="update") for id in ("u1", "u2")])
        await commit(store, key, replies={"u1": b"1"}, refused={"u2": b"why"})
        await commit(store, key, accepted=["u1", "u2"], replies={"u2": b"2"}, refused={"u1": b"no"})
        await commit(store, key, closing=Closing("failed", 130, b"{}"), ended=b"ended")
        assert await store.update("order-1", "u1") == UpdateRow("completed", b"1")
        assert await store.update("order-1", "u2") == UpdateRow("refused", b"why")

    @pytest.mark.parametrize("id", ["u1", "~1"])
    async def test_an_update_that_is_known_is_not_posted_again(self, store: Store, id: str) -> None:
        key = await commit(store, new_run())
        await store.post("order-1", "update", b"", id=id, at=120)
        await store.post("order-1", "update", b"", id=id, at=120)
        assert await read_all(store, key, replies={id: b"1"}) == [id]
        assert await store.post("order-1", "update", b"", id=id, at=120) == await found(store)
        assert await store.letters_of(key) == []
        assert await store.update("order-1", id) == UpdateRow("completed", b"1")

    async def test_updates_of_several_runs_are_apart(self, store: Store) -> None:
        first, second = await commit(store, new_run("a")), await commit(store, new_run("b"))
        for id in "ab":
            await store.post(id, "update", b"", id="u1", at=120)
        await commit(store, second, replies={"u1": b"1"})
        assert await store.update("a", "u1") == UpdateRow("waiting", None)
        await commit(store, first, closing=Closing("completed", 130, b"1"), ended=b"ended")
        assert await store.update("a", "u1") == UpdateRow("refused", b"ended")
        assert await store.update("b", "u1") == UpdateRow("completed", b"1")

    async def test_the_end_of_a_run_replies_to_its_open_updates(self, store: Store) -> None:
        key = await commit(store, new_run(), letters=[letter(id=id, kind="update") for id in ("u1", "u2", "u3")])
        first, second, _ = await store.letters_of(key)
        await commit(store, key, consumed=[first.key, second.key], accepted=["u1", "u2"])
        await store.post("order-1", "signal", b"", id="l1", at=121)
        await commit(store, key, replies={"u1": b"1"}, closing=Closing("completed", 130, b"1"), ended=b"ended")
        assert await store.update("order-1", "u1") == UpdateRow("completed", b"1")
        assert await store.update("order-1", "u2") == UpdateRow("refused", b"ended")
        assert await store.update("order-1", "u3") == UpdateRow("refused", b"ended")
        assert [letter.id for letter in await store.letters_of(key)] == ["l1"]
        assert await store.post("order-1", "update", b"", id="u4", at=140) == await found(store)
        assert await store.update("order-1", "u4") is None

    async def test_runs_that_end_together_reply_each_for_itself(self, store: Store) -> None:
        keys = [await commit(store, new_run(id), letters=[letter(id, "u1", kind="update")]) for id in "abc"]
        await store.commit(
            [Commit(run=key, closing=Closing("failed", 130, b"1"), ended=b"end %d" % key) for key in keys[:2]]
        )
        assert await store.update("a", "u1") == UpdateRow("refused", b"end %d" % keys[0])
        assert await store.update("b", "u1") == UpdateRow("refused", b"end %d" % keys[1])
        assert await store.update("c", "u1") == UpdateRow("waiting", None)

    async def test_an_update_at_the_end_of_its_run_is_answered_or_refused_at_the_door(
        self, store: Store, other: Store
    ) -> None:
        for number in range(20):
            key = await commit(store, new_run(f"r{number}"))
            end = store.commit([Commit(run=key, closing=Closing("completed", 130, b"1"), ended=b"ended")])
            post = other.post(f"r{number}", "update", b"", id="u1", at=120)
            await asyncio.gather(*((end, post) if number % 2 else (post, end)))
            assert await store.update(f"r{number}", "u1") in (None, UpdateRow("refused", b"ended"))
            assert await store.letters_of(key) == []

    # -- definitions by name

    async def test_the_latest_definition_is_the_one_put_last(self, store: Store, other: Store) -> None:
        assert await store.latest("order") is None
        await store.put_definition("d1", "order", None, b"1", 100)
        await other.put_definition("d2", "order", "2", b"2", 200)
        await store.put_definition("d3", "else", None, b"3", 300)
        assert (await store.latest("order"), await other.latest("else")) == ("d2", "d3")
        await store.put_definition("d1", "order", None, b"1", 400)
        assert await other.latest("order") == "d1"
        await store.put_definition("d2", "order", None, b"2", 400)
        assert await other.latest("order") == "d2"
