"""When schedules are due, what they have fired, which events they collect; part of the store suite."""

from __future__ import annotations

import asyncio
from typing import Any

from perdure.stores.store import Commit, Firing, Occurrence, RunExists, ScheduleRow, StaleSchedule, Store
from perdure.testing.store_makers import commit, events, kinds, new_run


async def put(store: Store, id: str = "s", **changes: Any) -> ScheduleRow:
    fields: dict[str, Any] = {"workflow": "order", "spec": b"spec", "state": b"state", "next_at": 100, "event": None}
    await store.put_schedule(id, **(fields | changes))
    row = await store.schedule(id)
    assert row is not None
    return row


def fire(row: ScheduleRow, nominal: int | None = 100, **changes: Any) -> Firing:
    fields: dict[str, Any] = {"state": b"fired", "next_at": 200, "nominal": nominal}
    return Firing(row.id, row.revision, **(fields | changes))


class ScheduleRules:
    """A nominal time, and an event, has its run exactly once."""

    async def test_a_schedule_is_kept_and_replaced(self, store: Store, other: Store) -> None:
        first = await put(store)
        assert first == ScheduleRow("s", "order", b"spec", b"state", 100, None, first.revision)
        second = await put(other, workflow="else", spec=b"2", state=b"3", next_at=None, event="rain")
        assert second == ScheduleRow("s", "else", b"2", b"3", None, "rain", second.revision)
        assert second.revision > first.revision
        assert await store.schedule("nobody") is None

    async def test_schedules_are_listed_by_id_and_by_what_is_due(self, store: Store) -> None:
        rows = {
            id: await put(store, id, next_at=next_at, workflow=workflow)
            for id, next_at, workflow in (("c", 50, "x"), ("a", 90, "y"), ("b", None, "x"), ("d", 50, "y"))
        }
        assert await store.schedules() == [rows[id] for id in "abcd"]
        assert await store.schedules(workflow="x") == [rows["b"], rows["c"]]
        assert await store.due_schedules(89) == [rows["c"], rows["d"]]
        assert await store.due_schedules(90) == [rows["c"], rows["d"], rows["a"]]
        assert await store.due_schedules(90, limit=1) == [rows["c"]]
        assert await store.due_schedules(49) == []
        assert await store.next_schedule() == 50

    async def test_there_may_be_no_schedule(self, store: Store) -> None:
        assert await store.next_schedule() is None
        assert (await store.schedules(), await store.due_schedules(99), await store.occurrences()) == ([], [], [])
        assert await store.delete_schedule("s") is False

    async def test_a_change_rests_on_the_revision_it_has_seen(self, store: Store, other: Store) -> None:
        row = await put(store)
        assert await store.change_schedule("s", row.revision, b"new", next_at=None, event="rain", fired=100) is True
        changed = await store.schedule("s")
        assert changed == ScheduleRow("s", "order", b"spec", b"new", None, "rain", row.revision + 1)
        assert await other.change_schedule("s", row.revision, b"late", next_at=5, event=None, fired=200) is False
        assert await other.change_schedule("nobody", 1, b"late", next_at=5, event=None) is False
        assert await store.schedule("s") == changed
        assert await store.fired("s", 0, 999) == [100]

    async def test_a_schedule_may_be_put_only_as_it_was_seen(self, store: Store, other: Store) -> None:
        fields: dict[str, Any] = {"spec": b"2", "state": b"3", "next_at": 7, "event": None}
        assert await store.put_schedule("s", "order", **fields, revision=1) is False
        assert await store.schedule("s") is None
        assert await store.put_schedule("s", "order", **fields, revision=0) is True
        assert await other.put_schedule("s", "order", **fields, revision=0) is False
        row = await store.schedule("s")
        assert row is not None
        assert await store.change_schedule("s", row.revision, b"new", next_at=None, event=None) is True
        assert await other.put_schedule("s", "order", **fields, revision=row.revision) is False
        assert await other.put_schedule("s", "order", **fields, revision=row.revision + 1) is True
        assert await store.schedule("s") == ScheduleRow("s", "order", b"2", b"3", 7, None, row.revision + 2)

    async def test_a_run_begins_with_what_its_schedule_becomes(self, store: Store, other: Store) -> None:
        row = await put(store, event="rain")
        key = await commit(other, new_run("s/100"), events=events(1), firing=fire(row))
        assert await store.history(key) == events(1)
        after = ScheduleRow("s", "order", b"spec", b"fired", 200, "rain", row.revision + 1)
        assert await store.schedule("s") == after
        assert await store.fired("s", 0, 999) == [100]

    async def test_a_nominal_time_fires_once(self, store: Store) -> None:
        row = await put(store)
        await commit(store, new_run("r1"), firing=fire(row))
        now = await put(store)
        for firing in (fire(row), fire(now), fire(row, 300), Firing("nobody", 1, b"", None)):
            [outcome] = await store.commit([Commit(run=new_run("r2"), firing=firing)])
            assert isinstance(outcome, StaleSchedule)
        assert [entry.id for entry in await store.runs()] == ["r1"]
        assert await store.schedule("s") == now
        await commit(store, new_run("r2"), firing=fire(now, 300))

    async def test_of_two_workers_that_fire_at_once_one_is_too_late(self, store: Store, other: Store) -> None:
        for number in range(10):
            row = await put(store)
            tries = [
                handle.commit([Commit(run=new_run(f"{name}{number}"), firing=fire(row, number))])
                for name, handle in (("a", store), ("b", other))
            ]
            outcomes = [outcome for [outcome] in await asyncio.gather(*tries)]
            assert sorted(kind.__name__ for kind in kinds(outcomes)) == ["StaleSchedule", "int"]
        assert len(await store.runs()) == 10
        assert await store.fired("s", 0, 99) == list(range(10))

    async def test_a_refused_run_leaves_its_schedule_as_it_was(self, store: Store) -> None:
        row = await put(store)
        await commit(store, new_run("s/100"))
        [outcome] = await store.commit([Commit(run=new_run("s/100"), firing=fire(row))])
        assert isinstance(outcome, RunExists)
        assert await store.schedule("s") == row
        assert await store.fired("s", 0, 999) == []

    async def test_fired_times_are_asked_for_by_range(self, store: Store) -> None:
        for nominal in (30, 10, 20):
            row = await put(store)
            await store.change_schedule("s", row.revision, b"", next_at=1, event=None, fired=nominal)
        assert await store.fired("s", 10, 30) == [10, 20]
        assert await store.fired("s", 11, 31) == [20, 30]
        assert await store.fired("else", 0, 99) == []

    async def test_a_deleted_schedule_leaves_nothing_and_its_revisions_do_not_come_back(self, store: Store) -> None:
        old = await put(store, event="rain")
        await store.change_schedule("s", old.revision, b"", next_at=1, event="rain", fired=100)
        await store.publish("rain", b"", id="e1", at=150)
        [first] = await store.occurrences()
        await store.drop_occurrence(first.key)
        await store.publish("rain", b"", id="e2", at=150)
        last = await store.schedule("s")
        assert last is not None
        assert await store.delete_schedule("s") is True
        assert (await store.schedule("s"), await store.fired("s", 0, 999), await store.occurrences()) == (None, [], [])
        new = await put(store, event="rain")
        assert new.revision > last.revision
        [outcome] = await store.commit([Commit(run=new_run(), firing=fire(last))])
        assert isinstance(outcome, StaleSchedule)
        await store.publish("rain", b"", id="e1", at=150)
        assert [entry.id for entry in await store.occurrences()] == ["e1"]

    # -- events

    async def test_an_event_is_collected_by_every_schedule_that_listens(self, store: Store, other: Store) -> None:
        for id, event in (("b", "rain"), ("a", "rain"), ("c", "snow"), ("d", None)):
            await put(store, id, event=event)
        key = await commit(store, new_run(), listens={"rain": True})
        assert await other.publish("rain", b"wet", id="e1", at=150) == 1
        first, second = await store.occurrences()
        assert first == Occurrence(first.key, "a", "e1", 150, b"wet")
        assert second == Occurrence(second.key, "b", "e1", 150, b"wet")
        assert second.key > first.key
        assert await store.publish("rain", b"wet", id="e1", at=160) == 0
        await store.publish("rain", b"dry", id="e2", at=140)
        listed = await store.occurrences()
        assert [(entry.schedule, entry.id) for entry in listed[2:]] == [("a", "e2"), ("b", "e2")]
        assert await store.occurrences(after=first.key, limit=2) == listed[1:3]
        assert len(await store.letters_of(key)) == 2

    async def test_an_event_has_one_run_of_a_schedule_however_often_it_comes(self, store: Store, other: Store) -> None:
        row = await put(store, event="rain")
        await store.publish("rain", b"", id="e1", at=150)
        await store.publish("rain", b"", id="~1", at=150)
        one, two = await store.occurrences()
        await commit(other, new_run("s/e1"), firing=fire(row, None, occurrence=one.key))
        assert await other.drop_occurrence(two.key) is True
        assert await other.drop_occurrence(two.key) is False
        for id in ("e1", "~1"):
            await store.publish("rain", b"", id=id, at=170)
        [again] = await store.occurrences()
        assert (again.id, again.key > two.key) == ("~1", True)
        now = await store.schedule("s")
        assert now is not None
        for key in (one.key, two.key):
            [outcome] = await store.commit([Commit(run=new_run("r2"), firing=fire(now, None, occurrence=key))])
            assert isinstance(outcome, StaleSchedule)
        assert await store.schedule("s") == now

    async def test_an_occurrence_of_another_schedule_is_not_taken(self, store: Store) -> None:
        await put(store, "a", event="rain")
        row = await put(store, "b")
        await store.publish("rain", b"", id="e1", at=150)
        [entry] = await store.occurrences()
        [outcome] = await store.commit([Commit(run=new_run(), firing=fire(row, None, occurrence=entry.key))])
        assert isinstance(outcome, StaleSchedule)
        assert await store.occurrences() == [entry]

    async def test_deleting_a_run_leaves_its_nominal_time_fired(self, store: Store) -> None:
        row = await put(store)
        key = await commit(store, new_run("s/100", status="completed"), firing=fire(row))
        assert await store.delete(key) is True
        assert await store.fired("s", 0, 999) == [100]
        assert await store.find("s/100") is None
