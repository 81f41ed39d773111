"""Records how this release runs the shipped definitions: `PYTHONPATH=interpreter:. python tests/histories/record.py`.

Every release adds a folder with its version and keeps the older ones as they are; `test_histories.py` folds them all.
A history is an exported run, `NAME.jsonl`; `NAME.states.jsonl` says what each of its prefixes comes to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import perdure
from definitions import activities as shipped
from perdure.core import fold, outstanding, wire
from perdure.core.events import Migrated
from perdure.engine.transfer import Reading, read_run
from perdure.errors import RunCancelled, RunFailed, RunTerminated
from perdure.stores import MemoryStore
from perdure.stores.memory_file import MemoryFile

HERE = Path(__file__).parent
DEFINITIONS = HERE.parents[1] / "definitions"
SHORT = "30ms"

Script = Callable[[perdure.Run], Awaitable[Any]]


async def nothing(run: perdure.Run) -> None:
    """The run needs nobody."""


def signal(name: str, data: Any = None, at: str | None = None) -> Script:
    async def script(run: perdure.Run) -> None:
        await is_at(run, at)
        await run.signal(name, data)

    return script


def cancel(at: str) -> Script:
    async def script(run: perdure.Run) -> None:
        await is_at(run, at)
        await run.cancel("no longer wanted")

    return script


async def answer(run: perdure.Run) -> None:
    await is_at(run, "decision")
    await run.answer("decision", "approve", by="ana")


async def pause_and_answer(run: perdure.Run) -> None:
    await is_at(run, "decision")
    await run.pause("lunch")
    await has_status(run, "paused")
    await run.resume()
    await answer(run)


async def terminate(run: perdure.Run) -> None:
    await is_at(run, "decision")
    await run.terminate("at once")


async def leave_open(run: perdure.Run) -> None:
    await is_at(run, "decision")


async def fill_the_cart(run: perdure.Run) -> None:
    await is_at(run, "cart")
    await run.update("add", {"sku": "tea", "price": 4.5})
    await run.update("add", {"sku": "cup", "price": 12})
    await run.update("remove", {"sku": "tea"})
    await run.signal("buy")


async def keep_books(run: perdure.Run) -> None:
    for amount in (1, 2, 3):
        await run.signal("entry", {"amount": amount})
    await run.signal("close")


async def migrate(run: perdure.Run) -> None:
    await is_at(run, "decision")
    text = (DEFINITIONS / "checkout.yaml").read_text(encoding="utf-8")
    await run.migrate(text.replace('version: "1.0"', 'version: "1.1"').replace("is to be confirmed", "waits"))
    await run.signal("confirm")


async def fail_and_retry(run: perdure.Run) -> None:
    try:
        await run.result(10)
    except RunFailed:
        await run.retry()


TRIP = {"flight": "LH1", "hotel": "Ritz"}
MAIL = {"email": "ana@example.com"}
PAID = {"order": "o-1", "card": "4242", "amount": 12}
EXPENSE = {"employee": "bo", "amount": 120, "purpose": "train"}
USER = {"user": "ana", **MAIL}

RUNS: dict[str, tuple[str, dict[str, Any], Script]] = {
    "account-transfer": ("account-transfer", {"source": "ana", "target": "bo", "amount": 30}, nothing),
    "account-transfer-closed": ("account-transfer", {"source": "ana", "target": "closed", "amount": 30}, nothing),
    "book-trip": ("book-trip", {**TRIP, "card": "4242"}, nothing),
    "book-trip-declined": ("book-trip", {**TRIP, "card": "4000"}, nothing),
    "book-trip-crashed": ("book-trip", {**TRIP, "card": "hangs"}, nothing),
    "bookkeeping": ("bookkeeping", {"page_size": 10}, keep_books),
    "bookkeeping-pages": ("bookkeeping", {"page_size": 2}, keep_books),
    "campaign": ("campaign", {"segment": "friends", "count": 12}, nothing),
    "cart": ("cart", {"customer": "ana"}, fill_the_cart),
    "cart-forgotten": ("cart", {"patience": SHORT}, nothing),
    "cart-cancelled": ("cart", {}, cancel("cart")),
    "checkout": ("checkout", PAID, signal("confirm", at="decision")),
    "checkout-expired": ("checkout", {**PAID, "patience": SHORT}, nothing),
    "checkout-rolled-back": ("checkout", PAID, signal("cancel", {"reason": "late"}, at="decision")),
    "checkout-cancelled": ("checkout", PAID, cancel("decision")),
    "checkout-migrated": ("checkout", PAID, migrate),
    "daily-report": ("daily-report", {"day": "2026-06-01T09:00:00-04:00", "to": "ana@example.com"}, nothing),
    "dashboard": ("dashboard", {}, nothing),
    "expense-approval": ("expense-approval", EXPENSE, answer),
    "expense-approval-late": ("expense-approval", {**EXPENSE, "patience": SHORT}, nothing),
    "expense-approval-open": ("expense-approval", EXPENSE, leave_open),
    "expense-approval-paused": ("expense-approval", EXPENSE, pause_and_answer),
    "expense-approval-terminated": ("expense-approval", EXPENSE, terminate),
    "onboarding": ("onboarding", {"user": "ana"}, nothing),
    "order": ("order", {**MAIL, "card": "5000"}, nothing),
    "order-bounced": ("order", {"email": "ana@gone.invalid", "card": "4242"}, nothing),
    "order-retried": ("order", {**MAIL, "card": "4242", "items": []}, fail_and_retry),
    "payment-flow": ("payment-flow", {"order": "o-1", **MAIL}, signal("paid", {"reference": "X"})),
    "payment-flow-expired": ("payment-flow", {"order": "o-1", **MAIL, "hold": SHORT}, nothing),
    "provision-account": ("provision-account", {"user": "ana", "system": "mail"}, nothing),
    "trial-reminder": ("trial-reminder", {**USER, "days": SHORT, "last": SHORT}, nothing),
    "trial-reminder-cancelled": ("trial-reminder", USER, cancel("quiet")),
    "welcome-mail": ("welcome-mail", {"to": "ana@example.com", "pause": SHORT}, nothing),
}
"""By name: the definition, its input, and what comes from outside."""


async def record(folder: Path) -> None:
    """Write every run's history into the folder."""
    for name, (definition, input, script) in RUNS.items():
        async with asyncio.timeout(60):
            lines = await history(definition, input, script)
        states = [json.dumps(row, separators=(",", ":")) for row in prefixes(read_run(lines))]
        for file, content in ((f"{name}.jsonl", lines), (f"{name}.states.jsonl", states)):
            (folder / file).write_text("".join(f"{line}\n" for line in content), encoding="utf-8")


