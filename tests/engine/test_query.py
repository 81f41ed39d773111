"""The language in which runs are asked for: what it means on both stores, and how it refuses."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from engine_world import OpenEngine, Place
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.engine.query import DEEPEST, MOST, parse
from perdure.errors import InvalidInput, InvalidQuery
from perdure.stores import MemoryStore, SQLiteStore, Store
from perdure.stores.store import Closing, Commit, NewRun, RunRow
from perdure.values import DAY, SECOND, format_time, parse_time

NOW = parse_time("2026-03-01T00:00:00Z")
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def shop(number: int) -> NewRun:
    """One of the runs that queries choose among."""
    labels = {"customer": ("ann", "bob", "o'hara")[number % 3], "my label": str(number % 4)}
    return NewRun(
        id=f"run-{number}",
        workflow=("order", "refund")[number % 2],
        version=(None, "1", "2.1")[number % 3],
        digest=f"{number % 5:x}" * 64,
        status="running",
        created_at=NOW - number * DAY,
        labels=labels if number % 4 else {},
        parent="mum" if number % 5 == 0 else None,
    )


async def filled(store: Store, count: int) -> Store:
    await store.open()
    for number in range(count):
        closing = Closing("completed" if number % 2 else "failed", NOW - number * DAY + SECOND, b"{}")
        await store.commit([Commit(shop(number), closing=closing if number % 3 else None)])
    return store


# -- what it means


async def ids(engine: Any, query: str) -> list[str]:
    return [info.id.removeprefix("run-") for info in await engine.runs(query)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "7 6 5 4 3 2 1 0"),
        ("  ", "7 6 5 4 3 2 1 0"),
        ("workflow = 'order'", "6 4 2 0"),
        ("workflow = order", "6 4 2 0"),
        ('workflow="order"', "6 4 2 0"),
        ("workflow = order AND NOT status = running", "4 2"),
        ("status in (failed, running) and workflow != 'order'", "3"),
        ("status not in ('running')", "7 5 4 2 1"),
        ("labels.customer = 'o''hara'", "5 2"),
        ("labels.'my label' >= 2", "7 6 3 2"),
        ("labels.\"my label\" = '1'", "5 1"),
        ("labels.customer != ann", "7 5 4 2 1 0"),
        ("labels.customer = null", "4 0"),
        ("labels.customer != null", "7 6 5 3 2 1"),
        ("version = 2.1", "5 2"),
        ("version = null or id = run-7", "7 6 3 0"),
        ("parent = mum", "5 0"),
        ("parent != mum", "7 6 4 3 2 1"),
        ("parent = null", "7 6 4 3 2 1"),
        ("digest = 333", "3"),
        ("digest != 0000", "7 6 4 3 2 1"),
        ("started > 2026-02-27", "1 0"),
        ("started >= 2026-02-27", "2 1 0"),
        ("started > '2026-02-27T00:00:00+01:00'", "2 1 0"),
        ("started > -2d", "1 0"),
        ("started < now", "7 6 5 4 3 2 1"),
        ("closed != null", "7 5 4 2 1"),
        ("closed > -1d12h", "1"),
        ("not (workflow = order or id > run-3)", "3 1"),
        ("workflow = order or workflow = refund and id = run-1", "6 4 2 1 0"),
        ("(workflow = order or workflow = refund) and id = run-1", "1"),
        ("not not id = run-1", "1"),
    ],
)
async def test_a_query_finds_what_it_says(place: Place, query: str, found: str) -> None:
    store = await filled(place.store(), 8)
    rows = await store.runs(where=parse(query, NOW))
    assert [row.id.removeprefix("run-") for row in rows] == found.split()
    await store.close()


async def test_an_engine_lists_what_a_query_finds_up_to_a_limit(opened: OpenEngine, place: Place) -> None:
    await (await filled(place.store(), 8)).close()
    async with opened(work=False) as engine:
        assert await ids(engine, "workflow = order") == ["6", "4", "2", "0"]
        assert [info.id for info in await engine.runs("workflow = order", limit=1)] == ["run-6"]
        assert await engine.runs("id = none") == []
        assert await engine.runs(limit=0) == []
        with pytest.raises(InvalidInput, match="did you mean workflow"):
            await engine.runs("workflw = order")
        with pytest.raises(InvalidInput, match="a query is a text"):
            await engine.runs(["failed"])  # type: ignore[arg-type]


async def test_a_listing_of_ten_thousand_runs_is_read_page_by_page(opened: OpenEngine, place: Place) -> None:
    store = await filled(place.store(), 0)
    for first in range(0, 10_000, 1000):
        batch = [Commit(replace(shop(0), id=f"r{number}", status="stuck")) for number in range(first, first + 1000)]
        await store.commit(batch)
    await store.close()
    pages = []

    class Counting:
        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        async def runs(self, **wanted: Any) -> list[RunRow]:
            pages.append(wanted["limit"])
            return await self._store.runs(**wanted)

    async with opened(work=False, store=Counting(place.store())) as engine:
        found = await engine.runs("workflow = order", limit=20_000)
        assert [info.id for info in found] == [f"r{number}" for number in reversed(range(10_000))]
        assert len(pages) > 5
        assert max(pages) <= 1000


# -- against a filter in Python

NAMES = ("id", "workflow", "version", "digest", "status", "parent", "started", "closed", "labels.customer")
VALUES: dict[str, list[Any]] = {
    "id": ["run-1", "run-5", "r", "z"],
    "workflow": ["order", "refund", ""],
    "version": ["1", "2.1", "0"],
    "digest": ["1" * 64, "2" * 64],
    "status": ["running", "completed", "failed", "paused"],
    "parent": ["mum", "dad"],
    "started": [NOW - 3 * DAY, NOW, NOW - 30 * DAY],
    "closed": [NOW - 3 * DAY, NOW - 4 * DAY + SECOND],
    "labels.customer": ["ann", "bob", "o'hara", "\u00e9", "\U0001f600"],
}
Asked = tuple[str, Callable[[RunRow], bool]]


def value_of(name: str, row: RunRow) -> Any:
    if name.startswith("labels."):
        return row.labels.get(name.removeprefix("labels."))
    return getattr(row, {"started": "created_at", "closed": "closed_at"}.get(name, name))


def written(value: Any) -> str:
    if isinstance(value, int):
        return format_time(value)
    return "'" + value.replace("'", "''") + "'"


@st.composite
def comparisons(draw: st.DrawFn) -> Asked:
    name = draw(st.sampled_from(NAMES))
    how = draw(st.sampled_from(["compare", "compare", "in", "not in", "null"]))
    if how == "null":
        sign = draw(st.sampled_from(["=", "!="]))
        return f"{name} {sign} null", lambda row: (value_of(name, row) is None) == (sign == "=")
    if how != "compare":
        values = draw(st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=3))
        text = f"{name} {how} ({', '.join(map(written, values))})"
        return text, lambda row: (value_of(name, row) in values) == (how == "in")
    sign = draw(st.sampled_from(["=", "!="] if name in ("status", "digest") else list(COMPARED)))
    value = draw(st.sampled_from(VALUES[name]))

    def holds(row: RunRow) -> bool:
        found = value_of(name, row)
        return sign == "!=" if found is None else COMPARED[sign](found, value)

    return f"{name} {sign} {written(value)}", holds


def joined(parts: st.SearchStrategy[Asked]) -> st.SearchStrategy[Asked]:
    def join(word: str, asked: list[Asked]) -> Asked:
        each = all if word == "and" else any
        return f" {word} ".join(f"({text})" for text, _ in asked), lambda row: each(holds(row) for _, holds in asked)

    several = st.lists(parts, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda asked: (f"not ({asked[0]})", lambda row: not asked[1](row)), parts),
        st.builds(join, st.sampled_from(["and", "or"]), several),
    )


QUERIES = st.recursive(comparisons(), joined, max_leaves=8)


@given(asked=st.lists(QUERIES, min_size=40, max_size=40))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_stores_find_what_a_filter_in_python_finds(
    asked: list[Asked], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def look() -> None:
        for store in (MemoryStore(), SQLiteStore(tmp_path_factory.mktemp("shop") / "runs.db")):
            await filled(store, 24)
            rows = await store.runs()
            for text, holds in asked:
                found = await store.runs(where=parse(text, NOW))
                assert [row.id for row in found] == [row.id for row in rows if holds(row)], text
            await store.close()

    asyncio.run(look())


# -- what does not read


@pytest.mark.parametrize(
    ("query", "offset", "told"),
    [
        ("statuss = failed", 0, "runs have no statuss; did you mean status?"),
        ("label.x = 1", 0, "did you mean labels.NAME?"),
        ("WORKFLOW = order", 0, "did you mean workflow?"),
        ("colour = red", 0, "there are id, workflow, version, digest, status, parent, started, closed, labels.NAME"),
        ("labels. = 1", 0, "labels. is followed by the label's name"),
        ("status = faild", 9, "runs are never faild; did you mean failed?"),
        ("status = 7", 9, "there are scheduled, running"),
        ("status > failed", 7, "status is compared by = and !="),
        ("closed < null", 7, "null is compared by = and !="),
        ("started > yesterday", 10, "yesterday is no time; such as 2026-03-01"),
        ("started > 1d", 10, "1d is no time"),
        ("started > -1x", 10, "-1x is no time"),
        ("started > 9999999-01-01", 10, "is no time"),
        ("(id = a", 7, "the bracket of character 1 is not closed"),
        ("id = a)", 6, ") comes unexpectedly"),
        ("id = 'a", 5, "this text has no end"),
        ("id ! a", 3, "write != for unequal"),
        ("id = a b", 7, "join comparisons by and, or"),
        ("id = a and", 10, "not the end"),
        ("and id = a", 0, "not and; there are id"),
        ("'id' = a", 0, "not 'id'"),
        ("id == a", 4, "a value is expected, not ="),
        ("id", 2, "id is to be compared: = !="),
        ("id a", 3, "id is to be compared"),
        ("id in a", 6, "in takes values in brackets"),
        ("id in ()", 7, "a value is expected, not )"),
        ("id in (a b)", 9, "separate them by commas"),
        ("id in (a,", 9, "not the end"),
        ("id = workflow", 5, "a text is 'workflow'"),
        ("id = labels.x", 5, "a text is 'labels.x'"),
        ("status = and", 9, "a value is expected, not and"),
        ("(" * 60 + "id = a", DEEPEST, "more than 16 inside each other"),
        ("not " * 60 + "id = a", 4 * DEEPEST, "more than 16 inside each other"),
    ],
)
def test_a_query_that_does_not_read_says_where_and_what_was_meant(query: str, offset: int, told: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse(query, NOW)
    assert caught.value.offset == offset
    assert told in caught.value.message
    first, line, caret = caught.value.message.split("\n")
    assert f"character {offset + 1}" in first
    assert line[len(caret) - 1 :][: len(query) - offset] == query[offset : offset + 40]


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(InvalidQuery, match="character 7: half a surrogate pair"):
        parse("id = '\ud800'", NOW)


def test_a_query_has_bounds() -> None:
    with pytest.raises(InvalidQuery, match="10,000 characters"):
        parse("id = a or " * 1000 + "id = a", NOW)
    with pytest.raises(InvalidQuery, match=f"at most {MOST} comparisons"):
        parse(f"id in ({','.join('a' for _ in range(MOST + 1))})", NOW)


WORST = (
    "not " * DEEPEST + "labels.x = y",
    "(id = a or not " * (DEEPEST // 2) + "labels.x = y" + ")" * (DEEPEST // 2),
    "(id = a and (labels.x = z or " * (DEEPEST // 2) + "labels.x in (y, z)" + "))" * (DEEPEST // 2),
    " or ".join(f"labels.x{number} = 'y'" for number in range(MOST)),
    f"id not in ({', '.join('a' for _ in range(MOST))})",
)


@pytest.mark.parametrize("query", WORST, ids=range(len(WORST)))
async def test_the_largest_queries_there_may_be_are_answered(place: Place, query: str) -> None:
    store = await filled(place.store(), 3)
    assert len(await store.runs(where=parse(query, NOW))) in (0, 3)
    await store.close()


PIECES = st.sampled_from(
    ["id", "status", "started", "labels.", "labels.x", "'", '"', "''", "'a'", "(", ")", ",", "=", "!=", "!", "<", ">=",
     "and", "or", "not", "in", "null", "-1d", "2026-03-01", "failed", " ", "\n", "\x00", "\ud800", "\u202e"]
)  # fmt: skip


@given(st.one_of(st.lists(PIECES, max_size=12).map(" ".join), st.lists(PIECES, max_size=12).map("".join), st.text()))
@settings(max_examples=1000, deadline=None)
def test_whatever_is_asked_reads_or_is_refused_with_a_place(query: str) -> None:
    problem = refused(query)
    if problem is not None:
        assert problem.offset is not None
        assert 0 <= problem.offset <= len(query)
        problem.message.encode()


def refused(query: str) -> InvalidQuery | None:
    try:
        parse(query, NOW)
    except InvalidQuery as problem:
        return problem
    return None
