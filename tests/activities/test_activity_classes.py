"""Classes of activities: one instance, set up at first use, torn down at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from perdure.activities import ActivityFailure, DeclarationError, LoadError, activity

Make = Callable[..., Any]


@pytest.fixture
def payments() -> Any:
    class Ledger:
        charged: list[str]

        def total(self) -> int:
            return len(self.charged)

    @activity("payments", deprecated="old")
    class Payments(Ledger):
        log: ClassVar[list[Any]] = []

        def __init__(self) -> None:
            self.charged = []
            self.log.append("made")

        async def setup(self) -> None:
            await asyncio.sleep(0)
            self.log.append("set up")

        def teardown(self) -> None:
            self.log.append(("torn down", threading.current_thread() is threading.main_thread()))

        async def charge(self, card: str) -> str:
            self.charged.append(card)
            return f"R{len(self.charged)}"

        @activity("refund", summary="Give the money back.", deprecated="older")
        def give_back(self, receipt: str) -> str:
            return receipt

        @staticmethod
        def currency() -> str:
            return "EUR"

        @classmethod
        async def whose(cls, shout: bool = False) -> str:
            return cls.__name__.upper() if shout else cls.__name__

        def _hidden(self) -> None: ...

        @property
        def balance(self) -> int:
            return 0

    return Payments


async def test_public_methods_become_activities_of_one_instance(registry: Make, attempt: Make, payments: Any) -> None:
    made = registry(payments, builtin=False)
    assert made.names() == [
        "payments.charge", "payments.currency", "payments.refund", "payments.total", "payments.whose",
    ]  # fmt: skip
    assert payments.log == []
    calls = (made.call("payments.charge", {"card": "1"}, attempt()) for _ in range(5))
    assert sorted(await asyncio.gather(*calls)) == ["R1", "R2", "R3", "R4", "R5"]
    assert await made.call("payments.total", {}, attempt()) == 5
    assert await made.call("payments.currency", {}, attempt()) == "EUR"
    assert await made.call("payments.whose", {"shout": True}, attempt()) == "PAYMENTS"
    assert await made.call("payments.refund", {"receipt": "R1"}, attempt()) == "R1"
    assert payments.log == ["made", "set up"]
    await made.aclose()
    await made.aclose()
    assert payments.log == ["made", "set up", ("torn down", False)]
    await made.call("payments.total", {}, attempt())
    assert payments.log[3:] == ["made", "set up"]


def test_the_class_may_say_more_of_its_methods(registry: Make, payments: Any) -> None:
    made = registry(payments)
    refund, charge = made.describe("payments.refund"), made.describe("payments.charge")
    assert (refund.summary, refund.deprecated, charge.deprecated) == ("Give the money back.", "older", "old")
    assert refund.arguments["required"] == ["receipt"]
    assert made.describe("payments.currency").arguments["properties"] == {}
    assert list(made.describe("payments.whose").arguments["properties"]) == ["shout"]


async def test_each_registry_has_an_instance_of_its_own(registry: Make, attempt: Make, payments: Any) -> None:
    first, second = registry(payments), registry(payments)
    await first.call("payments.charge", {"card": "1"}, attempt())
    assert await second.call("payments.total", {}, attempt()) == 0


async def test_a_set_up_that_fails_fails_the_attempt_and_is_tried_again(registry: Make, attempt: Make) -> None:
    broken = [ConnectionError("no database")]
    log: list[str] = []

    @activity("shaky")
    class Shaky:
        def setup(self) -> None:
            if broken:
                raise broken[0]

        def teardown(self) -> None:
            log.append("torn down")

        def ping(self) -> str:
            return "pong"

    made = registry(Shaky)
    with pytest.raises(ActivityFailure, match="could not be set up: no database") as failed:
        await made.call("shaky.ping", {}, attempt())
    assert (failed.value.error["type"], failed.value.retryable) == ("ActivityFailed", True)
    with pytest.raises(LoadError, match="no database"):
        await made.setup()
    await made.aclose()
    assert log == []
    broken.clear()
    assert await made.call("shaky.ping", {}, attempt()) == "pong"


async def test_classes_are_torn_down_newest_first_and_a_failure_stops_nothing(
    registry: Make, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []

    def named(name: str, fails: bool = False) -> type:
        @activity(name)
        class One:
            def teardown(self) -> None:
                log.append(name)
                if fails:
                    raise OSError("stuck")

            def ping(self) -> None: ...

        return One

    made = registry(named("a"), named("b", fails=True), named("c"))
    await made.setup()
    await made.aclose()
    assert log == ["c", "b", "a"]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [OSError]


async def test_a_set_up_cancelled_half_way_starts_over_for_the_next(registry: Make, attempt: Make) -> None:
    gate, entered = asyncio.Event(), asyncio.Event()
    made_instances: list[int] = []

    @activity("slow")
    class Slow:
        def __init__(self) -> None:
            made_instances.append(1)

        async def setup(self) -> None:
            entered.set()
            await gate.wait()

        async def ping(self) -> str:
            return "pong"

    made = registry(Slow)
    first = asyncio.create_task(made.call("slow.ping", {}, attempt()))
    second = asyncio.create_task(made.call("slow.ping", {}, attempt()))
    await entered.wait()
    first.cancel()
    gate.set()
    assert await second == "pong"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(made_instances) == 2


def test_an_undecorated_subclass_is_no_activity(registry: Make, payments: Any) -> None:
    class Special(payments):  # type: ignore[misc]
        pass

    with pytest.raises(LoadError, match="neither a module nor declared"):
        registry(Special)


def test_a_class_that_needs_arguments_is_refused() -> None:
    with pytest.raises(DeclarationError, match="cannot be constructed without arguments"):

        @activity("x")
        class Needy:
            def __init__(self, url: str) -> None: ...

            def ping(self) -> None: ...


def test_a_method_without_self_is_refused() -> None:
    with pytest.raises(DeclarationError, match="takes no `self`"):

        @activity("x")
        class Broken:
            def method() -> None: ...  # type: ignore[misc]