async def history(definition: str, input: dict[str, Any], script: Script) -> list[str]:
    """Run a definition in two processes, one after the other: the first one dies with what it has begun."""
    file = MemoryFile()
    async with working(file, hanging(shipped)) as engine:
        for name in ("welcome-mail", "provision-account"):
            await engine.deploy(DEFINITIONS / f"{name}.yaml")
        run = await engine.start(DEFINITIONS / f"{definition}.yaml", input, id=f"{definition}-1")
        if input.get("card") == "hangs":
            await is_at(run, "charge")
            await asyncio.sleep(0.3)  # until its start is in the journal
        else:
            await script(run)
            if script is not leave_open:
                await ended(run)
    async with working(file, [shipped]) as engine:
        run = engine.run(f"{definition}-1")
        if script is not leave_open:
            await ended(run)
        return await run.export()


def working(file: MemoryFile, activities: list[Any]) -> Any:
    return perdure.open(MemoryStore(file), activities=activities, grace=0.01)


def hanging(module: ModuleType) -> list[Any]:
    """The module's activities, with a bank that never answers to one card."""

    @perdure.activity("payments.charge")
    async def charge(card: str, amount: float) -> Any:
        if card == "hangs":
            await asyncio.Event().wait()
        return await shipped.charge(card, amount)

    copy = ModuleType(module.__name__)
    copy.__dict__.update({**vars(module), "charge": charge})
    return [copy]


async def ended(run: perdure.Run) -> None:
    with contextlib.suppress(RunFailed, RunCancelled, RunTerminated):
        await run.result(20)


async def is_at(run: perdure.Run, step: str | None) -> None:
    while step is not None and not any(part["address"] == step for part in (await run.describe()).live):
        await asyncio.sleep(0.005)


async def has_status(run: perdure.Run, status: str) -> None:
    while (await run.describe()).status != status:
        await asyncio.sleep(0.005)


# -- what a history comes to


def prefixes(run: Reading) -> list[dict[str, Any]]:
    """What each prefix comes to: status, open commands; the whole state in the middle and at the end."""
    found = []
    for count in range(1, len(run.events) + 1):
        state, program = folded(run, count)
        row: dict[str, Any] = {"seq": count, "status": state.status}
        row["outstanding"] = [told(command) for command in outstanding(program, state)]
        if count in (len(run.events) // 2, len(run.events)):
            row["state"] = json.loads(wire.state_to_bytes(state))
        found.append(row)
    return found


def folded(run: Reading, count: int) -> tuple[Any, Any]:
    """The state after so many events, and the program it then has."""
    events = run.events[:count]
    state = fold(run.programs, events)
    return state, run.programs[sum(isinstance(event, Migrated) for event in events)]


def told(command: Any) -> list[Any]:
    """A command by what every release says of it: its kind, its frame, and where, what and when."""
    names = ("frame", "address", "name", "attempt", "key", "due", "event", "arguments", "data", "workflow", "input")
    facts = {name: getattr(command, name) for name in names if hasattr(command, name)}
    return [type(command).__name__, json.loads(json.dumps(facts))]


def main() -> None:
    folder = HERE / (sys.argv[1] if len(sys.argv) > 1 else perdure.__version__)
    folder.mkdir()  # a version's histories are recorded once
    asyncio.run(record(folder))
    print(f"{len(RUNS)} histories in {folder}")


if __name__ == "__main__":
    main()
