"""A handle on one run: ask how it stands, wait for it, act on it. Works from any process on the same store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

from perdure.core import State, wire
from perdure.core.events import RunStarted
from perdure.core.outcomes import new_error
from perdure.engine import forking, migration
from perdure.engine.commits import farewells
from perdure.engine.copying import history_of
from perdure.engine.describing import Still, cause_of, facts_of, run_facts
from perdure.engine.history import annotate
from perdure.engine.inbox import MESSAGES
from perdure.engine.records import RunInfo, iso
from perdure.engine.starting import check_json
from perdure.engine.transfer import export_run
from perdure.engine.view import live_parts
from perdure.engine.watching import End
from perdure.errors import (
    ExpressionError,
    InvalidInput,
    RunCancelled,
    RunConflict,
    RunFailed,
    RunTerminated,
    StoreError,
    UnknownRun,
    UpdateRejected,
)
from perdure.schemas import check_value
from perdure.stores.store import Closing, Commit, OpenAsk, RunRow, UpdateRow
from perdure.values import JSON, decode, encode

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.definition import Definition
    from perdure.engine.engine import Engine


class Run:
    """One run, by its id."""

    def __init__(self, engine: Engine, id: str) -> None:
        self._engine = engine
        self.id = id

    def __repr__(self) -> str:
        return f"<Run {self.id}>"

    async def result(self, timeout: float | None = None) -> JSON:
        """The run's output, once it has completed.

        Raises RunFailed, RunCancelled or RunTerminated for a run that ended so; TimeoutError when it has not ended
        within `timeout` seconds (the run goes on); UnknownRun.
        """
        if timeout is None:
            end = await self._end()
        else:
            async with asyncio.timeout(timeout):
                end = await self._end()
        outcome = decode(end.outcome)
        if end.status == "completed":
            return outcome["output"]
        kind = {"cancelled": RunCancelled, "terminated": RunTerminated}.get(end.status, RunFailed)
        error = outcome["error"]
        raise kind(
            f"run {self.id} {end.status}: {error['type']}: {error['message']}",
            run=self.id,
            error=error,
            undone=outcome["undone"],
            not_undone=outcome["not_undone"],
        )

    async def _end(self) -> End:
        """How it has ended, or the last of those that went on as it."""
        end = await self._engine._end(self.id)
        while end.status == "continued":
            end = await self._engine._end(await self._successor(end.id))
        return end

    async def _successor(self, id: str) -> str:
        """The id of the run that went on where one called `id~N` ended: `id~N+1` if it has been followed too."""
        name, _, number = id.rpartition("~")
        follower = f"{name}~{int(number) + 1}"
        return name if await self._engine._store.find(follower) is None else follower

    async def describe(self) -> RunInfo:
        """How the run stands: as the store knows it, whoever is working on it."""
        row = await self._engine._row(self.id)
        if row.closed_at is not None:
            return await self._closed(row)
        try:
            program = await self._engine._programs.get(row.digest)
            state = await self._state(row)
        except Exception:
            if row.status != "stuck":
                raise
            return RunInfo(**facts_of(row), error=cause_of(row), asks=await self._engine.asks(self.id))
        return RunInfo(
            **facts_of(row),
            input=state.input,
            begins_at=iso(state.begins) if _waits_to_begin(state) else None,
            error=cause_of(row),
            attempt=state.run["attempt"],
            undone=state.undone,
            not_undone=state.not_undone,
            recorded=state.recorded,
            live=live_parts(program, state),
            asks=await self._engine.asks(self.id),
            unread=[{"signal": s.signal, "data": s.data, "at": iso(s.at)} for s in state.signals],
        )

    async def history(self) -> list[dict[str, JSON]]:
        """Every event of the run in order: {seq, at, event, step, …}."""
        found = await history_of(self._engine, self.id)
        return annotate(found.programs, [(seq, event.at, event) for seq, event in enumerate(found.events, 1)])

    async def signal(self, name: str, data: JSON = None, *, id: str | None = None) -> None:
        """Send a signal; on return it is durable. The same `id` again is the same signal.

        Raises RunConflict where the run has ended, UnknownRun, InvalidInput.
        """
        if not isinstance(name, str) or not name:
            raise InvalidInput("a signal's name is a text")
        check_json(data, "the signal's data")
        await self._post("signal", {"signal": name, "data": data}, id)

    async def update(self, name: str, data: JSON = None, *, id: str | None = None, wait: str = "completed") -> JSON:
        """Send an update to the run's `receive`, and wait until it is handled: its reply.

        With `wait="accepted"` only until it is accepted: its id. The same `id` again is the same update, whatever has
        become of it. Raises UpdateRejected where it is refused or its handler fails, UnknownRun.
        """
        if wait not in ("accepted", "completed"):
            raise InvalidInput(f"wait is accepted or completed, not {wait}")
        if not isinstance(name, str) or not name:
            raise InvalidInput("an update's name is a text")
        check_json(data, "the update's data")
        letter = id or uuid4().hex
        known = None if id is None else await self._engine._store.update(self.id, letter)
        if known is None:
            try:
                await self._post("update", {"update": name, "data": data}, letter)
            except RunConflict:
                if id is None or await self._engine._store.update(self.id, letter) is None:
                    raise  # else somebody else has sent it, and the run has ended since
        reply = await self._replied(letter, wait)
        return letter if wait == "accepted" else reply

    async def query(self, name: str) -> JSON:
        """The value of one of the definition's `queries`, over what the run has published; of closed runs too.

        Never changes the run. Raises InvalidInput for a name that the definition does not have.
        """
        row = await self._engine._row(self.id)
        program = await self._engine._programs.get(row.digest)
        if name not in program.queries:
            names = ", ".join(program.queries) or "none"
            raise InvalidInput(f"{row.workflow} has no query {name} (it has: {names})")
        if row.closed_at is not None:
            outcome = decode(row.outcome or b"{}")
            published = outcome.get("published")
            facts: dict[str, JSON] = run_facts(row, outcome)
            now = row.closed_at
        else:
            state = await self._state(row)
            published, facts, now = state.published, state.run, state.now
        try:
            return program.queries[name].evaluate({"state": published, "run": facts}, Still(now))
        except ExpressionError as problem:
            raise InvalidInput(f"the query {name} cannot be answered now: {problem}") from None

    async def pause(self, note: str | None = None) -> None:
        """Let the run begin nothing new until it is resumed; what is running ends, messages are kept, timers go on."""
        await self._post("pause", {"note": note}, None)

    async def cancel(self, reason: str | None = None) -> None:
        """Ask the run to stop: what is inside unwinds, what it did is undone, then it is cancelled."""
        await self._post("cancel", {"reason": reason}, None)

    async def terminate(self, reason: str | None = None) -> None:
        """End the run at once; nothing unwinds and nothing is undone."""
        row = await self._open_row()
        if row.status == "stuck":
            await self._terminate_stuck(row, reason)
        else:
            await self._post("terminate", {"reason": reason}, None)

    async def _terminate_stuck(self, row: RunRow, reason: str | None) -> None:
        """Nobody moves it, so it is ended from here; what its state says is heeded as far as it can be read."""
        now = self._engine._clock.now()
        try:
            state = await self._state(row)
            children, published, attempt = state.children, state.published, state.run["attempt"]
        except Exception:
            children, published, attempt = [], None, 1
        error = new_error("Terminated", reason or "the run was terminated")
        outcome = {
            "error": error,
            "undone": [],
            "not_undone": [],
            "unread": [],
            "recorded": [],
            "published": published,
            "attempt": attempt,
        }
        closing = Closing("terminated", now, encode(outcome))
        ended = encode({"reason": "the run has ended: it is terminated"})
        letters = farewells(row, children, "terminated", outcome, now)
        await self._commit(Commit(row.key, closing=closing, ended=ended, letters=letters))

    async def resume(self) -> None:
        """Let a paused run go on, or a stuck one after its cause was mended."""
        row = await self._open_row()
        if row.status != "stuck":
            await self._post("resume", {}, None)
            return
        now = self._engine._clock.now()
        await self._commit(Commit(row.key, status="running", release=True, wake_at=now, recoveries=0))

    async def delete(self) -> None:
        """Delete the run, which has ended, and everything of it: its history, its messages, its place in lists.

        Raises RunConflict while it is open, UnknownRun. Its id is free then, and what it was sent is no longer known.
        """
        row = await self._engine._row(self.id)
        if row.closed_at is None:
            raise RunConflict(f"the run {self.id} is {row.status}: only one that has ended is deleted", run=self.id)
        if not await self._engine._store.delete(row.key):
            raise UnknownRun(f"no run has the id {self.id}", run=self.id)

    async def retry(self) -> Run:
        """Let a run that failed, or was cancelled or terminated, go on under its id from just before that.

        What had completed by then stays completed; what was under way begins again, and what had been due is due as
        much later as the run stood still. Raises RunConflict, which says why, where that cannot be: where steps were
        undone since, or where a step that may run only once would run again. UnknownRun, StoreError.
        """
        await forking.retry(self._engine, self.id)
        return self

    async def fork(self, step: str, *, id: str | None = None, definition: str | Path | Definition | None = None) -> Run:
        """A new run that goes on from the moment `step` completed (the last time, in a loop), with all results so far.

        `step` is an id, an address, or an address with turns (`each[2]/book`). The run itself stays as it is. With a
        `definition` the new run moves to it, as with `migrate`. What the copied steps registered to be undone, the
        new run undoes when it fails. Raises RunConflict, DefinitionError, FileNotFoundError, UnknownRun, StoreError.
        """
        found = None if definition is None else self._engine._definitions.checked(definition)
        return self._engine.run(await forking.fork(self._engine, self.id, step, id, found))

    async def migrate(self, definition: str | Path | Definition) -> None:
        """Let the open run go on with another definition, which is deployed; on return it has moved.

        Some process must be moving the run; a stuck run is moved at once, and goes on. Raises RunConflict, with
        everything that is in the way and both places of it, DefinitionError, FileNotFoundError, UnknownRun, StoreError.
        """
        await migration.migrate(self._engine, self.id, self._engine._definitions.checked(definition))

    async def export(self) -> list[str]:
        """The run as lines of JSON, with its whole history and its definitions, for `Engine.import_run`."""
        return await export_run(self._engine, self.id)

    async def answer(self, step: str, value: JSON, *, by: str | None = None) -> None:
        """Answer an open question, by the step's address, or by its id while only one question is open there.

        Raises InvalidInput where the answer does not fit the form, RunConflict where the question is not open.
        """
        check_json(value, "the answer")
        row = await self._open_row()
        found = await self._question(step)
        form = decode(found.ask.body)["form"]
        problems = [] if form is None else check_value(form, value)
        if problems:
            raise InvalidInput(f"the answer does not fit: {'; '.join(problems)}", problems=problems)
        body = encode({"frame": found.ask.frame, "answer": value, "by": by})
        now = self._engine._clock.now()
        # One letter per question: a reminder may show it again between an answer and its journalling.
        letter = f"answer/{row.key}/{found.ask.frame}"
        if not await self._engine._store.answer(row.id, found.ask.frame, body, id=letter, at=now):
            raise RunConflict(f"the question of {step} is not open any more", run=self.id)
        self._engine._poke()

    async def _replied(self, update: str, wait: str) -> JSON:
        """What became of an update, once it is as far as one wants to wait."""
        row = await self._engine._watching.until(self.id, lambda: self._settled(update, wait), update)
        body = {} if row.body is None else decode(row.body)
        if row.status == "refused":
            raise UpdateRejected(f"the update was refused: {body.get('reason')}", run=self.id)
        error = body.get("error")
        if error is not None and wait == "completed":
            raise UpdateRejected(f"the update failed: {error['type']}: {error['message']}", run=self.id)
        return body.get("value")

    async def _settled(self, update: str, wait: str) -> UpdateRow | None:
        """The update's row once it is as far; none while it is not."""
        row = await self._engine._store.update(self.id, update)
        if row is None:
            raise UpdateRejected(f"the run {self.id} knows no update {update}", run=self.id)
        enough = ("refused", "completed", "accepted") if wait == "accepted" else ("refused", "completed")
        return row if row.status in enough else None

    # -- what reaches the run from outside

    async def _commit(self, commit: Commit) -> None:
        [answer] = await self._engine._store.commit([commit])
        if isinstance(answer, StoreError):
            raise answer
        self._engine._poke()

    async def _post(self, kind: str, body: JSON, id: str | None) -> None:
        store, now = self._engine._store, self._engine._clock.now()
        letter, patient = id or f"~{uuid4().hex}", kind in MESSAGES
        row = await store.post(self.id, kind, encode(body), id=letter, at=now, patient=patient)
        if row is None:
            raise UnknownRun(f"no run has the id {self.id}", run=self.id)
        if row.closed_at is not None:
            raise RunConflict(f"the run {self.id} has ended: it is {row.status}", run=self.id)
        self._engine._poke()

    async def _state(self, row: RunRow) -> State:
        """What the journal of an open run comes to."""
        return (await migration.stored(self._engine, row))[0]

    async def _open_row(self) -> RunRow:
        row = await self._engine._row(self.id)
        if row.closed_at is not None:
            raise RunConflict(f"the run {self.id} has ended: it is {row.status}", run=self.id)
        return row

    async def _question(self, step: str) -> OpenAsk:
        asks = await self._engine._store.asks(self.id)
        exact = [found for found in asks if found.ask.address == step]
        named = exact or [found for found in asks if _last(found.ask.address) == step]
        if not named:
            open_ones = ", ".join(found.ask.address for found in asks) or "none"
            raise RunConflict(f"no question is open at {step} (open: {open_ones})", run=self.id)
        if len(named) > 1:
            places = ", ".join(found.ask.address for found in named)
            raise RunConflict(f"several questions are open at {step}; name one by its address: {places}", run=self.id)
        return named[0]

    async def _closed(self, row: RunRow) -> RunInfo:
        [(_, at, event)] = await self._engine._store.history(row.key, limit=1)
        first = wire.event_from_bytes(at, event)
        assert isinstance(first, RunStarted)
        outcome = decode(row.outcome or b"{}")
        waiting = await self._engine._store.letters_of(row.key)
        late = [
            {"signal": body["signal"], "data": body["data"], "at": iso(letter.at)}
            for letter, body in ((letter, decode(letter.body)) for letter in waiting if letter.kind == "signal")
        ]
        return RunInfo(
            **facts_of(row),
            input=first.input,
            attempt=outcome.get("attempt", 1),
            output=outcome.get("output"),
            error=outcome.get("error"),
            undone=outcome.get("undone", []),
            not_undone=outcome.get("not_undone", []),
            recorded=outcome.get("recorded", []),
            unread=[*outcome.get("unread", []), *late],
        )


def _last(address: str) -> str:
    return address.rpartition("/")[2]


def _waits_to_begin(state: State) -> bool:
    root = state.frames.get(state.root)
    return root is not None and root.due is not None
