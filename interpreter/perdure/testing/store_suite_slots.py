"""Who gets a slot, who waits for one, and whose wait could never end; part of the store suite."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perdure.stores.store import Closing, Commit, RunExists, SequenceTaken, SlotTaken, Store, Take
from perdure.testing.store_makers import commit, events, found, kinds, new_run, worker
from perdure.values import decode

END = Closing("completed", 300, b"1")


def take(key: str = "k", frame: int = 1, limit: int = 1, *chain: tuple[str, int], conflict: str = "queue") -> Take:
    return Take(key, frame, limit, conflict, chain)


async def told(store: Store, run: int) -> list[tuple[int, bool]]:
    """What a run has been told of its wishes: (frame, granted), and then it has read it."""
    letters = [letter for letter in await store.letters_of(run) if letter.kind == "slot"]
    await commit(store, run, consumed=[letter.key for letter in letters])
    assert [letter.id for letter in letters] == [f"~slot/{decode(letter.body)['frame']}" for letter in letters]
    return [(decode(letter.body)["frame"], decode(letter.body)["granted"]) for letter in letters]


async def reasons(store: Store, run: int) -> list[str]:
    return [decode(letter.body)["reason"] for letter in await store.letters_of(run)]


class SlotRules:
    """First come, first served; nobody waits for what cannot come."""

    async def test_slots_are_granted_in_the_order_of_the_wishes(self, store: Store, other: Store) -> None:
        keys = [await commit(store, new_run(f"r{number}", wake_at=None), takes=[take()]) for number in range(3)]
        assert [await told(store, key) for key in keys] == [[(1, True)], [], []]
        await commit(other, keys[0], leaves=[1])
        assert [await told(other, key) for key in keys] == [[], [(1, True)], []]
        await commit(store, keys[0], takes=[take(frame=2)])
        await commit(store, keys[1], leaves=[1])
        assert [await told(store, key) for key in keys] == [[], [], [(1, True)]]
        await commit(store, keys[2], leaves=[1])
        assert [await told(store, key) for key in keys] == [[(2, True)], [], []]

    async def test_so_many_as_the_limit_says_hold_one_at_a_time(self, store: Store) -> None:
        keys = [await commit(store, new_run(f"r{number}"), takes=[take(limit=2)]) for number in range(4)]
        assert [await told(store, key) for key in keys] == [[(1, True)], [(1, True)], [], []]
        await commit(store, keys[1], leaves=[1])
        assert [await told(store, key) for key in keys] == [[], [], [(1, True)], []]

    async def test_slots_are_listed_by_key_with_holders_first(self, store: Store, other: Store) -> None:
        assert await other.slots() == []
        keys = [await commit(store, new_run(f"r{number}"), takes=[take("b"), take("a", 2, 2)]) for number in range(3)]
        wanted = [("a", "r0", 2, True), ("a", "r1", 2, True), ("a", "r2", 2, False)]
        wanted += [("b", "r0", 1, True), ("b", "r1", 1, False), ("b", "r2", 1, False)]
        assert [(row.key, row.run_id, row.frame, row.granted) for row in await other.slots()] == wanted
        assert [row.limit for row in await store.slots(limit=4)] == [2, 2, 2, 1]
        assert {row.workflow for row in await store.slots()} == {(await found(store, "r0")).workflow}
        await commit(store, keys[0], closing=END)
        assert [(row.key, row.run_id) for row in await other.slots() if row.granted] == [
            ("a", "r1"),
            ("a", "r2"),
            ("b", "r1"),
        ]
        assert await store.slots(limit=0) == []

    async def test_nobody_overtakes_the_first_that_waits(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take(limit=9)])
        second = await commit(store, new_run("b"), takes=[take(limit=1)])
        third = await commit(store, new_run("c"), takes=[take(limit=9)])
        assert [await told(store, key) for key in (first, second, third)] == [[(1, True)], [], []]
        await commit(store, second, leaves=[1])
        assert [await told(store, key) for key in (first, second, third)] == [[], [], [(1, True)]]

    async def test_keys_are_apart(self, store: Store) -> None:
        key = await commit(store, new_run(), takes=[take("k", 1), take("l", 2)])
        assert await told(store, key) == [(1, True), (2, True)]

    async def test_a_grant_wakes_a_parked_run_and_brings_its_time(self, store: Store) -> None:
        await store.register(worker())
        first = await commit(store, new_run("a", wake_at=None), takes=[take()])
        second = await commit(store, new_run("b", owner="w1"), takes=[take()])
        await commit(store, second, worker="w1", release=True, wake_at=900)
        assert (await found(store, "b")).wake_at == 900
        await commit(store, first, events=[(1, 250, b"")], leaves=[1])
        assert (await found(store, "b")).wake_at == 250
        assert (await found(store, "a")).wake_at == 100
        [letter] = await store.letters_of(second)
        assert (letter.kind, letter.at) == ("slot", 250)
        assert decode(letter.body) == {"frame": 1, "granted": True, "reason": None}

    async def test_a_wish_of_a_frame_that_has_one_changes_nothing(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take()])
        second = await commit(store, new_run("b"), takes=[take()])
        await commit(store, first, takes=[take(), take("l")])
        await commit(store, second, takes=[take(), take("l")])
        assert [await told(store, key) for key in (first, second)] == [[(1, True)], []]
        third = await commit(store, new_run("c"), takes=[take("l")])
        assert await told(store, third) == [(1, True)]

    async def test_leaving_comes_before_taking_and_takes_the_letter_back(self, store: Store) -> None:
        key = await commit(store, new_run(), takes=[take("k", 1)])
        await commit(store, key, leaves=[1, 99], takes=[take("k", 2), take("l", 1)])
        assert sorted(await told(store, key)) == [(1, True), (2, True)]
        await commit(store, key, leaves=[1, 2])
        assert await store.letters_of(key) == []

    async def test_the_end_of_a_run_gives_back_what_it_holds_and_waits_for(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take("k", 1), take("l", 2)])
        second = await commit(store, new_run("b"), takes=[take("k", 1), take("l", 2, 1)])
        third = await commit(store, new_run("c"), takes=[take("k", 1), take("l", 2)])
        await commit(store, second, closing=END)
        assert await told(store, third) == []
        await commit(store, first, closing=END)
        assert sorted(await told(store, third)) == [(1, True), (2, True)]
        assert [letter.kind for letter in await store.letters_of(first)] == []

    async def test_an_ended_run_gets_no_slot(self, store: Store) -> None:
        key = await commit(store, new_run("a"), closing=END)
        await commit(store, key, takes=[take()])
        assert await told(store, await commit(store, new_run("b"), takes=[take()])) == [(1, True)]

    async def test_a_run_that_ends_frees_its_slot_for_the_next_commit_of_the_batch(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take()])
        batch = [
            Commit(run=new_run("b"), takes=[take(conflict="reject")]),
            Commit(run=first, closing=END),
            Commit(run=new_run("c"), takes=[take(conflict="reject")]),
            Commit(run=new_run("d"), takes=[take(conflict="reject")]),
        ]
        outcomes = await store.commit(batch)
        assert kinds(outcomes) == [SlotTaken, int, int, SlotTaken]

    async def test_slots_of_a_refused_commit_stay_as_they_were(self, store: Store) -> None:
        key = await commit(store, new_run("a"), events=events(1), takes=[take()])
        outcomes = await store.commit(
            [
                Commit(run=key, events=events(1), leaves=[1], takes=[take("l", 2)]),
                Commit(run=new_run("b"), takes=[take("l")]),
                Commit(run=new_run("c"), takes=[take("k")]),
            ]
        )
        assert kinds(outcomes) == [SequenceTaken, int, int]
        assert await told(store, (await found(store, "b")).key) == [(1, True)]
        assert await told(store, (await found(store, "c")).key) == []

    # -- conflicts

    async def test_a_new_run_that_is_not_to_wait_is_refused_and_nothing_is_kept(self, store: Store) -> None:
        await commit(store, new_run("a"), takes=[take()])
        refused = Commit(run=new_run("b", labels={"x": "1"}), events=events(1), takes=[take(conflict="reject")])
        [outcome] = await store.commit([refused])
        assert isinstance(outcome, SlotTaken)
        assert (outcome.key, outcome.holders) == ("k", ["a"])
        assert await store.find("b") is None
        [again] = await store.commit([Commit(run=new_run("a"), takes=[take(conflict="reject")])])
        assert isinstance(again, RunExists)

    async def test_of_many_new_runs_at_once_exactly_one_is_not_rejected(self, store: Store, other: Store) -> None:
        tries = [
            handle.commit([Commit(run=new_run(f"r{number}"), takes=[take(conflict="reject")])])
            for number in range(10)
            for handle in [(store, other)[number % 2]]
        ]
        outcomes = [outcome for [outcome] in await asyncio.gather(*tries)]
        assert sorted(kind.__name__ for kind in kinds(outcomes)) == ["SlotTaken"] * 9 + ["int"]
        assert len(await store.runs()) == 1

    async def test_a_wish_of_a_run_that_is_under_way_is_rejected_alone(self, store: Store) -> None:
        await commit(store, new_run("a"), takes=[take()])
        key = await commit(store, new_run("b"))
        await commit(store, key, events=events(1), takes=[take(conflict="reject")])
        assert await reasons(store, key) == ["k is taken by a"]
        assert await store.history(key) == events(1)

    async def test_who_holds_the_slot_is_cancelled_for_who_wants_its_place(self, store: Store) -> None:
        first = await commit(store, new_run("a", wake_at=None), takes=[take(limit=2), take("l", 2)])
        second = await commit(store, new_run("b", wake_at=None), takes=[take(limit=2)])
        third = await commit(store, new_run("c", created_at=170), takes=[take(limit=2, conflict="cancel_running")])
        for run, frames in ((first, [(1, True), (2, True)]), (second, [(1, True)])):
            [cancel] = [letter for letter in await store.letters_of(run) if letter.kind == "cancel"]
            assert (decode(cancel.body), cancel.at) == ({"reason": "c takes its place"}, 170)
            assert await told(store, run) == frames
        assert await told(store, third) == []
        await commit(store, first, closing=END)
        assert await told(store, third) == [(1, True)]

    async def test_who_waits_is_cancelled_too_for_who_wants_to_be_the_only_one(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take()])
        second = await commit(store, new_run("b"), takes=[take()])
        third = await commit(store, new_run("c"), takes=[take(conflict="cancel_running")])
        for run in (first, second):
            assert [letter.kind for letter in await store.letters_of(run)].count("cancel") == 1
        for run in (second, first):
            await commit(store, run, closing=END)
        assert await told(store, third) == [(1, True)]

    async def test_nobody_is_cancelled_while_a_slot_is_free(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take(limit=2)])
        second = await commit(store, new_run("b"), takes=[take(limit=2, conflict="cancel_running")])
        assert [await told(store, key) for key in (first, second)] == [[(1, True)], [(1, True)]]
        assert await store.letters_of(first) == []

    # -- successors

    async def test_a_successor_gets_the_slot_of_the_run_it_follows(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take("k", 1)])
        second = await commit(store, new_run("b"), takes=[take("k", 1)])
        await commit(
            store,
            first,
            closing=END,
            successor=new_run("a", wake_at=None),
            successor_takes=[take("k", 7), take("l", 8)],
        )
        new = (await found(store, "a")).key
        assert [await told(store, key) for key in (new, second)] == [[(7, True), (8, True)], []]
        assert await store.letters_of(first) == []
        await commit(store, new, leaves=[7])
        assert await told(store, second) == [(1, True)]

    async def test_a_successor_waits_in_the_place_of_the_run_it_follows(self, store: Store) -> None:
        first, second, third = [await commit(store, new_run(id), takes=[take()]) for id in "abc"]
        await commit(store, second, closing=END, successor=new_run("b"), successor_takes=[take(frame=4)])
        new = (await found(store, "b")).key
        assert await told(store, new) == []
        await commit(store, first, leaves=[1])
        assert [await told(store, key) for key in (new, third)] == [[(4, True)], []]

    async def test_a_successor_without_the_wish_lets_the_slot_go(self, store: Store) -> None:
        first, second = [await commit(store, new_run(id), takes=[take()]) for id in "ab"]
        await commit(store, first, closing=END, successor=new_run("a"))
        assert await told(store, second) == [(1, True)]

    async def test_a_grant_that_nobody_has_read_is_told_to_the_successor_by_its_own_frame(self, store: Store) -> None:
        key = await commit(store, new_run("a"), takes=[take(frame=3)])
        await commit(store, key, closing=END, successor=new_run("a"), successor_takes=[take(frame=5)])
        assert await told(store, (await found(store, "a")).key) == [(5, True)]

    # -- waits that could never end

    async def test_two_runs_that_want_what_the_other_holds_do_not_wait_for_ever(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take("k", 1)])
        second = await commit(store, new_run("b"), takes=[take("l", 1)])
        await commit(store, first, takes=[take("l", 2, 1, ("a", 1))])
        await commit(store, second, takes=[take("k", 2, 1, ("b", 1))])
        assert await told(store, first) == [(1, True)]
        reason = (await reasons(store, second))[-1]
        assert reason == "waiting for k would never end: a cannot give it back before this run goes on"
        await commit(store, second, closing=END)
        assert await told(store, first) == [(2, True)]

    async def test_branches_of_one_run_that_want_what_the_other_holds_do_not_wait_for_ever(self, store: Store) -> None:
        key = await commit(store, new_run("a"), takes=[take("k", 1), take("l", 2)])
        await commit(store, key, takes=[take("l", 3, 1, ("a", 1))])
        await commit(store, key, takes=[take("k", 4, 1, ("a", 2))])
        assert await told(store, key) == [(1, True), (2, True), (4, False)]

    async def test_a_child_that_wants_what_its_parent_holds_does_not_wait_for_ever(self, store: Store) -> None:
        await commit(store, new_run("a"), takes=[take("k", 1)])
        child = await commit(store, new_run("b"), takes=[take("k", 1, 1, ("a", 1)), take("m", 2, 1, ("a", 1))])
        assert await told(store, child) == [(1, False), (2, True)]

    @pytest.mark.parametrize("length", [3, 6])
    async def test_a_circle_of_many_runs_is_not_closed(self, store: Store, length: int) -> None:
        keys = [await commit(store, new_run(f"r{n}"), takes=[take(f"k{n}", 1)]) for n in range(length)]
        for number, key in enumerate(keys):
            wish = take(f"k{(number + 1) % length}", 2, 1, (f"r{number}", 1))
            await commit(store, key, takes=[wish])
        assert [await told(store, key) for key in keys] == [[(1, True)]] * (length - 1) + [[(1, True), (2, False)]]

    async def test_a_wait_goes_on_while_one_slot_can_still_come_back(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take("k", 1)])
        second = await commit(store, new_run("b"), takes=[take("l", 1, 2)])
        free = await commit(store, new_run("c"), takes=[take("l", 1, 2)])
        await commit(store, second, takes=[take("k", 2, 1, ("b", 1))])
        await commit(store, first, takes=[take("l", 2, 2, ("a", 1))])
        assert await told(store, first) == [(1, True)]
        await commit(store, free, leaves=[1])
        assert await told(store, first) == [(2, True)]
        assert await told(store, second) == [(1, True)]

    async def test_a_wait_that_needs_all_slots_is_refused_while_one_of_them_waits_for_it(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take("k", 1)])
        second = await commit(store, new_run("b"), takes=[take("l", 1, 2)])
        await commit(store, new_run("c"), takes=[take("l", 1, 2)])
        await commit(store, second, takes=[take("k", 2, 1, ("b", 1))])
        await commit(store, first, takes=[take("l", 2, 1, ("a", 1))])
        assert await told(store, first) == [(1, True), (2, False)]

    async def test_who_stands_in_front_is_waited_for_too(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take("k", 1, 1)])
        holder = await commit(store, new_run("h"), takes=[take("l", 1, 2)])
        await commit(store, new_run("b"), takes=[take("l", 1, 1)])
        await commit(store, holder, takes=[take("k", 2, 1, ("h", 1))])
        # One slot of l is free, but b stands in front and needs both; h keeps the other until a goes on.
        await commit(store, first, takes=[take("l", 2, 2, ("a", 1))])
        assert await told(store, first) == [(1, True), (2, False)]

    async def test_waiting_is_no_circle_only_because_the_same_keys_are_wanted(self, store: Store) -> None:
        first = await commit(store, new_run("a"), takes=[take("k", 1)])
        await commit(store, first, takes=[take("l", 2, 1, ("a", 1))])
        second = await commit(store, new_run("b"), takes=[take("k", 1)])
        third = await commit(store, new_run("c"), takes=[take("m", 1)])
        await commit(store, third, takes=[take("l", 2, 1, ("c", 1))])
        assert [await told(store, key) for key in (first, second, third)] == [[(1, True), (2, True)], [], [(1, True)]]

    @pytest.mark.parametrize("together", [True, False])
    async def test_philosophers_never_wait_for_ever(self, store: Store, together: bool) -> None:
        count = 5
        keys = [await commit(store, new_run(f"p{number}")) for number in range(count)]
        first = [Commit(run=key, takes=[take(f"fork{n}", 1)]) for n, key in enumerate(keys)]
        second = [
            Commit(run=key, takes=[take(f"fork{(n + 1) % count}", 2, 1, (f"p{n}", 1))]) for n, key in enumerate(keys)
        ]
        for part in [[*first, *second]] if together else [[entry] for entry in (*first, *second)]:
            await store.commit(part)
        eaten: list[Any] = []
        for _ in range(count):
            for key in keys:
                answers = await told(store, key)
                if any(frame == 2 for frame, _ in answers):
                    eaten.append((key, dict(answers)[2]))
                    await commit(store, key, leaves=[1, 2])
        assert sorted(eaten) == [(key, key != keys[-1]) for key in keys]
