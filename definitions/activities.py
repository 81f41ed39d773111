"""The activities that the example definitions call: small stand-ins for real services, all in memory.

They behave alike for alike input, so that the examples always show the same: card 4000 is declined, the feed
`stocks` is down, addresses that end in `.invalid` bounce, the account `closed` takes no money.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import perdure
from perdure import ActivityError, activity


@dataclass(frozen=True)
class Booking:
    id: str
    price: float


@dataclass(frozen=True)
class Receipt:
    id: str
    amount: float


@dataclass(frozen=True)
class Item:
    sku: str
    quantity: int
    price: float


@dataclass(frozen=True)
class Sales:
    day: str
    orders: int
    total: float


@dataclass(frozen=True)
class Expense:
    employee: str
    amount: float
    purpose: str


@activity("flights.book")
async def book_flight(code: str) -> Booking:
    """Book a seat on a flight."""
    return Booking(f"F-{code}", 120.0)


@activity("flights.cancel")
async def cancel_flight(id: str) -> None:
    """Give a seat back."""
    perdure.context().logger.info("flight %s is cancelled", id)


@activity("hotels.book")
async def book_hotel(name: str) -> Booking:
    """Book a room."""
    return Booking(f"H-{name}", 80.0)


@activity("hotels.cancel")
async def cancel_hotel(id: str) -> None:
    """Give a room back."""
    perdure.context().logger.info("hotel %s is cancelled", id)


@activity("payments.charge")
async def charge(card: str, amount: float) -> Receipt:
    """Charge a card. Card 4000 is declined; with card 5000 the bank answers only at the third attempt."""
    attempt = perdure.context().attempt
    if card == "4000":
        raise ActivityError("payments.Declined", "the card was declined", retryable=False)
    if card == "5000" and attempt < 3:
        raise ActivityError("payments.Unavailable", f"the bank does not answer (attempt {attempt})")
    return Receipt(f"R-{card}", amount)


@activity("payments.refund")
async def refund(id: str) -> None:
    """Give a charge back."""
    perdure.context().logger.info("receipt %s is refunded", id)


@activity("orders.validate", read_only=True)
async def validate_order(items: list[Item]) -> list[Item]:
    """Refuse an order without items, or with a quantity that makes no sense."""
    if not items:
        raise ActivityError("orders.Empty", "the order has no items", retryable=False)
    for item in items:
        if item.quantity < 1:
            message = f"{item.quantity} of {item.sku} cannot be ordered"
            raise ActivityError("orders.BadQuantity", message, {"sku": item.sku}, retryable=False)
    return items


@activity("orders.total", read_only=True)
async def total_order(items: list[Item]) -> float:
    """The sum of an order."""
    return round(sum(item.quantity * item.price for item in items), 2)


@activity("mail.send")
async def send_mail(to: str, subject: str, body: str = "") -> dict[str, str]:
    """Send a mail; addresses that end in .invalid bounce."""
    if to.endswith(".invalid"):
        raise ActivityError("mail.Bounced", f"{to} does not exist", retryable=False)
    perdure.context().logger.info("mail to %s: %s", to, subject)
    return {"to": to, "subject": subject}


@activity("expenses.record")
async def record_expense(expense: Expense, approved: bool, by: str | None = None) -> dict[str, bool | str | None]:
    """Write a decision into the books."""
    return {"approved": approved, "by": by, "employee": expense.employee}


@activity("accounts.create")
async def create_account(user: str, system: str) -> str:
    """Open an account; the system `legacy` is closed for new ones."""
    if system == "legacy":
        raise ActivityError("accounts.Closed", f"{system} takes no new accounts", retryable=False)
    return f"{user}@{system}"


@activity("accounts.delete")
async def delete_account(account: str) -> None:
    """Remove an account; one that is not there is no error."""
    perdure.context().logger.info("account %s is deleted", account)


@activity("dashboard.fetch", read_only=True)
async def fetch(feed: str) -> dict[str, str | int]:
    """Read a feed; the feed `stocks` is down."""
    await asyncio.sleep(0.05)
    if feed == "stocks":
        raise ActivityError("dashboard.Down", f"{feed} does not answer")
    return {"feed": feed, "entries": len(feed)}


@activity("dashboard.render", read_only=True)
def render(title: str, panels: dict[str, str]) -> str:
    """A page of plain text, one line a panel."""
    return "\n".join([title, *(f"{name}: {text}" for name, text in panels.items())])


@activity("campaign.recipients", read_only=True)
async def recipients(segment: str, count: int = 25) -> list[str]:
    """The addresses of a segment; every tenth no longer exists."""
    return [f"{segment}{n}@{'gone.invalid' if n % 10 == 9 else 'example.com'}" for n in range(count)]


@activity("reports.sales", read_only=True)
async def sum_sales(until: str) -> Sales:
    """What was sold on the day before a time; by the calendar, busier towards the end of a month."""
    day = datetime.fromisoformat(until).date() - timedelta(days=1)
    return Sales(day.isoformat(), 10 * day.day, 199.5 * day.day)


class Trials:
    """Trial accounts, by user."""

    def __init__(self) -> None:
        self._upgraded: set[str] = set()

    async def setup(self) -> None:
        """Where a real service would open its connection."""
        self._upgraded.add("vip")

    async def teardown(self) -> None:
        self._upgraded.clear()

    @activity(read_only=True)
    async def status(self, user: str) -> dict[str, str | bool]:
        """Whether a user has subscribed by now."""
        return {"user": user, "subscribed": user in self._upgraded}

    async def close(self, user: str) -> str:
        """End a trial."""
        return f"the trial of {user} has ended"


activity("trials")(Trials)


@activity("rates.fetch", read_only=True)
async def fetch_rate(source: str, target: str) -> float:
    """What one unit of a currency is worth in another."""
    worth = {"EUR": 1.0, "USD": 0.9, "GBP": 1.2}
    for currency in (source, target):
        if currency not in worth:
            raise ActivityError("rates.Unknown", f"{currency} is not traded", retryable=False)
    return round(worth[source] / worth[target], 4)


class Ledger:
    """Accounts, by name. A booking reads, thinks and writes: two at once on one account would lose one, which is what
    the locks of `account-transfer` are for. Under one idempotency key it books once."""

    async def setup(self) -> None:
        self._balances: dict[str, float] = {"ana": 100.0, "bo": 50.0}
        self._booked: dict[str, float] = {}

    async def withdraw(self, account: str, amount: float) -> float:
        """Take money from an account; the new balance."""
        if self._balances.get(account, 0.0) < amount:
            raise ActivityError("ledger.Overdrawn", f"{account} does not have {amount}", retryable=False)
        return await self._book(account, -amount)

    async def deposit(self, account: str, amount: float) -> float:
        """Put money into an account; the new balance."""
        if account == "closed":
            raise ActivityError("ledger.Closed", f"{account} takes no money", retryable=False)
        return await self._book(account, amount)

    @activity(read_only=True)
    async def balance(self, account: str) -> float:
        """What an account has."""
        return self._balances.get(account, 0.0)

    async def _book(self, account: str, amount: float) -> float:
        key = perdure.context().idempotency_key
        if key not in self._booked:
            before = self._balances.get(account, 0.0)
            await asyncio.sleep(0.002)
            self._balances[account] = self._booked[key] = round(before + amount, 2)
        return self._booked[key]


activity("ledger")(Ledger)
