"""The same random calls on memory and on SQLite give the same answers; then both hold the same rows."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.errors import StoreError
from perdure.stores import (
    AskRow,
    Closing,
    Commit,
    Firing,
    MemoryFile,
    MemoryStore,
    NewLetter,
    NewRun,
    NewTask,
    RunExists,
    SlotTaken,
    SQLiteStore,
    Store,
    Take,
    WorkerRow,
)
from perdure.stores.conditions import Compare, Every, Label, Not, Some

KEYS = {"a": 1, "b": 2, "c": 3}
"""The keys of the runs there are at the beginning."""

few = st.integers(0, 4)
times = st.one_of(st.integers(-1, 9), st.sampled_from([2**63 - 1, -(2**63)]))
bodies = st.sampled_from([b"", b"a", b"\0\xff", b"x" * 5000])
run_ids = st.sampled_from(["a", "b", "c", "ü☃", "d'\";--", ""])
worker_ids = st.sampled_from(["w0", "w0", "w0", "w1", "w1", "w2"])
statuses = st.sampled_from(["scheduled", "running", "paused", "stuck", "completed", "failed"])
ends = st.sampled_from(["completed", "failed", "continued"])
letter_ids = st.sampled_from(["l0", "l0", "l1", "l2", "~0"])
letter_kinds = st.sampled_from(["signal", "update", "migrate", "answer"])
event_names = st.sampled_from(["rain", "snow"])
rain = st.none() | event_names
keys = st.sampled_from([1, 1, 1, 2, 2, 3, 4, 5, 0, 2**63 - 1])
maybe_times = st.none() | times

new_runs = st.builds(
    NewRun,
    id=run_ids,
    workflow=st.sampled_from(["f", "g"]),
    version=st.none() | st.just("1"),
    digest=st.just("d"),
    status=statuses,
    created_at=times,
    labels=st.dictionaries(
        st.sampled_from(["x", "y"]) | st.text(max_size=3), st.sampled_from(["", "1"]) | st.text(max_size=3), max_size=2
    ),
    wake_at=maybe_times,
    owner=st.none() | worker_ids,
    parent=st.none() | run_ids,
    attached=st.booleans(),
    replaces=st.one_of(*[st.none()] * 3, keys),
)
letters = st.builds(NewLetter, run_ids, letter_kinds, letter_ids, times, bodies, st.booleans())
locks = st.sampled_from(["lock", "lock", "key"])
takes = st.lists(
    st.builds(
        Take,
        key=locks,
        frame=few,
        limit=st.integers(1, 2),
        conflict=st.sampled_from(["queue", "queue", "reject", "cancel_running"]),
        chain=st.lists(st.tuples(run_ids, few), max_size=2),
    ),
    max_size=2,
)
queues = st.sampled_from(["q", "p"])
schedule_ids = st.sampled_from(["s", "z"])
asks = st.builds(AskRow, run=few, frame=few, address=st.just("x"), opened_at=times, due=maybe_times, body=bodies)
events = st.lists(st.tuples(st.integers(1, 12), times, bodies), max_size=3)
spoilt_events = st.sampled_from([[(1, 1, "text")], [(2**63, 1, b"")], [(1, None, b"")], [(7, 1, b""), (7, 1, b"")]])
commits = st.builds(
    Commit,
    takes=takes,
    leaves=st.lists(few, max_size=1),
    successor_takes=takes,
    cached=st.dictionaries(locks, st.tuples(bodies, maybe_times), max_size=1),
    tasks=st.lists(st.builds(NewTask, few, queues, few, bodies), max_size=2),
    tasks_cancelled=st.lists(few, max_size=1),
    moved=st.none() | st.tuples(letter_ids, st.none() | st.just("2")),
    received=st.lists(letter_ids, max_size=1),
    firing=st.one_of(
        *[st.none()] * 4,
        st.builds(Firing, schedule_ids, few, bodies, maybe_times, nominal=st.none() | few, occurrence=st.none() | few),
    ),
    letters=st.lists(letters, max_size=2),
    replies=st.dictionaries(letter_ids, bodies, max_size=1),
    accepted=st.lists(letter_ids, max_size=2),
    refused=st.dictionaries(letter_ids, bodies, max_size=1),
    listens=st.dictionaries(event_names, st.booleans(), max_size=2),
    ended=bodies,
    successor=st.one_of(*[st.none()] * 6, new_runs),
    successor_events=st.one_of(*[events] * 9, st.just([(7, 1, b""), (7, 1, b"")])),
    run=st.one_of(new_runs, keys, keys, keys),
    worker=st.none() | worker_ids,
    events=st.one_of(*[events] * 9, spoilt_events),
    consumed=st.lists(few, max_size=2),
    asks_opened=st.lists(asks, max_size=2),
    asks_closed=st.lists(few, max_size=1),
    heartbeats=st.dictionaries(few, bodies, max_size=2),
    heartbeats_dropped=st.lists(few, max_size=1),
    snapshot=st.none() | st.tuples(few, bodies),
    status=st.none() | statuses,
    note=st.none() | bodies,
    release=st.booleans(),
    wake_at=maybe_times,
    recoveries=st.none() | few,
    closing=st.none() | st.none() | st.none() | st.builds(Closing, status=ends, at=times, outcome=bodies),
)
continuations = st.sampled_from(["a", "b", "c"]).flatmap(
    lambda name: st.builds(
        Commit,
        run=st.sampled_from([KEYS[name], KEYS[name], 4, 5, 6]),
        worker=st.none() | st.just("w0"),
        consumed=st.lists(few, max_size=2),
        accepted=st.lists(letter_ids, max_size=2),
        replies=st.dictionaries(letter_ids, bodies, max_size=1),
        listens=st.dictionaries(event_names, st.booleans(), max_size=2),
        letters=st.lists(letters, max_size=2),
        closing=st.builds(Closing, status=ends, at=times, outcome=bodies),
        ended=bodies,
        successor=st.builds(
            NewRun,
            id=st.just(name),
            workflow=st.just("f"),
            version=st.none(),
            digest=st.just("d"),
            status=st.sampled_from(["running", "running", "paused", "completed"]),
            created_at=times,
            wake_at=maybe_times,
            owner=st.none() | worker_ids,
        ),
        successor_events=events,
        leaves=st.lists(few, max_size=1),
        takes=takes,
        successor_takes=takes,
        tasks=st.lists(st.builds(NewTask, few, queues, few, bodies), max_size=1),
    )
)
"""Commits that go on as a new run; many of them hit the run that has the id at the time."""


@dataclass(frozen=True)
class Call:
    method: str
    arguments: tuple[Any, ...]
    named: dict[str, Any]


def call(method: str, *arguments: Any, **named: Any) -> st.SearchStrategy[Call]:
    return st.builds(Call, st.just(method), st.tuples(*arguments), st.fixed_dictionaries(named))


waits = st.builds(
    Commit,
    run=st.sampled_from([1, 2, 3, 4]),
    takes=takes,
    leaves=st.lists(few, max_size=2),
    tasks=st.lists(st.builds(NewTask, few, queues, few, bodies), max_size=2),
    tasks_cancelled=st.lists(few, max_size=1),
    closing=st.one_of(*[st.none()] * 4, st.builds(Closing, status=ends, at=times, outcome=bodies)),
)
"""Commits about slots and tasks alone."""
operators = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "?"])
texts = st.sampled_from(["workflow", "id", "version", "status", "parent", "digest", "nonsense"])
conditions = st.recursive(
    st.one_of(
        st.builds(Compare, texts, operators, st.sampled_from(["f", "a", "1", "running", "completed", "d", 5])),
        st.builds(Compare, st.sampled_from(["created_at", "closed_at"]), operators, times),
        st.builds(Label, st.sampled_from(["x", "y"]), operators, st.sampled_from(["", "1", "ü"])),
    ),
    lambda inner: st.one_of(
        st.builds(Every, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Some, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
only = st.none() | st.lists(run_ids, max_size=3)
limits = st.integers(-1, 3)
calls = st.one_of(
    call("commit", st.lists(commits, max_size=4)),
    call("commit", st.lists(commits, min_size=1, max_size=2)),
    call("commit", st.lists(st.builds(Commit, run=new_runs), min_size=1, max_size=2)),
    call("commit", st.lists(continuations, min_size=1, max_size=2)),
    call("commit", st.lists(continuations, min_size=1, max_size=2)),
    call("commit", st.lists(waits, min_size=1, max_size=3)),
    call("commit", st.lists(waits, min_size=1, max_size=3)),
    call("post", run_ids, letter_kinds, bodies, id=letter_ids, at=times, patient=st.booleans()),
    call("delete", keys),
    call("purge", times, limits),
    call("cached", locks, times),
    call(
        "put_schedule",
        schedule_ids,
        st.sampled_from(["f", "g"]),
        bodies,
        bodies,
        next_at=maybe_times,
        event=rain,
        revision=st.none() | few,
    ),
    call("change_schedule", schedule_ids, few, bodies, next_at=maybe_times, event=rain, fired=st.none() | few),
    call("delete_schedule", schedule_ids),
    call("drop_occurrence", few),
    call("due_schedules", times, limits),
    call("next_schedule"),
    call("occurrences", after=few, limit=limits),
    call("take_tasks", worker_ids, st.dictionaries(queues, limits)),
    call("finish_task", worker_ids, few, bodies, times),
    call("ended", times, limits),
    call("publish", event_names, bodies, id=letter_ids, at=times),
    call("update", run_ids, letter_ids),
    call("answer", run_ids, few, bodies, id=letter_ids, at=times),
    call("register", st.builds(WorkerRow, worker_ids, *[st.just("h")] * 2, few, times, times)),
    call("renew", worker_ids, times),
    call("bury", worker_ids, times, died=st.booleans()),
    call("claim", worker_ids, times, limits, only=only),
    call("put_definition", letter_ids, st.sampled_from(["f", "g"]), st.none() | st.just("1"), bodies, times),
    call("latest", st.sampled_from(["f", "g"]), st.none() | st.just("1")),
    call("next_wake", only=only),
    call("letters", worker_ids, after=few, limit=limits),
    call(
        "runs",
        where=st.none() | conditions,
        statuses=st.none() | st.lists(statuses, max_size=3),
        before=st.none() | keys,
        limit=limits,
    ),
    call("asks", st.none() | run_ids, limit=limits),
    call("history", keys, after=few, limit=limits),
)


async def outcome(store: Store, wanted: Call) -> object:
    try:
        answer = await getattr(store, wanted.method)(*wanted.arguments, **wanted.named)
    except StoreError as error:
        return comparable(error)
    return [comparable(part) for part in answer] if isinstance(answer, list) else answer


def comparable(part: object) -> object:
    if isinstance(part, RunExists):
        return "RunExists", part.row
    if isinstance(part, SlotTaken):
        return "SlotTaken", part.key, part.holders
    return type(part) if isinstance(part, StoreError) else part


async def content(store: Store) -> list[object]:
    rows: list[object] = [await store.runs(limit=99), await store.asks(), await store.workers()]
    rows += [await store.latest(name, version) for name in ("f", "g") for version in (None, "1")]
    rows += [await store.schedules(), await store.occurrences(), await store.next_schedule(), await store.ended(9)]
    rows += [await store.fired(id, -1, 99) for id in ("s", "z")]
    rows += [await store.tasks(id) for id in ("w0", "w1", "w2")]
    rows += [await store.cached(key, now) for key in ("lock", "key") for now in (-2, 5)]
    rows += [await store.runs(where=Label(*label)) for label in (("x", "=", "1"), ("y", "!=", "ü"), ("x", "<", "1"))]
    rows += [await store.update(run, id) for run in ("a", "b", "c", "a~1") for id in ("l0", "l1", "l2", "~0")]
    for key in (*range(20), 2**63 - 1):
        loaded = await store.load(key)
        rows += [loaded, await store.history(key), await store.letters_of(key)]
    return rows


BEGINNING = [
    Call("register", (WorkerRow("w0", "h", "b", 1, 2, 3),), {}),
    Call("register", (WorkerRow("w1", "h", "b", 1, 2, 3),), {}),
    Call(
        "commit",
        (
            [
                Commit(
                    run=NewRun(name, "f", None, "d", status, 1, wake_at=2, owner=owner),
                    asks_opened=[AskRow(0, frame, "x", 5 - frame, None, b"") for frame in (1, 2)],
                    heartbeats={1: b"h"},
                    snapshot=(1, b"s"),
                    listens={"rain": True},
                    takes=[Take("lock", 0, 1), Take("key", 9, 2)],
                    tasks=[NewTask(0, "q", 1, b"t")],
                )
                for name, status, owner in (
                    ("a", "running", "w0"),
                    ("b", "scheduled", None),
                    ("c", "paused", "w1"),
                )
            ],
        ),
        {},
    ),
    Call("put_schedule", ("s", "f", b"", b""), {"next_at": 3, "event": "rain"}),
    Call("publish", ("rain", b"wet"), {"id": "l2", "at": 3}),
    Call("post", ("a", "signal", b"1"), {"id": "l0", "at": 3}),
    Call("post", ("c", "signal", b"2"), {"id": "l0", "at": 4}),
    Call("post", ("a", "update", b"3"), {"id": "l1", "at": 5}),
    Call("post", ("b", "update", b"4"), {"id": "l1", "at": 6}),
]
"""Two workers, three runs with questions and letters: so that random calls meet something."""


async def both_agree(plan: list[tuple[int, Call]], together: bool) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = MemoryFile()
        memory: list[Store] = [MemoryStore(file), MemoryStore(file)]
        sqlite: list[Store] = [SQLiteStore(Path(place, "s.db"), durability="normal") for _ in range(2)]
        for store in (*memory, *sqlite):
            await store.open()
        try:
            for wanted in BEGINNING:
                assert await outcome(sqlite[1], wanted) == await outcome(memory[1], wanted)
            if together:
                expected = [await outcome(memory[0], wanted) for _, wanted in plan]
                assert await asyncio.gather(*(outcome(sqlite[0], wanted) for _, wanted in plan)) == expected
            else:
                for handle, wanted in plan:
                    assert await outcome(sqlite[handle], wanted) == await outcome(memory[handle], wanted)
            assert await content(sqlite[1]) == await content(memory[1])
        finally:
            for store in sqlite:
                await store.close()


slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(st.lists(st.tuples(st.integers(0, 1), calls), max_size=25))
def test_memory_and_sqlite_answer_alike(plan: list[tuple[int, Call]]) -> None:
    asyncio.run(both_agree(plan, together=False))


reads = {"next_wake", "letters", "runs", "asks", "history", "update", "latest", "ended", "cached", "occurrences"}
reads |= {"due_schedules", "next_schedule"}


@slow
@given(st.lists(st.tuples(st.just(0), calls.filter(lambda wanted: wanted.method not in reads)), max_size=25))
def test_calls_written_in_one_transaction_answer_as_if_one_came_after_another(
    plan: list[tuple[int, Call]],
) -> None:
    asyncio.run(both_agree(plan, together=True))
