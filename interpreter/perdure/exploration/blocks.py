"""What steps with steps inside may come to, groups apart: lists, branches, loops, selects, receives and fragments."""

from __future__ import annotations

from typing import Any

from perdure.exploration.filling import decide
from perdure.exploration.knowledge import (
    NULL,
    Fields,
    Items,
    Known,
    Open,
    Value,
    either,
    known,
    lifted,
    opened,
)
from perdure.exploration.leaves import impatient, messages_only, note_endless, trigger_deed
from perdure.exploration.paths import Error, Path, kinds, turns
from perdure.exploration.trails import Deed
from perdure.exploration.walk import Ends, Walk, bound, unbound, without_vars
from perdure.program.nodes import Branch, MessageHandler, Receive, Repeat, Select, Sequence, Use

TURN = Open("index", {"type": "integer", "minimum": 0}, solid=True)


def sequence(walk: Walk, node: Sequence, paths: list[Path]) -> Ends:
    ends = Ends()
    current = [path.but(end=NULL) for path in paths]
    for child in node.children:
        found = walk.visit(child, current)
        ends.add(found)
        current = found.done
        if walk.layout.blocks(child):
            ends.stopped += current
    ends.done = current
    return ends


def branch(walk: Walk, node: Branch, paths: list[Path]) -> Ends:
    ends = Ends()
    taken: dict[str, list[Path]] = {arm.body: [] for arm in node.arms}
    rest: list[Path] = []
    for path in paths:
        if node.on is None:
            rest += _tested(walk, node, path, taken, ends)
        else:
            rest += _compared(walk, node, path, taken, ends)
    for arm in node.arms:
        found = walk.visit(arm.body, walk.gather(taken[arm.body], walk.layout.first[arm.body]))
        ends.add(found)
        ends.done += found.done
    if rest:
        walk.reached.add(f"{node.address}:no arm")
    ends.done += [path.but(end=NULL) for path in rest]
    return ends


def _tested(walk: Walk, node: Branch, path: Path, taken: dict[str, list[Path]], ends: Ends) -> list[Path]:
    """The paths that no condition takes."""
    left = [path]
    for arm in node.arms:
        following: list[Path] = []
        for here in left:
            if arm.when is None:
                taken[arm.body].append(here)
                continue
            yes, no = walk.decided(node, arm.when, here, ends.failed)
            told = f"{walk.label(node.step)} takes the arm {' '.join(arm.when.text.split())}"
            taken[arm.body] += [there.after(Deed("", node.step, told)) for there in yes]
            following += no
        left = following
    return left


def _compared(walk: Walk, node: Branch, path: Path, taken: dict[str, list[Path]], ends: Ends) -> list[Path]:
    """The paths whose value is that of no case."""
    assert node.on is not None
    path, value = walk.asked(node, node.on, path, ends.failed)
    if value is None:
        return []
    left: list[Path] = []
    for there, kind in _kinds_of(path, value, node):
        if isinstance(kind, Known):
            if isinstance(kind.value, list | dict):
                ends.failed.append(walk.failing(node, there, "it is a list or a mapping", node.on.text))
                continue
            arm = next((arm for arm in node.arms if arm.case is None or _same(arm.case, kind)), None)
            (left if arm is None else taken[arm.body]).append(_taking(walk, node, there, arm))
            continue
        ends.failed.append(walk.doubtful(node, there))
        for arm in node.arms:
            taken[arm.body].append(_taking(walk, node, there, arm))
        if all(arm.case is not None for arm in node.arms):
            left.append(there)
    return left


def _kinds_of(path: Path, value: Value, node: Branch) -> list[tuple[Path, Any]]:
    assert node.on is not None
    reference = next(((one.root, one.path[0] if one.path else "") for one in node.on.references), ("", ""))
    return kinds(path, value, reference)


def _same(case: str, kind: Known) -> bool:
    value = kind.value
    return value == case if isinstance(value, str) else kind.text == case


def _taking(walk: Walk, node: Branch, path: Path, arm: Any) -> Path:
    if arm is None:
        return path
    return path.after(Deed("", node.step, f"{walk.label(node.step)} takes the arm {arm.case or 'else'}", arm.case))


