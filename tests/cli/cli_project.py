"""What a project of the command line's tests consists of, and `perdure` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

ACTIVITIES = '''
import asyncio, os, sys
from pathlib import Path
from perdure import ActivityError, activity


@activity("flights.book")
async def book_flight(code: str) -> dict:
    print("a line from an activity")
    os.system("echo a line from a child process")
    return {"id": f"F-{code}", "price": 120}


@activity("flights.cancel")
async def cancel_flight(id: str) -> None:
    """Give a seat back."""


@activity("hotels.book")
async def book_hotel(name: str) -> dict:
    return {"id": f"H-{name}", "price": 80}


@activity("hotels.cancel")
async def cancel_hotel(id: str) -> None:
    """Give a room back."""


@activity("payments.charge")
async def charge(card: str, amount: float) -> dict:
    """Charge a card."""
    if card == "4000":
        raise ActivityError("payments.Declined", "the card was declined", retryable=False)
    return {"id": f"R-{card}"}


@activity("files.note")
async def note(file: str, text: str) -> None:
    with Path(file).open("a") as notes:
        notes.write(text + "\\n")


@activity("files.wait")
async def wait_for_file(file: str) -> str:
    """Return once the file is there."""
    while not Path(file).exists():
        await asyncio.sleep(0.01)
    return Path(file).read_text()


@activity("text.say")
async def say(text: str) -> str:
    return text
'''

BOOK_TRIP = """
workflow: book-trip
version: "2.1"
input:
  type: object
  required: [flight, hotel, card]
  properties:
    flight: {type: string}
    hotel: {type: string}
    card: {type: string}
timeout: 10m
steps:
  - id: flight
    activity: flights.book
    with: {code: "{{ input.flight }}"}
    timeout: 30s
    retry: {attempts: 3, backoff: exponential, delay: 1s}
    compensate: {activity: flights.cancel, with: {id: "{{ steps.flight.id }}"}}
  - id: hotel
    activity: hotels.book
    with: {name: "{{ input.hotel }}"}
    timeout: 30s
    compensate: {activity: hotels.cancel, with: {id: "{{ steps.hotel.id }}"}}
  - id: charge
    activity: payments.charge
    with: {card: "{{ input.card }}", amount: "{{ steps.flight.price + steps.hotel.price }}"}
    timeout: 30s
output: {flight: "{{ steps.flight.id }}", receipt: "{{ steps.charge.id }}"}
"""

APPROVAL = """
workflow: approval
input: {type: object, properties: {file: {type: string}}}
steps:
  - id: before
    activity: text.say
    with: {text: begun}
    timeout: 30s
  - id: approval
    wait: {signal: approve, timeout: 7d}
output: {by: "{{ steps.approval.by }}"}
"""

QUESTION = """
workflow: question
steps:
  - id: decision
    ask: {prompt: "May we?", choices: [approve, reject], of: manager, timeout: 3d}
output: "{{ steps.decision }}"
"""

GATE = """
workflow: gate
input: {type: object, required: [notes, gate], properties: {notes: {type: string}, gate: {type: string}}}
steps:
  - id: first
    activity: files.note
    with: {file: "{{ input.notes }}", text: first}
    timeout: 30s
  - id: hold
    activity: files.wait
    with: {file: "{{ input.gate }}"}
    timeout: 5m
  - id: last
    activity: files.note
    with: {file: "{{ input.notes }}", text: last}
    timeout: 30s
output: "{{ steps.hold }}"
"""

DEFINITIONS = {"book-trip": BOOK_TRIP, "approval": APPROVAL, "question": QUESTION, "gate": GATE}
TRIP = ("-i", "flight=LH1", "-i", "hotel=Ritz")
PERDURE = (sys.executable, "-c", "from perdure.cli import main; main()")
PATIENCE = 30.0
"""Seconds after which something that must happen has not."""


def document(result: Result) -> Any:
    """The one JSON document on standard output."""
    return json.loads(result.stdout)


class Process:
    """`perdure` as a process of its own."""

    def __init__(self, root: Path, words: tuple[str, ...], **options: Any) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.popen = subprocess.Popen(
            [*PERDURE, *words], cwd=root, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def ended(self) -> tuple[int, str, str]:
        """Exit code, standard output, standard error, once it has ended."""
        out, err = self.popen.communicate(timeout=PATIENCE)
        return self.popen.returncode, out, err

    def line(self, text: str) -> str:
        """The next line of standard error that contains the text."""
        assert self.popen.stderr is not None
        seen = []
        for line in self.popen.stderr:
            seen.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} is not in {''.join(seen)!r}")

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)


def eventually(happened: Callable[[], Any]) -> Any:
    """What `happened` gives as soon as it is true; the outer world has no virtual clock."""
    until = time.monotonic() + PATIENCE
    while not (found := happened()):
        assert time.monotonic() < until, "it has not happened"
        time.sleep(0.02)
    return found


def followed(perdure: Callable[..., Result], *words: str, until: str = "waiting") -> Result:
    """What `run …` or `runs watch …` gives when it stops following, once it has said `until`: a machine under load may
    need more than one try to get that far."""

    def follow() -> Result | None:
        result = perdure(*words, "--timeout", "200ms")
        assert result.exit_code == 6, result.stderr
        return result if until in result.stderr else None

    return eventually(follow)
