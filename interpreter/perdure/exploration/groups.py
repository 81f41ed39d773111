"""What `parallel` and `foreach` may come to, from what each member may come to on its own.

Members do not see each other, so a group is put together from its members' ends, and each member is walked once: not
every combination, but all that lie near everybody succeeding and everybody failing, with what differs inside of one
member taken together where there would be too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from typing import Final

from jinja2 import nodes

from perdure.exploration.filling import tree_of
from perdure.exploration.knowledge import (
    FALSE,
    NULL,
    TRUE,
    Fields,
    Items,
    Known,
    Open,
    Value,
    either,
    fields,
    known,
    lifted,
    opened,
)
from perdure.exploration.paths import MOST_COUNTED, MOST_FAILURES, Error, Path, blended, gathered, turns
from perdure.exploration.trails import Condition, Deed, further, length, since
from perdure.exploration.walk import Ends, Walk, bound, error_value, unbound, without_vars
from perdure.program.nodes import Foreach, Joining, Parallel

MOST_COMBINED: Final = 8
"""Combinations of members, and of branches that take part, that are told apart."""


@dataclass(slots=True)
class Member:
    """One branch: the paths on which it ends, all from one `entry`; `optional` when it may not take part."""

    name: str
    ends: Ends = field(default_factory=Ends)
    active: bool = True
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """How one member came out: done, failed, lost or absent."""

    how: str
    path: Path


def parallel(walk: Walk, node: Parallel, paths: list[Path]) -> Ends:
    ends = Ends()
    entries = _entries(walk, node, paths, ends)
    tagged = [entry.push(number) for number, (entry, _) in enumerate(entries)]
    members: list[list[Member]] = [[] for _ in entries]
    setting = walk.layout.sets(node.address)
    free = walk.bounded + (0 if not _ends_others(walk, node) else 1)
    for name, lane in node.lanes.items():
        beside = setting - walk.layout.sets(lane.body)
        taking = [number for number, (_, active) in enumerate(entries) if active.get(name) is not False]
        outer, walk.bounded = walk.bounded, free
        found = walk.visit(lane.body, [without_vars(tagged[number], beside, f"@{node.address}") for number in taking])
        walk.bounded = outer
        for number in range(len(entries)):
            active = entries[number][1].get(name)
            own = Ends(*([path.pop() for path in each if path.stack[-1] == number] for each in found.lists()))
            members[number].append(Member(name, own, active is not False, active is None))
    for (entry, _), ours in zip(entries, members, strict=True):
        _join(walk, node, entry, ours, ends)
    return ends


def _entries(walk: Walk, node: Parallel, paths: list[Path], ends: Ends) -> list[tuple[Path, dict[str, bool | None]]]:
    """The paths with the branches that take part on them; None where that stays open."""
    made: list[tuple[Path, dict[str, bool | None]]] = []
    terms = (node.joining.join, node.joining.tolerate)
    always: dict[str, bool | None] = {name: True for name, lane in node.lanes.items() if lane.when is None}
    for path, _ in walk.given(node, terms, paths, ends.failed):
        ways: list[tuple[Path, dict[str, bool | None]]] = [(path, always)]
        for name, lane in node.lanes.items():
            if lane.when is None:
                continue
            following: list[tuple[Path, dict[str, bool | None]]] = []
            for here, active in ways:
                yes, no = walk.decided(node, lane.when, here, ends.failed)
                if len(ways) >= MOST_COMBINED and yes and no:
                    following.append((here, {**active, name: None}))
                    continue
                following += [(one, {**active, name: True}) for one in yes]
                following += [(one, {**active, name: False}) for one in no]
            ways = following
        made += ways
    return made


def _ends_others(walk: Walk, node: Parallel) -> bool:
    """Whether a branch that waits for nobody may cut the others short."""
    join = node.joining.join
    if join is None or join.written == "all" or node.joining.finish:
        return False
    return any(not walk.layout.waits(lane.body) for lane in node.lanes.values())


def _join(walk: Walk, node: Parallel, entry: Path, members: list[Member], ends: Ends) -> None:
    """What comes of the group on one path into it."""
    wanted, spared, collect = _terms(node.joining, len(members), walk, entry)
    taking = [member for member in members if member.active]
    for member in taking:
        ends.left += [_combined(entry, [Choice("left", one), *_others(taking, member)]) for one in member.ends.left]
    lost = [Choice("lost", _rough([*member.ends.stopped, *member.ends.done]) or entry) for member in taking]
    ends.stopped.append(_combined(entry, lost))
    outcomes = list(_outcomes(taking, wanted, spared, collect))
    for choices in outcomes:
        verdict = _verdict(choices, wanted, spared, collect)
        path = _combined(entry, choices, visible=verdict != "done" or collect)
        if verdict == "done":
            walk.reached.add(f"{node.address}:joined")
            ends.done.append(path.but(end=_value(walk, members, taking, choices, collect)))
        elif verdict == "error":
            worst = next(choice.path.end for choice in choices if choice.how == "failed")
            ends.failed.append(path.but(end=worst))
        elif verdict == "unmet":
            walk.unmet.setdefault(node.address, path)
            words = f"{walk.label(node.step)} cannot be joined any more"
            details = Items(Open(f"!{node.step}.member", {"type": "object"}))
            ends.failed.append(walk.raised(node, path, "JoinFailed", words=words, details=details))
    ends.failed = gathered(ends.failed, MOST_FAILURES)
    ends.done = gathered(ends.done)


def _others(members: list[Member], but: Member) -> list[Choice]:
    rest = (_rough([*one.ends.done, *one.ends.stopped]) for one in members if one is not but)
    return [Choice("lost", path) for path in rest if path is not None]


def _terms(joining: Joining, total: int, walk: Walk, path: Path) -> tuple[int | None, int | None, bool]:
    """How many successes are wanted (None: all), how many failures are spared (None: as the join says); -1 where it is
    not known."""
    wanted: int | None = None
    spared: int | None = None
    if joining.join is not None:
        written = joining.join.written
        wanted = None if written == "all" else 1 if written == "any" else written if isinstance(written, int) else -1
    if joining.tolerate is not None:
        written = joining.tolerate.written
        if isinstance(written, str) and written.endswith("%") and written[:-1].replace(".", "", 1).isdigit():
            written = int(total * float(written[:-1]) / 100)
        spared = written if isinstance(written, int) else -1
    return wanted, spared, joining.collect or joining.tolerate is not None


def _outcomes(
    members: list[Member], wanted: int | None, spared: int | None, collect: bool
) -> Iterable[Sequence[Choice]]:
    """How the members may come out together: all that lie near everybody succeeding and everybody failing."""
    done = [_choices("done", member.ends.done) + _absent(member) for member in members]
    failed = [_choices("failed", member.ends.failed) for member in members]
    lost = [_rough_choice("lost", member.ends.stopped) for member in members]
    if all(done):
        count = reduce(lambda total, each: total * len(each), done, 1)
        yield from product(*done) if count <= MOST_COMBINED else [[_roughest(each) for each in done]]
    usual = [_roughest(each) if each else None for each in done]
    other = [_roughest(each) if each else None for each in failed]
    simple = wanted is None and not collect
    for number in range(len(members)):
        if simple:
            yield from _one_fails(number, failed[number], usual, lost)
        else:
            yield from _one_differs(number, usual, other, lost)
    if not simple:
        yield from _filled(
            [other_ or usual_ or lost_ for other_, usual_, lost_ in zip(other, usual, lost, strict=True)]
        )
        yield from _filled(
            [usual_ or other_ or lost_ for other_, usual_, lost_ in zip(other, usual, lost, strict=True)]
        )


def _one_fails(
    number: int, failures: list[Choice], usual: list[Choice | None], lost: list[Choice | None]
) -> Iterable[Sequence[Choice]]:
    """One member fails; the others had done their work, or lose it."""
    for failure in failures:
        for first, second in ((usual, lost), (lost, usual)):
            rest = [one or other for one, other in zip(first, second, strict=True)]
            rest[number] = failure
            yield [one for one in rest if one is not None]


def _one_differs(
    number: int, usual: list[Choice | None], other: list[Choice | None], lost: list[Choice | None]
) -> Iterable[Sequence[Choice]]:
    every = range(len(usual))
    mostly = [usual[at] or other[at] or lost[at] for at in every]
    seldom = [other[at] or usual[at] or lost[at] for at in every]
    losing = [lost[at] or usual[at] or other[at] for at in every]
    for base, odd in ((mostly, other), (mostly, lost), (seldom, usual), (losing, usual), (losing, other)):
        if odd[number] is not None:
            yield from _filled([odd[number] if at == number else base[at] for at in every])


def _filled(choices: Sequence[Choice | None]) -> Iterable[Sequence[Choice]]:
    there = [choice for choice in choices if choice is not None]
    if len(there) == len(choices):
        yield there


def _verdict(choices: Sequence[Choice], wanted: int | None, spared: int | None, collect: bool) -> str:
    """What a group makes of its members' ends; nothing where they could not have come out like this."""
    done = sum(choice.how == "done" for choice in choices)
    failed = sum(choice.how == "failed" for choice in choices)
    lost = sum(choice.how == "lost" for choice in choices)
    total = done + failed + lost
    if spared is not None and failed > max(spared, 0):
        return "unmet"
    if wanted is None:
        if failed and not collect:
            return "error"
        return "" if lost else "done"
    if wanted > 0 and done >= wanted:
        return "done"
    if wanted > 0 and total - failed < wanted:
        return "unmet"
    return "" if lost or wanted > 0 else ("done" if done else "unmet")


