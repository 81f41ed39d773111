"""The shipped definition that locks: money is moved whole or not at all, however many transfers run at once."""

from __future__ import annotations

import asyncio

import pytest
from shipped import start

import perdure

BALANCE = """
workflow: balance
steps: [{activity: ledger.balance, with: {account: "{{ input.account }}"}}]
"""


async def balance(engine: perdure.Engine, account: str) -> float:
    return float(await (await engine.start(BALANCE, {"account": account})).result(10))


async def test_account_transfer_moves_money_and_says_so(engine: perdure.Engine) -> None:
    heard = await engine.start("workflow: ear\nsteps: [{id: e, wait: {event: account.transferred}}]\n")
    while not (await heard.describe()).live:
        await asyncio.sleep(0.01)

    run = await start(engine, "account-transfer", source="ana", target="bo", amount=30)

    assert await run.result(10) == {"source": 70, "target": 80, "rate": 1}
    assert await heard.result(10) == {"source": "ana", "target": "bo", "amount": 30}


async def test_opposite_account_transfers_at_once_lose_nothing_and_do_not_block_each_other(
    engine: perdure.Engine,
) -> None:
    ways = [("ana", "bo"), ("bo", "ana")]
    runs = [
        await start(engine, "account-transfer", source=source, target=target, amount=n)
        for n in range(1, 9)
        for source, target in ways
    ]

    for run in runs:
        await run.result(20)

    assert (await balance(engine, "ana"), await balance(engine, "bo")) == (100, 50)


async def test_account_transfer_gives_the_money_back_when_it_cannot_be_paid_in(engine: perdure.Engine) -> None:
    run = await start(engine, "account-transfer", source="ana", target="closed", amount=30)

    with pytest.raises(perdure.RunFailed, match=r"ledger\.Closed") as failed:
        await run.result(10)

    assert failed.value.undone == ["withdraw"]
    assert await balance(engine, "ana") == 100


async def test_account_transfer_refuses_what_is_not_there(engine: perdure.Engine) -> None:
    run = await start(engine, "account-transfer", source="ana", target="bo", amount=101)

    with pytest.raises(perdure.RunFailed, match=r"ledger\.Overdrawn") as failed:
        await run.result(10)

    assert failed.value.undone == []


async def test_account_transfer_uses_the_rate_of_the_transfer_before(engine: perdure.Engine) -> None:
    found = []
    for _ in range(2):
        run = await start(engine, "account-transfer", source="ana", target="zoe", amount=10, target_currency="GBP")
        assert (await run.result(10))["rate"] == 0.8333
        found += [row["found"] for row in await run.history() if row["event"] == "CacheRead"]

    assert found == [False, True]
    assert await balance(engine, "zoe") == 16.66
