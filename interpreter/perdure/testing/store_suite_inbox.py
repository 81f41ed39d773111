"""How letters and answers reach a run; part of the store suite."""

from __future__ import annotations

import asyncio

import pytest

from perdure.stores.store import (
    Closing,
    Commit,
    OpenAsk,
    Store,
)
from perdure.testing.store_makers import (
    LARGEST,
    ask,
    commit,
    events,
    found,
    new_run,
    worker,
)


class InboxRules:
    """No letter is lost, none counts twice, and no wake-up is missed."""

    async def test_a_letter_waits_until_it_is_consumed(self, store: Store, other: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"))
        row = await other.post("order-1", "signal", "grüße".encode(), id="l1", at=120)
        assert row == await found(store)
        await other.post("order-1", "cancel", b"2", id="l2", at=119)
        [first, second] = await store.letters("w1")
        assert (first.run, first.kind, first.id, first.at, first.body) == (
            key,
            "signal",
            "l1",
            120,
            "grüße".encode(),
        )
        assert second.key > first.key
        assert await store.letters("w1", after=first.key) == [second]
        assert await store.letters("w1", limit=1) == [first]
        assert await store.letters("nobody") == []
        assert await store.letters_of(key) == [first, second]
        await commit(store, key, worker="w1", events=events(1), consumed=[first.key, 10**9])
        assert await store.letters("w1") == [second]

    async def test_the_same_letter_again_is_dropped(self, store: Store) -> None:
        key = await commit(store, new_run(wake_at=None))
        await commit(store, new_run("other"))
        first = await store.post("order-1", "signal", b"1", id="l1", at=120)
        assert await store.post("order-1", "signal", b"2", id="l1", at=90) == first
        assert [letter.body for letter in await store.letters_of(key)] == [b"1"]
        assert (await found(store)).wake_at == 120
        assert await store.post("other", "signal", b"3", id="l1", at=90) is not None
        assert len(await store.letters_of((await found(store, "other")).key)) == 1

    async def test_letters_to_unknown_or_ended_runs_are_refused(self, store: Store) -> None:
        key = await commit(store, new_run(), closing=Closing("completed", 110, b"1"))
        assert await store.post("nobody", "signal", b"", id="l1", at=120) is None
        assert await store.post("order-1", "signal", b"", id="l1", at=120) == await found(store)
        assert await store.letters_of(key) == []
        assert (await found(store)).wake_at is None

    async def test_a_consumed_letter_belongs_to_the_run_that_consumes_it(self, store: Store) -> None:
        first, second = await commit(store, new_run("a")), await commit(store, new_run("b"))
        await store.post("a", "signal", b"", id="l1", at=1)
        [letter] = await store.letters_of(first)
        await commit(store, second, consumed=[letter.key])
        assert await store.letters_of(first) == [letter]

    @pytest.mark.parametrize(("wake_at", "expected"), [(None, 120), (50, 50), (500, 120)])
    async def test_a_letter_brings_the_wake_up_of_a_parked_run_forward(
        self, store: Store, wake_at: int | None, expected: int
    ) -> None:
        await commit(store, new_run(wake_at=wake_at))
        row = await store.post("order-1", "signal", b"", id="l1", at=120)
        assert row is not None
        assert row.wake_at == expected
        assert row == await found(store)

    async def test_a_letter_does_not_touch_the_wake_up_of_an_owned_run(self, store: Store) -> None:
        await store.register(worker())
        await commit(store, new_run(wake_at=50, owner="w1"))
        row = await store.post("order-1", "signal", b"", id="l1", at=20)
        assert row is not None
        assert (row.wake_at, row.owner) == (50, "w1")

    async def test_release_without_letters_parks_as_told(self, store: Store) -> None:
        await store.register(worker())
        for id, wake_at in (("a", 700), ("b", None)):
            key = await commit(store, new_run(id, owner="w1"))
            await commit(store, key, worker="w1", release=True, wake_at=wake_at, status="paused")
            row = await found(store, id)
            assert (row.owner, row.wake_at, row.status) == (None, wake_at, "paused")

    @pytest.mark.parametrize(("wake_at", "expected"), [(None, 130), (50, 50), (700, 130)])
    async def test_release_with_waiting_letters_wakes_again(
        self, store: Store, wake_at: int | None, expected: int
    ) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"))
        for number in (120, 130, 110):
            await store.post("order-1", "signal", b"", id=f"l{number}", at=number)
        await commit(store, key, worker="w1", release=True, wake_at=wake_at)
        assert (await found(store)).wake_at == expected

    async def test_a_letter_consumed_by_the_release_does_not_wake(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"))
        await store.post("order-1", "signal", b"", id="l1", at=120)
        [letter] = await store.letters("w1")
        await commit(store, key, worker="w1", events=events(1), consumed=[letter.key], release=True)
        assert (await found(store)).wake_at is None

    async def test_a_letter_at_the_moment_of_release_is_never_lost(self, store: Store, other: Store) -> None:
        await store.register(worker())
        for number in range(30):
            key = await commit(store, new_run(f"r{number}", owner="w1"))
            release = store.commit([Commit(run=key, worker="w1", release=True)])
            letter = other.post(f"r{number}", "signal", b"", id="l1", at=120)
            await asyncio.gather(*((release, letter) if number % 2 else (letter, release)))
            assert (await found(store, f"r{number}")).wake_at == 120
        assert len(await store.claim("w1", 120, 99)) == 30
        assert len(await store.letters("w1")) == 30

    async def test_open_questions_are_listed_oldest_first(self, store: Store) -> None:
        first = await commit(store, new_run("a"), asks_opened=[ask(5, opened_at=300), ask(6, opened_at=100)])
        second = await commit(store, new_run("b", workflow="w"), asks_opened=[ask(5, opened_at=200, due=LARGEST)])
        listed = await store.asks()
        assert listed == [
            OpenAsk("a", "order", ask(6, run=first, opened_at=100)),
            OpenAsk("b", "w", ask(5, run=second, opened_at=200, due=LARGEST)),
            OpenAsk("a", "order", ask(5, run=first, opened_at=300)),
        ]
        assert await store.asks("a") == [listed[0], listed[2]]
        assert await store.asks("nobody") == []
        assert await store.asks(limit=1) == listed[:1]

    async def test_questions_are_replaced_and_closed_by_commits(self, store: Store) -> None:
        key = await commit(store, new_run(), asks_opened=[ask(1), ask(2), ask(3)])
        await commit(store, key, asks_opened=[ask(1, body=b"new"), ask(4)], asks_closed=[2, 4, 99])
        assert [(entry.ask.frame, entry.ask.body) for entry in await store.asks()] == [
            (1, b"new"),
            (3, b"{}"),
        ]

    async def test_an_answer_closes_its_question_and_wakes_the_run(self, store: Store) -> None:
        key = await commit(store, new_run(wake_at=None), asks_opened=[ask()])
        assert await store.answer("order-1", 5, b"yes", id="l1", at=120) is True
        assert await store.asks() == []
        assert [(letter.kind, letter.body) for letter in await store.letters_of(key)] == [("answer", b"yes")]
        assert (await found(store)).wake_at == 120
        assert await store.answer("order-1", 5, b"no", id="l2", at=121) is False
        assert await store.answer("nobody", 5, b"no", id="l3", at=121) is False
        assert len(await store.letters_of(key)) == 1

    async def test_an_answer_whose_letter_id_is_in_use_changes_nothing(self, store: Store) -> None:
        key = await commit(store, new_run(), asks_opened=[ask()])
        await store.post("order-1", "signal", b"", id="l1", at=110)
        assert await store.answer("order-1", 5, b"yes", id="l1", at=120) is False
        assert len(await store.asks()) == 1
        assert [letter.kind for letter in await store.letters_of(key)] == ["signal"]

    async def test_of_many_answers_at_once_exactly_one_wins(self, store: Store, other: Store) -> None:
        for number in range(10):
            key = await commit(store, new_run(f"r{number}"), asks_opened=[ask()])
            tries = [
                handle.answer(f"r{number}", 5, name, id=name.decode(), at=120)
                for handle, name in ((store, b"a"), (other, b"b"), (store, b"c"), (other, b"d"))
            ]
            won = await asyncio.gather(*tries)
            assert sorted(won) == [False, False, False, True]
            [letter] = await store.letters_of(key)
            assert letter.body == (b"a", b"b", b"c", b"d")[won.index(True)]

    async def test_an_answer_behind_the_end_of_its_run_is_refused(self, store: Store) -> None:
        key = await commit(store, new_run(), asks_opened=[ask()])
        _, answered = await asyncio.gather(
            store.commit([Commit(run=key, closing=Closing("completed", 110, b"1"))]),
            store.answer("order-1", 5, b"yes", id="l1", at=120),
        )
        assert answered is False
        assert await store.letters_of(key) == []
