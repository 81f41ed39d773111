"""The shipped definitions that talk: to people while they run, to runs of their own, and to their next page."""

from __future__ import annotations

import asyncio

import pytest
from shipped import start, until

import perdure

PAID = {"order": "o-1", "card": "4242", "amount": 12}
TEA = {"sku": "tea", "price": 4.5}
CUP = {"sku": "cup", "price": 12}


async def test_checkout_is_confirmed(engine: perdure.Engine) -> None:
    run = await start(engine, "checkout", **PAID)
    await until(run, "decision")
    assert (await run.query("status"), await run.query("receipt")) == ("charged", "R-4242")

    await run.signal("confirm")

    assert await run.result(10) == {"order": "o-1", "outcome": "confirmed", "reason": None}
    assert await run.query("status") == "confirmed"


async def test_checkout_that_is_cancelled_gives_the_charge_back(engine: perdure.Engine) -> None:
    run = await start(engine, "checkout", **PAID)
    await run.signal("cancel", {"reason": "too dear"})

    assert await run.result(10) == {"order": "o-1", "outcome": "cancelled", "reason": "too dear"}
    assert (await run.describe()).undone == ["charge"]
    assert await run.query("status") == "cancelled"


async def test_checkout_that_nobody_confirms_expires_and_gives_the_charge_back(engine: perdure.Engine) -> None:
    run = await start(engine, "checkout", **PAID, patience="20ms")

    with pytest.raises(perdure.RunFailed, match=r"checkout\.Expired: order o-1 was not confirmed in time") as failed:
        await run.result(10)

    assert failed.value.undone == ["charge"]
    assert await run.query("status") == "expired"


async def test_cart_takes_items_and_answers(engine: perdure.Engine) -> None:
    run = await start(engine, "cart", customer="ana")

    replies = [await run.update("add", TEA), await run.update("add", CUP), await run.update("remove", {"sku": "tea"})]

    assert replies == [{"items": 1, "total": 4.5}, {"items": 2, "total": 16.5}, {"items": 1, "total": 12}]
    assert (await run.query("items"), await run.query("total")) == ([CUP], 12)
    await run.signal("buy")
    assert await run.result(10) == {"bought": True, "items": ["cup"], "total": 12}


async def test_cart_refuses_what_does_not_fit_and_remembers_nothing_of_it(engine: perdure.Engine) -> None:
    run = await start(engine, "cart")
    for _ in range(3):
        await run.update("add", TEA)
    before = await run.history()

    for name, data, reason in (
        ("add", CUP, "not accepted"),
        ("add", {"sku": "tea"}, "'price' is a required property"),
        ("add", {**TEA, "price": 0}, "0 is less than or equal to the minimum of 0"),
        ("remove", {"sku": "cup"}, "not accepted"),
        ("clear", None, "nothing receives it"),
    ):
        with pytest.raises(perdure.UpdateRejected, match=reason):
            await run.update(name, data)

    assert await run.history() == before
    await run.signal("buy")
    assert await run.result(10) == {"bought": True, "items": ["tea", "tea", "tea"], "total": 13.5}


async def test_cart_update_with_an_id_counts_once(engine: perdure.Engine) -> None:
    run = await start(engine, "cart")

    replies = [await run.update("add", TEA, id="first") for _ in range(2)]

    assert replies == [{"items": 1, "total": 4.5}] * 2
    assert await run.query("items") == [TEA]


async def test_cart_that_is_forgotten_is_empty(engine: perdure.Engine) -> None:
    run = await start(engine, "cart", patience="20ms")

    assert await run.result(10) == {"bought": False, "items": [], "total": 0}


async def test_onboarding_waits_for_the_accounts_and_not_for_the_welcome(engine: perdure.Engine) -> None:
    run = await start(engine, "onboarding", id="new", user="bo")

    output = await run.result(10)

    assert output["accounts"] == ["bo@mail", "bo@chat", "bo@wiki"]
    welcome = engine.run(output["welcome"])
    await until(welcome, "first-day")
    found = await welcome.describe()
    assert (found.workflow, found.status, found.input) == ("welcome-mail", "running", {"to": "bo@example.com"})
    children = await engine.runs("workflow = 'provision-account'")
    assert sorted(child.output for child in children) == ["bo@chat", "bo@mail", "bo@wiki"]


async def test_onboarding_fails_with_the_cause_of_its_child(engine: perdure.Engine) -> None:
    run = await start(engine, "onboarding", user="bo", systems=["legacy"])

    with pytest.raises(perdure.RunFailed) as failed:
        await run.result(10)

    assert failed.value.error is not None
    assert (failed.value.error["type"], failed.value.error["step"]) == ("ChildFailed", "accounts[0]/account")
    assert failed.value.error["cause"]["type"] == "accounts.Closed"


async def test_provision_account_deletes_what_it_cannot_announce(engine: perdure.Engine) -> None:
    run = await start(engine, "provision-account", user="bo", system="mail")
    assert await run.result(10) == "bo@mail"


async def test_welcome_mail_asks_again_after_a_while(engine: perdure.Engine) -> None:
    run = await start(engine, "welcome-mail", to="bo@example.com", pause="20ms")

    assert await run.result(10) == {"to": "bo@example.com", "subject": "How was your first day?"}


async def test_bookkeeping_adds_up_over_its_restarts(engine: perdure.Engine) -> None:
    run = await start(engine, "bookkeeping", id="book", page_size=3)
    for amount in range(1, 11):
        await run.signal("entry", {"amount": amount})
    await run.signal("entry", {"amount": "much"})

    while await run.query("total") != 55:
        await asyncio.sleep(0.01)
    assert await run.query("pages") == 3
    await run.signal("close")

    assert await run.result(10) == {"total": 55, "pages": 3}
    runs = await engine.runs("workflow = 'bookkeeping'")
    assert {one.id: one.status for one in runs} == {
        "book": "completed", "book~1": "continued", "book~2": "continued", "book~3": "continued",
    }  # fmt: skip
    assert max([len(await engine.run(one.id).history()) for one in runs]) <= 12
