"""The oracle: a slow and simple evaluator of definitions, written from the reference alone.

Every step is a coroutine on a virtual clock; what goes on beside it is a task. Modifiers stand here, kinds in `kinds`,
`groups`, `messages` and `receiving`. It shares with the machine only expressions, the parsed tree of steps and fakes.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from posixpath import dirname, join, normpath
from typing import Any

from ground import Failed, Leaving, Place, Scope, Undo, failure, fits, with_cause
from groups import Groups
from guards import Guards, Hold
from kinds import Kinds, Running
from messages import Messages
from receiving import Receives
from virtual import FIRST, LOST, OUTSIDE, TIMERS, Clock, Future, Stopped

from perdure.definition.models import Document, Library, Step, StepList, read_document
from perdure.errors import ExpressionError
from perdure.expressions import compile_expression, compile_template
from perdure.schemas import check_value
from perdure.testing.activities import Fake
from perdure.values import parse_duration

JSON = Any
OPEN = ("running", "paused")


class Oracle(Kinds, Groups, Messages, Receives, Guards):
    """One run of a definition, the first of its `files`; fakes as the harness takes them. `calls`, `undone` and the
    like are what came of it."""

    def __init__(self, files: dict[str, Any], fake: Fake, input: JSON, start: int, *, post: Fake, child: Fake) -> None:
        main, document = next(iter(files.items()))
        self.document: Document = read_document(main, document, Library(files, dict(imports(files))))
        self.ids = {step.keys["id"] for step in self.document.walk() if "id" in step.keys}
        self.clock = Clock(start)
        self.fake, self.post, self.child = fake, post, child
        self.input = input
        self.status = "running"
        self.output: JSON = None
        self.error: JSON = None
        self.vars: dict[str, JSON] = {}
        self.run = {"id": "run", "workflow": document["workflow"], "version": None, "attempt": 1}
        self.published: JSON = None
        self.queried: list[str] = []
        self.calls: list[tuple[Any, ...]] = []
        self.letters: list[tuple[Any, ...]] = []
        self.running: list[Running] = []
        self.undos: list[Undo] = []
        self.count = 0
        self.undone: list[str] = []
        self.not_undone: list[JSON] = []
        self.recorded: list[JSON] = []
        self.cancelled = False
        self.told = False
        self.ending = False
        self.resumed = Future(self.clock)
        self.kept: list[Callable[[], None]] = []
        self.prepare_messages()
        self.prepare_guards()

    # -- the run

    def go(self) -> Oracle:
        self.root = self.clock.begin(self.whole())
        verdict = self.clock.begin(self.verdict())
        self.clock.run(lambda: self.status not in OPEN)
        self.clock.run_outside()
        if verdict.ended.error is not None:
            raise verdict.ended.error
        return self

    async def whole(self) -> JSON:
        place = Place(Scope(None), {}, self.input)
        keys = self.document.keys
        try:
            self.vars = self.value(self.document.keys.get("vars", {}), place, None)
        except Failed as failed:
            self.ending = True
            raise Failed(failed.error, deadly=True) from None
        return await self.closing(self.document.root, {"whole": True, **keys}, place)

    async def verdict(self) -> None:
        """What the run has come to, after its undos have run."""
        failed, value, status = None, None, "completed"
        try:
            value = await self.root.ended
        except Stopped:
            pass
        except Failed as error:
            failed = error
        except Leaving as leaving:
            value, status = leaving.value, "continued" if leaving.way == "restart" else "completed"
            self.cancelled = False
        self.ending = True
        if self.cancelled:
            if failed is not None:
                self.record(failed)
            failed = failure("Cancelled", "")
        schema = self.document.keys.get("output_schema", True)
        if failed is None and status == "completed" and check_value(schema, value):
            failed = failure("InvalidOutput", "")
        if failed is not None:
            await self.undo(lambda undo: True)
            self.error = failed.error
            self.end("cancelled" if self.cancelled else "failed")
        else:
            self.output = value
            self.end(status)

    def end(self, status: str) -> None:
        self.status = status
        self.refuse_all()
        for action in self.kept:
            action()

    def record(self, failed: Failed) -> None:
        self.recorded.append(failed.error)

    def labels(self) -> dict[str, str] | None:
        """What the run can be searched by, as it is when it begins; None where it cannot be said."""
        keys = self.document.keys
        place = Place(Scope(None), {}, self.input)
        first = {}
        with suppress(Failed):
            first = self.value(keys.get("vars", {}), place, None)
        try:
            written = compile_template(keys.get("labels", {}))
            found = written.evaluate({"input": self.input, "run": self.run, "vars": first}, self)  # type: ignore[arg-type]
        except ExpressionError:
            return None
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}

    # -- what happens to it from outside

    def cancel(self) -> None:
        if self.status in OPEN and not self.told:
            self.cancelled = not self.ending
            self.told = True
            self.root.stop()
            self.clock.at(self.clock.now, FIRST, self.resume)

    def terminate(self) -> None:
        if self.status in OPEN:
            self.error = failure("Terminated", "").error
            for waiter in self.waiters:
                self.unread.extend(waiter.unhandled())
            self.unread.sort(key=lambda signal: signal.order)
            self.end("terminated")

    def pause(self) -> None:
        if self.status == "running" and not self.told:
            self.status = "paused"
            self.resumed = Future(self.clock)

    def resume(self) -> None:
        if self.status == "paused":
            self.status = "running"
            self.resumed.set()
            self.waiting_for_resume, held = [], self.waiting_for_resume
            for future in held:
                future.set()
            kept, self.kept = self.kept, []
            for action in kept:
                self.clock.at(self.clock.now, OUTSIDE, action)

    def crash(self, down: int) -> None:
        """The worker dies, and `down` later another takes over: attempts that were running are lost, those that began
        first at first; all else goes on, and what has happened meanwhile is seen then."""
        if self.status in OPEN:
            self.clock.skip(down)
            for running in self.running:
                self.clock.at(self.clock.now, LOST, running.lose)

    def query(self, name: str) -> JSON:
        """What a query gives, of an open run or one that has ended; raises ExpressionError."""
        names = {"state": self.published, "run": self.run}
        return compile_expression(self.document.keys["queries"][name]).evaluate(names, self)  # type: ignore[arg-type]

    async def hold(self) -> None:
        """Nothing new begins while the run is paused."""
        while self.status == "paused":
            future = Future(self.clock)
            self.waiting_for_resume.append(future)
            await self.clock.wait(future)

    # -- expressions

    def names(self, place: Place) -> dict[str, JSON]:
        steps = dict.fromkeys(self.ids) | place.scope.all()
        bound = {name: value() if callable(value) else value for name, value in place.names.items()}
        mine = self.vars if place.vars is None else place.vars
        return {"input": place.input, "steps": steps, "vars": mine, "run": self.run, **bound}

    def value(self, written: JSON, place: Place, step: Step | None) -> JSON:
        try:
            return copy.deepcopy(compile_template(written).evaluate(self.names(place), self))  # type: ignore[arg-type]
        except ExpressionError as error:
            raise self.failed("ExpressionFailed", str(error), step, place) from None

    def expression(self, written: JSON, place: Place, step: Step | None) -> JSON:
        if not isinstance(written, str):
            return written
        try:
            return copy.deepcopy(compile_expression(written).evaluate(self.names(place), self))  # type: ignore[arg-type]
        except ExpressionError as error:
            raise self.failed("ExpressionFailed", str(error), step, place) from None

    def holds(self, written: JSON, place: Place, step: Step | None) -> bool:
        value = self.expression(written, place, step)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.failed("ExpressionFailed", "", step, place)

    def span(self, written: JSON, place: Place, step: Step) -> int:
        try:
            return parse_duration(self.value(written, place, step))
        except ValueError:
            raise self.failed("ExpressionFailed", "", step, place) from None

    def failed(self, type: str, message: str, step: Step | None, place: Place, **more: JSON) -> Failed:
        label = None if step is None or not step.path else self.label(step, place)
        return failure(type, message, step=label, **more)

    def label(self, step: Step, place: Place) -> str:
        """The id where it is unique, else the address with the turns of loops."""
        if not step.shared and "id" in step.keys:
            return str(step.keys["id"])
        return self.address(step, place)

    def address(self, step: Step, place: Place) -> str:
        address = step.address
        for loop, turn in reversed(place.turns):
            if address.startswith(f"{loop}/"):  # what a handler gives its `receive` fails there, not inside
                address = f"{loop}[{turn}]{address[len(loop) :]}"
        return address

    # -- steps and their modifiers, from the outside in

    async def steps(self, found: StepList | None, place: Place) -> JSON:
        """A list of steps in order."""

        async def in_order(place: Place) -> JSON:
            value = None
            await self.hold()
            for step in found.steps if found else ():
                if self.clock.stopping:
                    raise Stopped
                value = await self.step(step, place)
            return value

        return await self.keeping(in_order, place)

    async def keeping(self, work: Callable[[Place], Coroutine[Future, None, JSON]], place: Place) -> JSON:
        """A block: what a group inside has left running is waited for at the end."""
        value = None
        late: list[Any] = []
        assert self.clock.current is not None
        left: Exception | None = None
        try:
            value = await work(place.with_(late=late, keeper=self.clock.current))
        except (Failed, Stopped, Leaving) as error:
            left = error
            for member in late:
                member.task.stop()
        for member in late:
            await self.clock.wait(member.task.ended, lambda: None)
            if member.leaving and not isinstance(left, Leaving):
                left = member.leaving
        if left is not None:
            raise left
        return value

    async def step(self, step: Step, place: Place) -> JSON:
        keys = self.keys_of(step)
        value = None
        await self.hold()
        if "if" not in keys or self.holds(keys["if"], place, step):
            value = await self.guarded(step, keys, place)
        self.note(step, place, value)
        return value

    def keys_of(self, step: Step) -> Mapping[str, JSON]:
        defaults = self.document.keys.get("defaults", {})
        if step.kind != "activity":
            return step.keys
        fitting = [pattern for pattern in defaults if fits([pattern], step.keys["activity"])]
        fitting.sort(key=lambda pattern: ("*" not in pattern, len(pattern.replace("*", ""))))
        return {**(defaults[fitting[-1]] if fitting else {}), **step.keys}

    def note(self, step: Step, place: Place, value: JSON) -> None:
        if "id" in step.keys:
            place.scope.results[step.keys["id"]] = value
            place.scope.marks[step.keys["id"]] = (self.count, place.lane)

    async def closing(self, step: Step, keys: Mapping[str, JSON], place: Place) -> JSON:
        """`finally`."""
        if "finally" not in keys:
            return await self.catching(step, keys, place)
        value, earlier = None, None
        try:
            value = await self.catching(step, keys, place)
        except (Failed, Stopped, Leaving) as left:
            earlier = left
        try:
            await self.clock.shield(self.steps(one(step, "finally"), place.with_(scope=Scope(place.scope))))
        except Failed as failed:
            raise Failed(with_cause(failed, earlier).error, failed.final) from None
        if earlier is not None:
            raise earlier
        return value

    async def catching(self, step: Step, keys: Mapping[str, JSON], place: Place) -> JSON:
        region = object()
        inside = place.with_(regions=(*place.regions, region))
        try:
            return await self.limited(step, keys, inside)
        except Failed as failed:
            if self.clock.stopping or failed.deadly:
                raise
            caught = failed
        for index, owner in enumerate(keys.get("catch", ())):
            names = {"error": caught.error, owner.get("as", "error"): caught.error}
            within = place.with_(names={**place.names, **names})
            try:
                if fits(owner.get("errors", ["*"]), caught.error["type"]) and (
                    "if" not in owner or self.holds(owner["if"], within, step)
                ):
                    if owner.get("compensate"):
                        await self.clock.shield(self.undo(lambda undo: region in undo.regions, place.holds))
                    return await self.steps(one(step, "catch", str(index)), within)
            except Failed as failed:
                raise with_cause(failed, caught) from None
        raise caught

    async def limited(self, step: Step, keys: Mapping[str, JSON], place: Place) -> JSON:
        """`timeout.total`, around all attempts."""
        limit = keys.get("timeout")
        total = limit.get("total") if isinstance(limit, dict) else limit
        return await self.within(total, lambda: self.retrying(step, keys, place), step, place, 1)

    async def within(
        self, limit: JSON, work: Callable[[], Coroutine[Future, None, JSON]], step: Step, place: Place, attempt: int
    ) -> JSON:
        if limit is None:
            return await work()
        span = self.span(limit, place, step)
        task = self.clock.begin(work())
        expired = False

        def expire() -> None:
            nonlocal expired
            if not task.ended.done:
                expired = True
                task.stop()

        self.clock.at(self.clock.now + span, TIMERS, expire)
        try:
            value = await self.clock.join(task)
        except Stopped:
            if not expired or self.clock.stopping:
                raise
        except Failed as failed:
            if not expired or self.clock.stopping:
                raise
            self.record(failed)
        if expired:
            if self.clock.stopping:
                raise Stopped
            raise self.failed("Timeout", "", step, place)
        return value

    async def retrying(self, step: Step, keys: Mapping[str, JSON], place: Place) -> JSON:
        if "retry" not in keys:
            return await self.attempt(step, keys, place, 1)
        policy = self.value(keys["retry"], place, step)
        region = object()
        inside = place.with_(regions=(*place.regions, region))
        first, number = self.clock.now, 0
        while True:
            number += 1
            try:
                return await self.attempt(step, keys, inside, number)
            except Failed as failed:
                if failed.deadly:
                    raise
                if self.clock.stopping or not self.again(step, policy, failed, number, first):
                    attempt = failed.error["attempt"] or number
                    raise Failed({**failed.error, "attempt": attempt}, failed.final) from None
            if step.kind != "activity":
                await self.clock.shield(self.undo(lambda undo: region in undo.regions, place.holds))
            for inner in list(step.walk())[1:]:
                place.scope.results.pop(inner.keys.get("id"), None)
            if self.clock.stopping:
                raise Stopped
            await self.sleep(delay(policy, number))
            if keys.get("whole"):
                self.run = {**self.run, "attempt": number + 1}
                self.vars = self.value(keys.get("vars", {}), place, step)
            await self.hold()

    def again(self, step: Step, policy: Mapping[str, JSON], failed: Failed, number: int, first: int) -> bool:
        kind = failed.error["type"]
        lost = step.kind == "activity" and kind == "WorkerLost"
        wanted = fits(policy.get("on", ["*"]), kind) and not fits(policy.get("except", []), kind)
        return (
            not failed.final
            and (wanted or lost)
            and number < policy.get("attempts", number + 1)
            and ("within" not in policy
                 or self.clock.now + delay(policy, number) <= first + parse_duration(policy["within"]))
        )  # fmt: skip

    async def attempt(self, step: Step, keys: Mapping[str, JSON], place: Place, number: int) -> JSON:
        limit = keys.get("timeout")
        limit = limit.get("attempt") if isinstance(limit, dict) else None
        return await self.within(limit, lambda: self.complete(step, keys, place, number), step, place, number)

    async def complete(self, step: Step, keys: Mapping[str, JSON], place: Place, number: int) -> JSON:
        """The kind, then `output`, then its undo is registered."""
        kind = getattr(self, f"run_{step.kind.replace('return', 'return_')}")
        value = await kind(step, keys, place.with_(attempt=number))
        if "output" in keys:
            if step.path:
                self.note(step, place, value)
            value = self.value(keys["output"], place, step)
        if "compensate" in keys:
            self.note(step, place, value)
            self.register(step, place)
        return value

    # -- undoing

    def register(self, step: Step, place: Place) -> None:
        self.count += 1
        kept = Scope(None)
        kept.results = copy.deepcopy(place.scope.all())
        names = {name: copy.deepcopy(value() if callable(value) else value) for name, value in place.names.items()}
        captured = Place(Scope(kept), names, place.input, vars=copy.deepcopy(self.vars), turns=place.turns)
        body = one(step, "undo")
        assert body is not None
        self.undos.append(Undo(self.count, body.steps[0], self.label(step, place), captured, place.regions))

    async def undo(self, chosen: Callable[[Undo], bool], holds: tuple[Hold, ...] = ()) -> None:
        """Run the undos that are chosen, newest first, with the locks that are held where this is asked for."""
        while True:
            fitting = [undo for undo in self.undos if chosen(undo)]
            if not fitting:
                return
            undo = fitting[-1]
            self.undos.remove(undo)
            try:
                await self.step(undo.step, undo.place.with_(holds=holds))
            except Failed as failed:
                error = failure("CompensationFailed", "", step=undo.label, cause=failed.error).error
                self.not_undone.append({"step": undo.label, "error": error})
            else:
                self.undone.append(undo.label)

    # -- time and chance, as expressions ask for them

    async def sleep(self, span: int) -> None:
        future = Future(self.clock)
        self.clock.at(self.clock.now + span, TIMERS, future.set)
        await self.clock.wait(future)


def delay(policy: Mapping[str, JSON], number: int) -> int:
    """The wait after attempt `number`, without jitter."""
    span = parse_duration(policy.get("delay", "1s"))
    growth = {"constant": 1, "linear": number, "exponential": policy.get("factor", 2) ** (number - 1)}
    longest = parse_duration(policy.get("max_delay", "1h"))
    return min(round(span * growth[policy.get("backoff", "exponential")]), longest)


def imports(files: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Aliases are of paths relative to the file that has them."""
    for file, document in files.items():
        for alias, path in document.get("imports", {}).items():
            yield (file, alias), normpath(join(dirname(file), path))


def one(step: Step, role: str, key: str = "") -> StepList | None:
    return next((found for found in step.of(role) if found.key == key), None)
