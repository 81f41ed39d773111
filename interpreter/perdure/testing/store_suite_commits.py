"""What a commit must do; part of the store suite."""

from __future__ import annotations

import asyncio
from typing import Any

from perdure.errors import Fenced, StoreError
from perdure.stores.store import (
    Closing,
    Commit,
    Letter,
    RunExists,
    RunRow,
    SequenceTaken,
    Steps,
    Store,
)
from perdure.testing.store_makers import (
    LARGEST,
    ask,
    commit,
    events,
    found,
    kinds,
    new_run,
    worker,
)


class CommitRules:
    """All or nothing, one by one, and durable."""

    async def test_a_new_run_is_stored_whole(self, store: Store) -> None:
        key = await commit(store, new_run(labels={"grüße": "世界 🌍", "a": ""}), events=events(1, 2))
        assert await found(store) == RunRow(
            key=key,
            id="order-1",
            workflow="order",
            version="1",
            digest="d1",
            status="running",
            created_at=100,
            closed_at=None,
            labels={"grüße": "世界 🌍", "a": ""},
            wake_at=100,
            owner=None,
            recoveries=0,
            outcome=None,
        )
        assert await store.load(key) == (None, events(1, 2), {})

    async def test_a_run_without_version_wake_up_or_labels_is_stored(self, store: Store) -> None:
        await commit(store, new_run(version=None, wake_at=None))
        row = await found(store)
        assert (row.version, row.wake_at, row.labels) == (None, None, {})

    async def test_an_empty_batch_is_accepted(self, store: Store) -> None:
        assert await store.commit([]) == []

    async def test_an_empty_commit_is_accepted(self, store: Store) -> None:
        key = await commit(store, new_run())
        assert await store.commit([Commit(run=key)]) == [key]

    async def test_steps_alone_are_written_and_refused_like_any_commit(self, store: Store) -> None:
        await store.register(worker("w1"))
        key = await commit(store, new_run(), events=events(1))
        batch = [Steps(key, "w1", events(2, 3)), Steps(key, "nobody", events(4)), Steps(key, "w1", events(3))]
        assert kinds(await store.commit(batch)) == [int, Fenced, SequenceTaken]
        assert await store.history(key) == events(1, 2, 3)

    async def test_an_id_that_is_taken_gives_the_run_that_has_it(self, store: Store, other: Store) -> None:
        await commit(store, new_run(), events=events(1))
        [outcome] = await other.commit([Commit(run=new_run(workflow="else"), events=events(1), status="stuck")])
        assert isinstance(outcome, RunExists)
        assert outcome.row == await found(store)
        assert outcome.row.workflow == "order"
        assert await store.history(outcome.row.key) == events(1)

    async def test_of_two_new_runs_with_one_id_in_a_batch_the_first_is_kept(self, store: Store) -> None:
        batch = [Commit(run=new_run(workflow=name), events=events(1)) for name in ("a", "b")]
        assert kinds(await store.commit(batch)) == [int, RunExists]
        assert (await found(store)).workflow == "a"

    async def test_a_number_that_is_taken_keeps_nothing_of_its_commit(self, store: Store, other: Store) -> None:
        key = await commit(store, new_run(), events=events(1, 2))
        [outcome] = await other.commit(
            [
                Commit(
                    run=key,
                    events=events(2, 3),
                    status="stuck",
                    asks_opened=[ask()],
                    heartbeats={1: b"h"},
                    snapshot=(3, b"s"),
                    closing=Closing("failed", 120, b"x"),
                )
            ]
        )
        assert type(outcome) is SequenceTaken
        assert await store.load(key) == (None, events(1, 2), {})
        assert (await found(store)).status == "running"
        assert await store.asks() == []

    async def test_a_failing_commit_does_not_touch_the_others_of_its_batch(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(), events=events(1))
        outcomes = await store.commit(
            [
                Commit(run=new_run("a"), events=events(1), worker="w1"),
                Commit(run=key, events=events(1)),
                Commit(run=key, events=events(2), worker="dead"),
                Commit(run=new_run("order-1")),
                Commit(run=key, events=events(2, 3), worker="w1"),
                Commit(run=key, events=events(3, 4)),
                Commit(run=new_run("b"), events=events(1, 1)),
                Commit(run=new_run("b"), events=events(1)),
            ]
        )
        assert kinds(outcomes) == [
            int,
            SequenceTaken,
            Fenced,
            RunExists,
            int,
            SequenceTaken,
            SequenceTaken,
            int,
        ]
        assert await store.history(key) == events(1, 2, 3)
        assert {row.id for row in await store.runs()} == {"order-1", "a", "b"}

    async def test_a_commit_that_cannot_be_stored_is_refused_alone(self, store: Store) -> None:
        key = await commit(store, new_run())
        bad: Any = "text where bytes belong"
        outcomes = await store.commit(
            [
                Commit(run=key, events=events(1)),
                Commit(run=key, events=[(2, 1, bad)], status="stuck"),
                Commit(run=key, events=[(2, 2**63, b"x")], status="stuck"),
                Commit(run=key, events=[(2, 1, b"x")], heartbeats={1: bad}),
                Commit(run=key, events=events(2)),
            ]
        )
        assert [isinstance(outcome, StoreError) for outcome in outcomes] == [False, True, True, True, False]
        assert await store.load(key) == (None, events(1, 2), {})
        assert (await found(store)).status == "running"

    async def test_a_bad_call_does_not_spoil_those_that_are_written_with_it(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1))
        bad: Any = "text"
        outcomes = await asyncio.gather(
            store.commit([Commit(run=key, events=events(2))]),
            store.commit([Commit(run=key, events=events(1))]),
            store.post("order-1", "signal", bad, id="l1", at=1),
            store.post("order-1", "signal", b"good", id="l2", at=1),
            return_exceptions=True,
        )
        assert outcomes[0] == [key]
        assert isinstance(outcomes[1], list)
        assert kinds(outcomes[1]) == [SequenceTaken]
        assert isinstance(outcomes[2], StoreError)
        assert [letter.body for letter in await store.letters_of(key)] == [b"good"]

    async def test_thousands_of_commits_at_once_are_all_kept_in_order(self, store: Store) -> None:
        runs = [await commit(store, new_run(f"r{number}")) for number in range(20)]

        async def advance(run: int) -> None:
            for number in range(1, 101):
                await commit(store, run, events=events(number))

        await asyncio.gather(*map(advance, runs))
        single = [store.commit([Commit(run=run, events=events(number))]) for run in runs for number in range(101, 151)]
        await asyncio.gather(*single)
        for run in runs:
            assert await store.history(run) == events(*range(1, 151))

    async def test_of_two_handles_that_write_one_number_exactly_one_wins(self, store: Store, other: Store) -> None:
        key = await commit(store, new_run())
        for number in range(1, 21):
            first, second = await asyncio.gather(
                store.commit([Commit(run=key, events=events(number))]),
                other.commit([Commit(run=key, events=events(number))]),
            )
            assert sorted(kinds(first + second), key=str) == sorted([int, SequenceTaken], key=str)
        assert await store.history(key) == events(*range(1, 21))

    async def test_large_and_strange_values_come_back_exactly(self, store: Store) -> None:
        blob = bytes(range(256)) * 4 * 2048
        key = await commit(
            store,
            new_run("lauf ☃ '\"; DROP TABLE runs --", created_at=-LARGEST, wake_at=LARGEST),
            events=[(1, -LARGEST - 1, blob), (LARGEST, LARGEST, b"")],
            heartbeats={LARGEST: b"\0"},
        )
        assert await store.history(key) == [(1, -LARGEST - 1, blob), (LARGEST, LARGEST, b"")]
        assert (await store.load(key))[2] == {LARGEST: b"\0"}
        row = await found(store, "lauf ☃ '\"; DROP TABLE runs --")
        assert (row.created_at, row.wake_at) == (-LARGEST, LARGEST)

    async def test_a_snapshot_hides_the_events_it_includes_from_load_only(self, store: Store) -> None:
        key = await commit(store, new_run(), events=events(1, 2), snapshot=(2, b"two"))
        await commit(store, key, events=events(3))
        assert await store.load(key) == ((2, b"two"), events(3), {})
        await commit(store, key, events=events(4), snapshot=(4, b"four"))
        assert await store.load(key) == ((4, b"four"), [], {})
        assert await store.history(key) == events(1, 2, 3, 4)

    async def test_heartbeats_are_replaced_and_dropped(self, store: Store) -> None:
        key = await commit(store, new_run(), heartbeats={1: b"a", 2: b"b", 3: b"c"})
        await commit(store, key, heartbeats={1: b"A", 4: b"d"}, heartbeats_dropped=[2, 4, 9])
        assert await store.load(key) == (None, [], {1: b"A", 3: b"c"})

    async def test_status_and_recoveries_are_set(self, store: Store) -> None:
        key = await commit(store, new_run(wake_at=7))
        await commit(store, key, status="stuck", recoveries=3)
        row = await found(store)
        assert (row.status, row.recoveries, row.wake_at, row.closed_at) == ("stuck", 3, 7, None)

    async def test_a_note_says_why_until_the_next_status(self, store: Store) -> None:
        key = await commit(store, new_run())
        await commit(store, key, status="stuck", note=b'"why"')
        await commit(store, key, note=b"only with a status")
        assert ((await found(store)).status, (await found(store)).outcome) == ("stuck", b'"why"')
        await commit(store, key, status="running")
        assert ((await found(store)).status, (await found(store)).outcome) == ("running", None)

    async def test_closing_clears_what_an_open_run_needs_and_leaves_letters(self, store: Store) -> None:
        await store.register(worker())
        key = await commit(store, new_run(owner="w1"), asks_opened=[ask()], heartbeats={1: b"h"}, snapshot=(1, b"s"))
        await store.post("order-1", "signal", b"late", id="l1", at=120)
        await commit(store, key, events=events(1), worker="w1", closing=Closing("completed", 130, b'"done"'))
        row = await found(store)
        assert (row.status, row.closed_at, row.outcome) == ("completed", 130, b'"done"')
        assert (row.owner, row.wake_at) == (None, None)
        assert await store.load(key) == (None, events(1), {})
        assert await store.asks() == []
        assert await store.letters_of(key) == [Letter(1, key, "signal", "l1", 120, b"late")]
        assert await store.letters("w1") == []

    async def test_commits_of_a_batch_take_effect_in_their_order(self, store: Store) -> None:
        key = await commit(store, new_run(), heartbeats={1: b"old"})
        await store.commit(
            [
                Commit(run=key, heartbeats={2: b"old"}, snapshot=(1, b"s")),
                Commit(run=key, closing=Closing("failed", 130, b"{}")),
                Commit(run=key, status="running", heartbeats={3: b"new"}),
            ]
        )
        assert await store.load(key) == (None, [], {3: b"new"})
        assert (await found(store)).status == "running"

    async def test_a_run_may_begin_and_end_in_one_commit(self, store: Store) -> None:
        key = await commit(
            store,
            new_run(),
            events=events(1, 2),
            asks_opened=[ask()],
            snapshot=(2, b"s"),
            closing=Closing("failed", 130, b"{}"),
        )
        assert (await found(store)).status == "failed"
        assert await store.load(key) == (None, events(1, 2), {})
        assert await store.asks() == []