def repeat(walk: Walk, node: Repeat, paths: list[Path]) -> Ends:
    """All turns at once: what variables are set to inside is not known from the start."""
    ends = Ends()
    where = f"@{node.address}"
    entered: list[Path] = []
    for path, _ in walk.given(node, (node.most,), paths, ends.failed):
        first = bound(path, index=known(0))
        if node.before is None:
            entered.append(first)
            continue
        yes, no = walk.decided(node, node.before, first, ends.failed)
        entered += yes
        if no:
            walk.reached.add(f"{node.address}:no turn")
            ends.done += [unbound(one.but(end=NULL)) for one in no]
    again = [_another(walk, node, path, where) for path in entered]
    if node.before is not None:  # the condition of a later turn
        again = [yes for path in again for yes in walk.decided(node, node.before, path, ends.failed)[0]]
    turning = walk.gather([*entered, *again], walk.layout.first[node.body])
    found = walk.visit(node.body, turning)
    done = found.done
    if found.done or found.failed or found.left or found.stopped:
        walk.reached |= {f"{node.address}:one turn", f"{node.address}:more turns"}
    _after_turns(walk, node, found, ends)
    ends.add(found.each(lambda path: turns(path, turning, done)))
    bound_ends = Ends(
        *([path if not _is_bound(path, paths) else unbound(path) for path in each] for each in ends.lists())
    )
    bound_ends.stopped += bound_ends.done
    return bound_ends


def _is_bound(path: Path, paths: list[Path]) -> bool:
    return len(path.stack) > len(paths[0].stack)


def _another(walk: Walk, node: Repeat, path: Path, where: str) -> Path:
    later = without_vars(path, walk.layout.sets(node.address), where).without_cells("index")
    return later.but(names={**later.names, "index": TURN})


def _after_turns(walk: Walk, node: Repeat, found: Ends, ends: Ends) -> None:
    """What follows on the end of a turn: the loop is over, or goes on to the limit."""
    for path in found.done:
        if node.after is not None:
            yes, no = walk.decided(node, node.after, path, ends.failed)
            ends.done += yes
        elif node.before is not None:
            later = path.but(names={**path.names, "index": TURN}).without_cells("index")
            no, over = walk.decided(node, node.before, later, ends.failed)
            ends.done += [one.but(end=path.end) for one in over]
        else:
            no = [path]
        if node.most is not None:
            words = f"{walk.label(node.step)} has more turns than it may"
            ends.failed += [walk.raised(node, one, "LimitExceeded", words=words) for one in no]


def select(walk: Walk, node: Select, paths: list[Path]) -> Ends:
    ends = Ends()
    templates = [part for one in node.triggers for part in (one.after, one.until, one.zone)]
    entered = [path for path, _ in walk.given(node, (node.patience.timeout, *templates), paths, ends.failed)]
    entered = [path.without_cells(f"@{node.address}") for path in entered]
    for path in entered:
        if messages_only(node.triggers, "any") and node.patience.timeout is None:
            note_endless(walk, node, path)
        ends.stopped.append(path.after(Deed("", node.step, f"{walk.label(node.step)} waits")))
        impatient(walk, node, path, ends)
    for trigger in node.triggers:
        timed = trigger.signal is None and trigger.event is None
        message: Value = NULL if timed else Open(f"@{node.address}:{trigger.name}")
        deed = trigger_deed(walk, node, trigger)
        found = walk.visit(node.arms[trigger.name], [bound(path.after(deed), message=message) for path in entered])
        found = found.each(unbound)
        ends.add(found)
        ends.done += found.done
    return ends


def receive(walk: Walk, node: Receive, paths: list[Path]) -> Ends:
    ends = Ends()
    waiting: list[Path] = []
    for path, (state, _) in walk.given(node, (node.state, node.patience.timeout), paths, ends.failed):
        path = path.without_cells(f"@{node.address}")
        start = bound(path, state=lifted(state))
        if node.until is None:
            waiting.append(start)
            continue
        yes, no = walk.decided(node, node.until, start, ends.failed)
        ends.done += [one.but(end=one.names["state"]) for one in yes]
        waiting += no
    changed = frozenset(
        name for one in node.handlers if not one.stop and one.values is not None for name in one.values.names
    )
    kept = waiting
    for handler in node.handlers:
        kept = [*kept, *_handled(walk, node, handler, [_changing(path, changed, node) for path in waiting], ends)]
    kept = walk.gather(kept, walk.layout.first[node.address])
    for path in waiting:
        if node.patience.timeout is None:
            note_endless(walk, node, unbound(path))
    for path in kept:
        ends.stopped.append(path.after(Deed("", node.step, f"{walk.label(node.step)} waits")))
        impatient(walk, node, path, ends)
    return ends.each(unbound)


