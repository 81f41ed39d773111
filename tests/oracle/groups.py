"""`parallel` and `foreach`: members side by side, and when their join is met or can no longer be."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ground import Failed, Leaving, Place, Scope, failure
from virtual import Future, Stopped, Task

from perdure.definition.models import Step

if TYPE_CHECKING:
    from oracle import Oracle

JSON = Any
Keys = Mapping[str, JSON]


@dataclass
class Member:
    name: str | int
    place: Place
    work: Callable[[], Coroutine[Future, None, JSON]]
    task: Task | None = None
    ended: bool = False
    lost: bool = False
    finishing: bool = False
    value: JSON = None
    error: Failed | None = None
    leaving: Leaving | None = None
    succeeded: bool = False


@dataclass
class Group:
    """What a group asks for; `wanted` is a number of successes, None means all."""

    members: list[Member]
    wanted: int | None
    collect: bool
    most: int | None
    key: str
    changed: Future | None = None
    decided: bool = False
    errors: list[tuple[Member, JSON]] = field(default_factory=list)


class Groups:
    async def run_parallel(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        spec = keys["parallel"]
        taking = {
            lane.key: "if" not in lane.owner or self.holds(lane.owner["if"], place, step) for lane in step.of("branch")
        }
        members = []
        for lane in step.of("branch"):
            if taking[lane.key]:
                region = object()
                inside = place.with_(scope=Scope(place.scope), regions=(*place.regions, region), lane=region)
                members.append(Member(lane.key, inside, lambda lane=lane, inside=inside: self.steps(lane, inside)))
        group = self.group(step, spec, place, members, "branch")
        met = False
        try:
            await self.join(step, group, place, len(members), spec.get("rest") == "finish")
            met = True
        finally:
            for member in members:
                spared = any(found is member for found, _ in group.errors) and (group.collect or not met)
                if member.succeeded or spared:
                    place.scope.results.update(member.place.scope.results)
                    marks = member.place.scope.marks
                    place.scope.marks.update({id: (order, place.lane) for id, (order, _) in marks.items()})
        found = {member.name: member for member in members}
        return {
            name: part(found[name], group.collect)
            if name in found
            else ({"ok": True, "value": None} if group.collect else None)
            for name in taking
        }

    async def run_foreach(self: Oracle, step: Step, keys: Keys, place: Place) -> JSON:
        items = self.expression(keys["foreach"], place, step)
        if not isinstance(items, list):
            raise self.failed("ExpressionFailed", "", step, place)
        concurrency = self.value(keys.get("concurrency", 1), place, step)
        body = next(iter(step.of("turn")))
        members = []
        for index, item in enumerate(items):
            region = object()
            inside = place.with_(
                scope=Scope(place.scope),
                regions=(*place.regions, region),
                lane=region,
                names={**place.names, keys.get("as", "item"): item, "index": index},
                turns=(*place.turns, (step.address, index)),
            )
            members.append(Member(index, inside, lambda inside=inside: self.steps(body, inside)))
        group = self.group(step, keys, place, members, "index")
        await self.join(step, group, place, concurrency, keys.get("rest") == "finish")
        return [part(member, group.collect) for member in members]

    def group(self: Oracle, step: Step, spec: Keys, place: Place, members: list[Member], key: str) -> Group:
        join = self.value(spec.get("join", "all"), place, step)
        tolerate = self.value(spec.get("tolerate"), place, step)
        if isinstance(tolerate, str):
            tolerate = int(float(tolerate.rstrip("%")) * len(members) / 100)
        wanted = {"all": None, "any": 1}.get(join, join) if isinstance(join, str) else join
        return Group(members, wanted, spec.get("on_error") == "collect" or tolerate is not None, tolerate, key)

    async def join(self: Oracle, step: Step, group: Group, place: Place, concurrency: int, finish: bool) -> None:
        """Run the members until the join is decided; raises what the group fails with."""
        verdict = None
        try:
            while True:
                verdict = self.decided(step, group, place)
                if verdict is not None:
                    break
                waiting = [member for member in group.members if member.task is None]
                running = [member for member in group.members if member.task is not None and not member.ended]
                for member in waiting[: concurrency - len(running)]:
                    member.task = self.clock.begin(self.member(group, member))
                group.changed = Future(self.clock)
                await self.clock.wait(group.changed)
                if self.clock.stopping:
                    raise Stopped
        except Stopped:
            group.decided = True
            raise await self.stopped(group) from None
        group.decided = True
        running = [member for member in group.members if member.task is not None and not member.ended]
        if verdict is True and finish:
            for member in running:
                member.finishing = True
                assert member.task is not None
                assert place.keeper is not None
                place.late.append(member)
                place.keeper.beside.append(member.task)
            return
        for member in running:
            assert member.task is not None
            member.lost = verdict is True
            member.task.stop()
        for member in running:
            assert member.task is not None
            await self.clock.wait(member.task.ended, lambda: found_again(running))
        for member in running:
            if member.leaving is not None and not isinstance(verdict, Leaving):
                if isinstance(verdict, Failed):
                    self.record(verdict)
                raise member.leaving
        if isinstance(verdict, Failed) and self.clock.stopping:
            self.record(verdict)
            raise Stopped
        if isinstance(verdict, Failed | Leaving):
            raise verdict
        if self.clock.stopping:
            raise Stopped

    async def stopped(self: Oracle, group: Group) -> Exception:
        """The whole group is told to stop: so are its members, and it has stopped when they have."""
        running = [member for member in group.members if member.task is not None and not member.ended]
        for member in running:
            assert member.task is not None
            member.task.stop()
        for member in running:
            assert member.task is not None
            await self.clock.wait(member.task.ended, lambda: None)
        if group.wanted is None and not group.collect:
            for member in group.members:
                if member.error is not None and member not in running:
                    self.record(member.error)
        left = [member.leaving for member in running if member.leaving is not None]
        return left[0] if left else Stopped()

    async def member(self: Oracle, group: Group, member: Member) -> None:
        try:
            member.value = await member.work()
            member.succeeded = not member.lost and not member.finishing
        except Stopped:
            pass
        except Failed as failed:
            member.error = failed
        except Leaving as leaving:
            member.leaving = leaving
        if member.error is not None and group.decided:
            self.record(member.error)
        elif member.error is not None:
            group.errors.append((member, member.error.error))
        if member.finishing and member.leaving is not None:
            assert member.place.keeper is not None
            member.place.keeper.stop()
        if member.lost and member.leaving is None:
            await self.clock.shield(self.undo(lambda undo: member.place.lane in undo.regions, member.place.holds))
        member.ended = True
        if group.changed is not None:
            group.changed.set()

    def decided(self: Oracle, step: Step, group: Group, place: Place) -> bool | Failed | Leaving | None:
        """True when the join is met, the failure when it cannot be, None while that is open."""
        for member in group.members:
            if member.leaving is not None:
                return member.leaving
        successes = sum(member.succeeded for member in group.members)
        everyone = all(member.ended for member in group.members)
        if group.wanted is None and not group.collect:
            if group.errors:
                return group.errors[0][0].error
            return True if everyone else None
        if group.most is not None and len(group.errors) > group.most:
            return self.join_failed(step, group, place)
        if group.wanted is None:
            return True if everyone else None
        if successes >= group.wanted:
            return True
        if len(group.members) - len(group.errors) < group.wanted:
            return self.join_failed(step, group, place)
        return None

    def join_failed(self: Oracle, step: Step, group: Group, place: Place) -> Failed:
        details = [{group.key: member.name, "error": error} for member, error in group.errors]
        cause = group.errors[-1][1] if group.errors else None
        return self.failed("JoinFailed", "", step, place, details=details, cause=cause)


def part(member: Member, collect: bool) -> JSON:
    """A member's part of the group's result."""
    if not collect:
        return member.value if member.succeeded else None
    if member.succeeded:
        return {"ok": True, "value": member.value}
    if member.error is not None and not member.lost:
        return {"ok": False, "error": member.error.error}
    return {"ok": False, "error": failure("Cancelled", "").error}


def found_again(members: list[Member]) -> None:
    """Who is cancelled together with its group has not lost: what it did is undone with the run."""
    for member in members:
        member.lost = False