def _value(walk: Walk, members: list[Member], taking: list[Member], choices: Sequence[Choice], collect: bool) -> Value:
    by_name = dict(zip((member.name for member in taking), choices, strict=True)) if len(choices) == len(taking) else {}
    return Fields(tuple((member.name, _part(walk, by_name.get(member.name), collect)) for member in members))


def _part(walk: Walk, choice: Choice | None, collect: bool) -> Value:
    """A member's part of the result."""
    how = "absent" if choice is None else choice.how
    end: Value = NULL
    if choice is not None and not isinstance(choice.path.end, Error):
        end = choice.path.end
    if not collect:
        return end if how == "done" else NULL
    if how in ("done", "absent"):
        return fields(ok=TRUE, value=end if how == "done" else NULL)
    error: Value = fields(type=known("Cancelled"), message=Open("!message", {"type": "string"}), details=NULL)
    if choice is not None and isinstance(choice.path.end, Error):
        error = error_value(choice.path.end, walk)
    return fields(ok=FALSE, error=error)


def _choices(how: str, paths: list[Path]) -> list[Choice]:
    return [Choice(how, path) for path in paths]


def _absent(member: Member) -> list[Choice]:
    return [Choice("absent", Path())] if member.optional else []


def _rough(paths: list[Path]) -> Path | None:
    """Several paths as one that knows what all know."""
    if not paths:
        return None
    return reduce(blended, sorted(paths, key=lambda path: length(path.trail)))


