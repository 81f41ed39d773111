"""Which runs a condition lists; part of the store suite."""

from __future__ import annotations

from itertools import product

import pytest

from perdure.errors import StoreError
from perdure.stores.conditions import Compare, Condition, Every, Label, Not, Some, check, holds
from perdure.stores.store import Closing, Store
from perdure.testing.store_makers import commit, new_run

OPERATORS = ("=", "!=", "<", "<=", ">", ">=")


async def fill(store: Store) -> None:
    """Runs of every sort: with and without parents, versions, labels; open and ended."""
    sorts = product(("order", "bill"), (None, "1"), (None, "order-1"), ({}, {"x": "1"}, {"x": "ü", "y": "1"}), (0, 1))
    for number, (workflow, version, parent, labels, ended) in enumerate(sorts):
        run = new_run(
            f"r{number}",
            workflow=workflow,
            version=version,
            parent=parent,
            labels=labels,
            digest=f"d{number % 3}",
            created_at=100 + number,
            status=("running", "paused", "stuck")[number % 3],
        )
        closing = Closing(("completed", "failed")[number % 4 // 2], 150 + number, b"1") if ended else None
        await commit(store, run, closing=closing)


X = Label("x", "=", "1")
ORDER = Compare("workflow", "=", "order")
FAILED = Compare("status", "=", "failed")
LEAVES: list[Condition] = [
    *(Compare("id", operator, "r7") for operator in OPERATORS),
    *(Compare("parent", operator, "order-1") for operator in OPERATORS),
    *(Compare("version", operator, "1") for operator in OPERATORS),
    *(Compare("closed_at", operator, 160) for operator in OPERATORS),
    *(Compare("created_at", operator, 120) for operator in OPERATORS),
    *(Label("x", operator, "1") for operator in OPERATORS),
    Compare("digest", "=", "d1"),
    Compare("status", "!=", "completed"),
    Label("unknown", "!=", "1"),
    Label("unknown", ">=", ""),
    ORDER,
    FAILED,
]
TREES: list[Condition] = [
    *(Not(leaf) for leaf in LEAVES),
    *(Every((ORDER, leaf, Compare("status", "=", "completed"))) for leaf in LEAVES),
    *(Some((FAILED, leaf, X)) for leaf in LEAVES),
    *(Every((X, leaf)) for leaf in LEAVES),
    Every(()),
    Some(()),
    Not(Every(())),
    Every((Every((X, Label("x", "=", "2"))), ORDER)),
    Some(tuple(Compare("id", "=", f"r{number}") for number in range(0, 2000, 3))),
    Some((*(Compare("parent", "=", id) for id in ("order-1", "a")), Compare("created_at", "<", 105), X)),
    Every(tuple(Compare("id", "!=", f"r{number}") for number in range(0, 3000, 2))),
    Some((X, *(Every((Compare("created_at", ">", at), Label("y", "!=", "1"))) for at in range(105, 900)))),
    Not(Some((Compare("version", "=", "1"), Compare("version", "=", "2")))),
    Not(Every((Label("y", "=", "1"), Not(ORDER)))),
]


class ConditionRules:
    """A list is what the condition says, paged like any."""

    async def test_conditions_list_the_runs_for_which_they_hold(self, store: Store) -> None:
        await fill(store)
        every = await store.runs()
        assert len(every) == 48
        for condition in (*LEAVES, *TREES):
            expected = [row for row in every if holds(condition, row)]
            assert await store.runs(where=condition) == expected, condition
            some = [row for row in expected if row.status in ("running", "failed")]
            assert await store.runs(where=condition, statuses=["running", "failed"]) == some, condition
            assert (
                await store.runs(where=condition, before=every[20].key, limit=3)
                == [row for row in expected if row.key < every[20].key][:3]
            ), condition

    async def test_what_a_run_does_not_have_differs_from_everything_and_is_equal_to_nothing(self, store: Store) -> None:
        await commit(store, new_run(version=None))
        for compared in (Compare("version", "?", ""), Compare("parent", "?", ""), Label("x", "?", "")):
            for operator in OPERATORS:
                condition = (
                    Label(compared.name, operator, "")
                    if isinstance(compared, Label)
                    else Compare(compared.column, operator, "")
                )
                listed = len(await store.runs(where=condition))
                assert listed == (operator == "!="), condition
                assert len(await store.runs(where=Not(condition))) == 1 - listed, condition

    @pytest.mark.parametrize(
        ("condition", "says"),
        [
            (Compare("labels", "=", "x"), "a condition on labels is not possible; compare one of id, workflow"),
            (Compare("id; DROP TABLE runs", "=", "x"), "is not possible"),
            (Compare("id", "LIKE", "x"), "LIKE does not compare; use one of = != < <= > >="),
            (Label("x", "~", "x"), "~ does not compare"),
            (Compare("id", "=", 5), "id compares with str, not with 5"),
            (Compare("created_at", "<", "today"), "created_at compares with int, not with 'today'"),
            (Compare("created_at", "<", True), "compares with int"),
            (Compare("created_at", "<", 2**63), "64 bits"),
            (Label("x", "=", 5), "x compares with str"),  # type: ignore[arg-type]
            (Every(("x",)), "this is no condition: 'x'"),  # type: ignore[arg-type]
        ],
    )
    async def test_a_condition_that_nobody_understands_is_refused(
        self, store: Store, condition: Condition, says: str
    ) -> None:
        for wrong in (condition, Not(condition), Every((ORDER, Some((condition,))))):
            with pytest.raises(StoreError, match=says.replace("?", r"\?")):
                await store.runs(where=wrong)

    async def test_a_condition_may_not_be_endlessly_deep(self, store: Store) -> None:
        condition: Condition = ORDER
        for _ in range(20):
            condition = Not(condition)
        check(condition)
        await commit(store, new_run())
        assert len(await store.runs(where=condition)) == 1
        for _ in range(5000):
            condition = Not(condition)
        with pytest.raises(StoreError, match="deep"):
            await store.runs(where=condition)

    async def test_labels_of_a_run_and_of_its_successor_are_found(self, store: Store) -> None:
        key = await commit(store, new_run(labels={"x": "1"}))
        new = new_run(labels={"x": "2"})
        await commit(store, key, closing=Closing("continued", 110, b"1"), successor=new)
        assert [row.id for row in await store.runs(where=X)] == ["order-1~1"]
        assert [row.id for row in await store.runs(where=Label("x", "=", "2"))] == ["order-1"]
        await store.delete(key)
        assert await store.runs(where=X) == []

    async def test_runs_that_ended_are_listed_longest_ago_first(self, store: Store) -> None:
        for number, at in enumerate((300, 100, 200, 100)):
            await commit(store, new_run(f"r{number}"), closing=Closing("failed", at, b"1"))
        await commit(store, new_run("open"))
        assert [row.id for row in await store.ended(300)] == ["r1", "r3", "r2"]
        assert [row.id for row in await store.ended(301, limit=2)] == ["r1", "r3"]
        assert await store.ended(100) == []
