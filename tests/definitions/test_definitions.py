"""Every shipped definition is clean and does what it says, on the real engine in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from shipped import DEFINITIONS, FOLDER, start, until

import perdure
from perdure.activities import Registry
from perdure.definition import inspect


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_a_shipped_definition_has_no_diagnostics(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    catalogue = Registry.load(["definitions.activities"]).catalogue()

    assert inspect(path, catalogue=catalogue).diagnostics == []


async def test_book_trip_books_flight_and_hotel_and_charges_the_card(engine: perdure.Engine) -> None:
    run = await start(engine, "book-trip", flight="LH1", hotel="Ritz", card="4242")

    assert await run.result(10) == {"flight": "F-LH1", "hotel": "H-Ritz", "receipt": "R-4242"}


async def test_book_trip_gives_hotel_then_flight_back_when_the_card_is_declined(engine: perdure.Engine) -> None:
    run = await start(engine, "book-trip", flight="LH1", hotel="Ritz", card="4000")

    with pytest.raises(perdure.RunFailed) as failed:
        await run.result(10)

    assert failed.value.error is not None
    assert failed.value.error["type"] == "payments.Declined"
    assert failed.value.undone == ["hotel", "flight"]


async def test_order_retries_the_charge_and_confirms(engine: perdure.Engine) -> None:
    run = await start(engine, "order", email="ana@example.com", card="5000")

    assert await run.result(10) == {"total": 21.0, "receipt": "R-5000"}
    failures = [event["error"]["type"] for event in await run.history() if event["event"] == "ActivityFailed"]
    assert failures == ["payments.Unavailable", "payments.Unavailable"]


async def test_order_refunds_when_the_confirmation_bounces(engine: perdure.Engine) -> None:
    run = await start(engine, "order", email="ana@gone.invalid", card="4242")

    with pytest.raises(perdure.RunFailed, match="Bounced") as failed:
        await run.result(10)

    assert failed.value.undone == ["charge"]


async def test_order_without_items_in_the_list_is_refused(engine: perdure.Engine) -> None:
    run = await start(engine, "order", email="ana@example.com", card="4242", items=[])

    with pytest.raises(perdure.RunFailed, match="Empty"):
        await run.result(10)


@pytest.mark.parametrize(("answer", "approved"), [("approve", True), ("reject", False)])
async def test_expense_approval_follows_the_manager(engine: perdure.Engine, answer: str, approved: bool) -> None:
    run = await start(engine, "expense-approval", employee="bo", amount=120, purpose="train")
    await until(run, "decision")

    (ask,) = await engine.asks(run.id)
    await run.answer("decision", answer, by="ana")

    assert ask.prompt == "May bo spend 120 on train?"
    assert await run.result(10) == {"decision": answer, "approved": approved}


async def test_expense_approval_rejects_when_nobody_answers(engine: perdure.Engine) -> None:
    run = await start(engine, "expense-approval", employee="bo", amount=120, purpose="train", patience="20ms")

    assert await run.result(10) == {"decision": "auto-rejected", "approved": False}


async def test_dashboard_renders_what_arrived_and_names_what_did_not(engine: perdure.Engine) -> None:
    run = await start(engine, "dashboard")

    page = "Today\nnews: 4 entries\nweather: 7 entries\nstocks: stocks does not answer"
    assert await run.result(10) == {"page": page, "complete": False}


async def test_campaign_counts_sent_and_bounced(engine: perdure.Engine) -> None:
    run = await start(engine, "campaign", segment="friends", count=40)

    assert await run.result(10) == {"sent": 36, "failed": 4}


async def test_trial_reminder_reminds_and_closes(engine: perdure.Engine) -> None:
    run = await start(engine, "trial-reminder", user="ana", email="ana@example.com", days="20ms", last="20ms")

    assert await run.result(10) == {"user": "ana", "reminded": True, "subscribed": False}


async def test_trial_reminder_leaves_subscribers_alone(engine: perdure.Engine) -> None:
    run = await start(engine, "trial-reminder", user="vip", email="vip@example.com", days="20ms")

    assert await run.result(10) == {"user": "vip", "reminded": False, "subscribed": True}


async def test_trial_reminder_waits_until_a_given_moment(engine: perdure.Engine) -> None:
    run = await start(
        engine, "trial-reminder", user="ana", email="ana@example.com", days="0s", ends_at="2020-01-01T00:00:00Z"
    )

    assert await run.result(10) == {"user": "ana", "reminded": True, "subscribed": False}


@pytest.mark.parametrize("signal", ["paid", "cancelled"])
async def test_payment_flow_takes_the_first_signal(engine: perdure.Engine, signal: str) -> None:
    run = await start(engine, "payment-flow", order="o-1", email="ana@example.com")
    await run.signal(signal, {"reference": "X"})

    assert await run.result(10) == {"order": "o-1", "outcome": signal, "data": {"reference": "X"}}


async def test_payment_flow_expires(engine: perdure.Engine) -> None:
    run = await start(engine, "payment-flow", order="o-1", email="ana@example.com", hold="20ms")

    assert await run.result(10) == {"order": "o-1", "outcome": "expired", "data": None}


async def test_daily_report_mails_what_was_sold_the_day_before(engine: perdure.Engine) -> None:
    run = await start(engine, "daily-report", day="2026-06-01T09:00:00-04:00", to="ana@example.com")

    assert await run.result(10) == {"day": "2026-05-31", "orders": 310}
    assert (await run.describe()).labels == {"day": "2026-06-01"}


async def test_daily_report_starts_at_nine_in_new_york_in_summer_and_winter(engine: perdure.Engine) -> None:
    await engine.deploy(FOLDER / "daily-report.yaml")

    times = await engine.schedules.next("daily-report", 366)

    assert {time.local[10:19] for time in times} == {"T09:00:00"}
    assert {time.at[10:] for time in times} == {"T13:00:00Z", "T14:00:00Z"}
    assert not any(time.note for time in times)


async def test_daily_report_runs_when_it_is_triggered(engine: perdure.Engine) -> None:
    await engine.deploy(FOLDER / "daily-report.yaml")

    run = await engine.schedules.trigger("daily-report")

    assert set(await run.result(10)) == {"day", "orders"}
    assert (await run.describe()).labels["schedule"] == "daily-report"
