"""The activities that the definitions call: put real services in their place."""

from __future__ import annotations

from dataclasses import dataclass

from perdure import ActivityError, activity


@dataclass(frozen=True)
class Reservation:
    id: str
    price: int


@dataclass(frozen=True)
class Receipt:
    id: str


@dataclass(frozen=True)
class Parcel:
    id: str


@activity("stock.reserve")
async def reserve(item: str) -> Reservation:
    """Put an item aside."""
    return Reservation(f"S-{item}", 20)


@activity("stock.release")
async def release(reservation: str) -> None:
    """Put it back."""


@activity("payments.charge")
async def charge(card: str, amount: int) -> Receipt:
    """Charge a card. The card 4000 is declined."""
    if card == "4000":
        raise ActivityError("payments.Declined", "the card was declined", retryable=False)
    return Receipt(f"R-{card}-{amount}")


@activity("parcels.send")
async def send(reservation: str) -> Parcel:
    """Send what was reserved."""
    return Parcel(f"P-{reservation}")
