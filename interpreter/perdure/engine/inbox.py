"""Letters: what reaches a run from outside, on its way into the journal.

A letter is written by whoever acts on a run (this process or another) and read by the worker that owns it; the commit
that journals its event deletes it. What a run cannot take yet stays a letter: all messages to a run that is paused or
has not begun, and what follows an update that has to wait for those before it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from perdure.core import State, machine
from perdure.core.blocks.child import ChildFrame
from perdure.core.commands import ReplyUpdate
from perdure.core.events import (
    AskAnswered,
    CancelRequested,
    ChildEnded,
    Event,
    EventReceived,
    PauseRequested,
    ResumeRequested,
    SignalReceived,
    SlotGranted,
    SlotRefused,
    TerminateRequested,
    UpdateReceived,
)
from perdure.core.lifecycle import ENDED
from perdure.engine.live import KEEPING, LiveRun
from perdure.engine.migration import Answer
from perdure.engine.tasks import task_event
from perdure.stores.store import Letter, Store
from perdure.values import JSON, decode, encode
from perdure.vault import struck

MESSAGES: Final = ("signal", "event", "update", "answer")
"""Letters that a run which is paused, or has not begun, keeps for later."""
PAGE: Final = 1000


class Inbox:
    """Brings letters to the worker's `runs`. `advance` moves a run by an event, `note` asks for what was decided to be
    written, `failed` is told of faults, `judge` finds the program a migration is to."""

    def __init__(
        self,
        store: Store,
        runs: Mapping[int, LiveRun],
        advance: Callable[[LiveRun, Event], None],
        note: Callable[[LiveRun], None],
        failed: Callable[[LiveRun, Exception], None],
        judge: Callable[[Letter], Awaitable[Answer]],
    ) -> None:
        self._store = store
        self._runs = runs
        self._advance = advance
        self._note = note
        self._failed = failed
        self._judge = judge
        self._answers: dict[int, Answer] = {}

    async def read(self, worker: str) -> None:
        """Bring what has come for the worker's runs. Raises StoreError."""
        after = 0
        while True:
            letters = await self._store.letters(worker, after=after, limit=PAGE)
            for letter in letters:
                if letter.kind == "migrate" and letter.run in self._runs:
                    self._answers[letter.key] = await self._judge(letter)
                run = self._runs.get(letter.run)
                if run is not None:
                    try:
                        self._deliver(run, letter)
                    except Exception as problem:
                        self._failed(run, problem)
            self._answers.clear()
            if len(letters) < PAGE:
                return
            after = letters[-1].key

    def look_again(self, run: LiveRun) -> None:
        """Something has happened: what was put off may be wanted now."""
        deferred, run.deferred = run.deferred, []
        for letter in deferred:
            self._take_in(run, letter)

    def _deliver(self, run: LiveRun, letter: Letter) -> None:
        if run.parking:
            run.missed = True
        if run.parking or letter.key <= run.last_letter or run.state.status in ENDED:
            return
        run.last_letter = letter.key
        self._take_in(run, replace(letter, body=struck(letter.body)))

    def _take_in(self, run: LiveRun, letter: Letter) -> None:
        """A letter becomes an event, is put off, or turns out to mean nothing."""
        if run.state.status in ENDED:
            return
        if self._comes_later(run, letter):
            run.deferred.append(letter)
            return
        if letter.kind == "update":
            self._consider(run, letter)
            return
        if letter.kind == "migrate":
            self._migrate(run, letter)
            return
        if letter.kind == "task":
            event = task_event(run, max(letter.at, run.state.now), decode(letter.body))
        else:
            event = letter_to_event(letter, run.state)
        run.decided.consumed.append(letter.key)
        if isinstance(event, EventReceived) and not machine.expects(run.program, run.state, event.event, event.data):
            event = None
        if event is not None:
            self._advance(run, event)
        else:
            self._note(run)

    def _comes_later(self, run: LiveRun, letter: Letter) -> bool:
        """Whether a message has to wait until the run begins or is resumed, or a signal for updates before it that were
        put off."""
        if run.state.status in KEEPING:
            return letter.kind in MESSAGES
        if letter.kind != "signal" or not run.deferred:
            return False
        updates = [decode(before.body)["update"] for before in run.deferred if before.kind == "update"]
        return machine.follows(run.state, decode(letter.body)["signal"], updates)

    def _migrate(self, run: LiveRun, letter: Letter) -> None:
        """A migration is looked at anew: the run may have gone on since it was asked for."""
        run.decided.consumed.append(letter.key)
        refusal, early = self._answers.pop(letter.key).settle(run)
        if refusal is not None:
            run.decided.refused[letter.id] = encode({"reason": refusal})
        else:
            run.decided.accepted.append(letter.id)
            run.decided.commands.append(ReplyUpdate(letter.id))
        self._note(run)
        for event in early:
            self._advance(run, event)
        self.look_again(run)

    def _consider(self, run: LiveRun, letter: Letter) -> None:
        """An update is journalled once it is accepted; until messages before it are handled it stays a letter."""
        body = decode(letter.body)
        verdict, reason = machine.consider(run.program, run.state, body["update"], body["data"])
        if verdict == "later":
            run.deferred.append(letter)
            return
        run.decided.consumed.append(letter.key)
        if verdict == "refused":
            run.decided.refused[letter.id] = encode({"reason": reason})
            self._note(run)
            return
        run.decided.accepted.append(letter.id)
        at = max(letter.at, run.state.now)
        self._advance(run, UpdateReceived(at, body["update"], body["data"], letter.id))


def letter_to_event(letter: Letter, state: State) -> Event | None:
    """The event a letter stands for; None for one that means nothing (any more) and is only to be deleted."""
    body = decode(letter.body)
    at = max(letter.at, state.now)
    match letter.kind:
        case "signal":
            return SignalReceived(at, body["signal"], body["data"], letter.id)
        case "answer":
            return AskAnswered(at, body["frame"], body["answer"], body["by"])
        case "cancel":
            return CancelRequested(at, body["reason"])
        case "terminate":
            return TerminateRequested(at, body["reason"])
        case "event":
            return EventReceived(at, body["event"], body["data"])
        case "pause":
            return PauseRequested(at, body["note"])
        case "resume":
            return ResumeRequested(at)
        case "child":
            return _child_ended(state, at, body)
        case "slot" if body["frame"] in state.frames:
            return SlotGranted(at, body["frame"]) if body["granted"] else SlotRefused(at, body["frame"], body["reason"])
        case _:
            return None


def _child_ended(state: State, at: int, body: JSON) -> Event | None:
    run = body["run"]
    waiting = _waiting_for(state, run)
    if waiting is not None:
        return ChildEnded(at, waiting, body["status"], body["output"], body["error"])
    if any(child["run"] == run for child in state.children):
        return ChildEnded(at, 0, body["status"], None, None, run)
    return None


def _waiting_for(state: State, child: str) -> int | None:
    """The frame that waits for a child run; none where it was let go."""
    for frame in state.frames.values():
        if isinstance(frame, ChildFrame) and frame.child == child and not frame.node.detach:
            return frame.id
    return None