def _rough_choice(how: str, paths: list[Path]) -> Choice | None:
    path = _rough(paths)
    return None if path is None else Choice(how, path)


def _roughest(choices: list[Choice]) -> Choice:
    there = [choice for choice in choices if choice.how != "absent"]
    path = _rough([choice.path for choice in there])
    return choices[0] if path is None else Choice(there[0].how, path)


def _combined(entry: Path, choices: Sequence[Choice], visible: bool = True) -> Path:
    """The path on which the members came out like this, one told behind the other."""
    results, vars = dict(entry.results), dict(entry.vars)
    cells, atoms = dict(entry.cells), dict(entry.atoms)
    undos, effects, trail = entry.undos, entry.effects, entry.trail
    count, blurred = max(entry.count, 1), entry.blurred
    for choice in choices:
        path = choice.path
        if choice.how == "absent":
            continue
        if choice.how == "done" or (visible and choice.how != "lost"):
            results.update((id, value) for id, value in path.results.items() if entry.results.get(id) != value)
        vars.update((name, value) for name, value in path.vars.items() if entry.vars.get(name) != value)
        cells.update((cell, one) for cell, one in path.cells.items() if cell not in entry.cells)
        atoms.update((key, one) for key, one in path.atoms.items() if key not in entry.atoms)
        if choice.how != "lost" or visible:
            undos += max(0, path.undos - entry.undos)
        effects |= path.effects
        for link in since(path.trail, entry.trail):
            trail = further(trail, link)
        count = min(count * max(1, path.count // max(entry.count, 1)), MOST_COUNTED)
        blurred = blurred or path.blurred
    end = next((choice.path.end for choice in choices if choice.how in ("left", "failed")), NULL)
    return entry.but(
        results=results, vars=vars, cells=cells, atoms=atoms, undos=undos, effects=effects, trail=trail,
        count=count, blurred=blurred, end=end,
    )  # fmt: skip


# -- foreach


def foreach(walk: Walk, node: Foreach, paths: list[Path]) -> Ends:
    """One turn stands for all; its effects are left by a failure of a later one."""
    ends = Ends()
    wanted, spared, collect = _terms(node.joining, 2, walk, Path())
    terms = (node.concurrency, node.joining.join, node.joining.tolerate)
    setting, where = walk.layout.sets(node.address), f"@{node.address}"
    entered: list[Path] = []
    for path, _ in walk.given(node, terms, paths, ends.failed):
        path, items = walk.asked(node, node.items, path, ends.failed)
        if items is None:
            continue
        if isinstance(items, Known) and not isinstance(items.value, list):
            ends.failed.append(walk.failing(node, path, "foreach takes a list", node.items.text))
            continue
        if not isinstance(items, Known | Items):
            ends.failed.append(walk.doubtful(node, path))
        if not isinstance(items, Known) or not items.value:
            _no_turn(walk, node, path, wanted, ends)
        if not isinstance(items, Known) or items.value:
            turn = without_vars(path, setting, where).without_cells(f"{where}.item").without_cells("index")
            if isinstance(items, Open):
                turn = turn.without_cells(f"{items.cell}.0")
            index = Open("index", {"type": "integer", "minimum": 0}, solid=True)
            entered.append(bound(_counted(node, turn, items, True), **{node.name: _item(where, items), "index": index}))
    found = walk.visit(node.body, entered)
    if found.done or found.failed or found.left or found.stopped:
        walk.reached |= {f"{node.address}:one turn", f"{node.address}:more turns"}
    _turns(walk, node, entered, found.each(unbound), ends, (wanted, spared, collect))
    return ends


def _item(where: str, items: Value) -> Value:
    if isinstance(items, Items):
        return items.item
    if isinstance(items, Known):
        return either(f"{where}.item", [lifted(known(item)) for item in items.value])
    if isinstance(items, Open):
        part = items.schema.get("items")
        plain = isinstance(part, dict) and "$ref" not in str(part)
        return opened(f"{items.cell}.0", part if plain else {}, strict=items.strict)
    return opened(f"{where}.item")


def _counted(node: Foreach, path: Path, items: Value | None, some: bool) -> Path:
    """The path on which there are items, or none."""
    if isinstance(items, Known):
        return path
    length = nodes.Filter(tree_of(node.items.text), "length", [], [], None, None, lineno=0)
    more = nodes.Compare(length, [nodes.Operand("gt", nodes.Const(0, lineno=0), lineno=0)], lineno=0)
    return path.after(Condition(more, some, path, f"{node.items.text} | length > 0"))


def _no_turn(walk: Walk, node: Foreach, path: Path, wanted: int | None, ends: Ends) -> None:
    walk.reached.add(f"{node.address}:no turn")
    path = _counted(node, path, None, False).after(Deed("", node.step, f"{walk.label(node.step)} has no turn"))
    if wanted is None or wanted < 0:
        ends.done.append(path.but(end=known([])))
    if wanted is not None:
        ends.failed.append(walk.raised(node, path, "JoinFailed", words=f"{walk.label(node.step)} cannot be joined"))


def _turns(
    walk: Walk, node: Foreach, entered: list[Path], found: Ends, ends: Ends, terms: tuple[int | None, int | None, bool]
) -> None:
    """The end of all turns, from the ends of one."""
    wanted, spared, collect = terms
    result: Value = Items(Open(f"@{node.address}.result"))
    simple = wanted is None and not collect
    ended = found.done if simple else [*found.done, *(path.but(end=NULL) for path in found.failed)]
    if simple or found.done or (collect and wanted is None):
        walk.reached.add(f"{node.address}:joined")
        ends.done += [turns(path, entered, found.done).but(end=result) for path in ended]
    if simple:
        ends.failed += found.failed
        ends.failed += [_later(path, earlier) for earlier in found.done[:1] for path in found.failed]
    elif found.failed and (wanted is not None or spared is not None):
        words = f"{walk.label(node.step)} cannot be joined any more"
        for path in found.failed:
            walk.unmet.setdefault(node.address, path)
            ends.failed.append(walk.raised(node, path, "JoinFailed", words=words, details=Items(Open("!member"))))
    elif wanted is not None and found.done:
        ends.failed += [walk.raised(node, path, "JoinFailed") for path in found.done]
    ends.left += found.left
    ends.stopped += [*found.stopped, *found.done, *(path.but(end=NULL) for path in found.failed)]


def _later(path: Path, earlier: Path) -> Path:
    """A failure behind a turn that went well."""
    return path.but(effects=earlier.effects | path.effects, blurred=path.blurred)