def _changing(path: Path, changed: frozenset[str], node: Receive) -> Path:
    """The path when earlier messages may have changed the state."""
    state = path.names["state"]
    if not changed or not isinstance(state, Fields):
        return path if not changed else path.but(names={**path.names, "state": Open(f"@{node.address}.state")})
    items = tuple(
        (name, either(f"@{node.address}.state.{name}?", [value, Open(f"@{node.address}.state.{name}")]))
        if name in changed and not isinstance(value, Fields | Items)
        else (name, Open(f"@{node.address}.state.{name}") if name in changed else value)
        for name, value in state.items
    )
    return path.but(names={**path.names, "state": Fields(items)})


def _handled(walk: Walk, node: Receive, handler: MessageHandler, paths: list[Path], ends: Ends) -> list[Path]:
    """The paths on which a message was handled and the scope goes on."""
    kind = "update" if handler.update else "signal"
    cell = f"@{node.address}:{handler.name}"
    words = f"{walk.label(node.step)} gets the {kind} {handler.name}"
    deed = Deed("message", node.step, words, {"kind": kind, "name": handler.name, "cell": cell})
    message = opened(cell, handler.schema, strict=True)
    started = [path.after(deed).but(names={**path.names, "message": message}, end=NULL) for path in paths]
    if handler.accept is not None:
        started = [yes for path in started for yes in decide(handler.accept, path).yes]
    if not started:
        return []
    walk.reached.add(f"{node.address}:{handler.name}")
    found = Ends(done=started) if handler.body is None else walk.visit(handler.body, started)
    ends.stopped += found.stopped
    failed: list[Path] = found.failed
    over, going = _concluded(walk, node, handler, found.done, failed)
    ends.done += over
    if handler.concurrent:
        return [*going, *(path.but(end=NULL) for path in failed)]
    ends.failed += failed
    return going


def _concluded(
    walk: Walk, node: Receive, handler: MessageHandler, done: list[Path], failed: list[Path]
) -> tuple[list[Path], list[Path]]:
    """What follows on the steps of a handler: its `set`, `reply` and `stop`, then `until`."""
    over: list[Path] = []
    going: list[Path] = []
    for path, (values,) in walk.given(node, (handler.values,), done, failed):
        state = path.names["state"]
        if handler.values is not None:
            items = dict(getattr(lifted(values), "items", ()))
            state = Fields(tuple({**dict(getattr(state, "items", ())), **items}.items()))
        path = path.but(names={**path.names, "state": state})
        for there, _ in walk.given(node, (handler.reply,), [path], failed):
            there = there.but(end=state)
            if handler.stop:
                over.append(there)
            elif node.until is None:
                going.append(there)
            else:
                yes, no = walk.decided(node, node.until, there, failed)
                over += [one.but(end=state) for one in yes]
                going += no
    return over, going


def use(walk: Walk, node: Use, paths: list[Path]) -> Ends:
    ends = Ends()
    entered: list[Path] = []
    for path, (arguments,) in walk.given(node, (node.arguments,), paths, ends.failed):
        if node.schema is not None:
            ends.failed.append(path.but(end=Error(frozenset(("InvalidInput",)), step=node.step, real=False)))
        noted = path.push(frozenset(path.results.items())).push(frozenset(path.names.items()))
        entered.append(noted.but(results={}, names={"input": lifted(arguments)}))
    found = walk.visit(node.body, entered)
    if node.output is not None:
        done = []
        for path, (value,) in walk.given(node, (node.output,), found.done, found.failed):
            done.append(path.but(end=value))
        found.done = done
    return _merged(ends, found.each(_outside))


def _outside(path: Path) -> Path:
    """The path behind a fragment: its steps and its input are its own."""
    return path.but(names=dict(path.stack[-1]), results=dict(path.stack[-2]), stack=path.stack[:-2])


def _merged(ends: Ends, found: Ends) -> Ends:
    return Ends(*(one + other for one, other in zip(ends.lists(), found.lists(), strict=True)))
