"""What modifiers make of the ends of what they stand around: skips, locks, timeouts, retries, catches, undos."""

from __future__ import annotations

from perdure.exploration.knowledge import NULL, Known, opened
from perdure.exploration.paths import Error, Path
from perdure.exploration.trails import Deed
from perdure.exploration.walk import Ends, Walk, bound, error_value, unbound, without_vars
from perdure.program.nodes import Cache, Catch, Deadline, Finally, Finish, Guard, Handler, Lock, Queued, Retry, Run


def run(walk: Walk, node: Run, paths: list[Path]) -> Ends:
    return walk.visit(node.child, paths)


def guard(walk: Walk, node: Guard, paths: list[Path]) -> Ends:
    ends = Ends()
    entered: list[Path] = []
    for path in paths:
        yes, no = walk.decided(node, node.condition, path, ends.failed)
        entered += yes
        for one in no:
            walk.reached.add(f"{node.address}:skipped")
            ends.done.append(one.after(Deed("", node.step, f"{walk.label(node.step)} is skipped"), end=NULL))
    return _with(ends, walk.visit(node.child, walk.gather(entered, walk.layout.first[node.address])))


def cache(walk: Walk, node: Cache, paths: list[Path]) -> Ends:
    """A result is found, or the step runs, whose effects then stay true."""
    ends = Ends()
    entered = [path for path, _ in walk.given(node, (node.key, node.ttl), paths, ends.failed)]
    found = walk.visit(node.child, [path.push(path.effects) for path in entered])
    found = found.each(lambda path: path.but(effects=path.stack[-1]).pop())
    words = f"{walk.label(node.step)} has a result from an earlier time"
    for path in entered:
        ends.done.append(path.after(Deed("cached", node.step, words), end=opened(f"@{node.address}")))
        ends.stopped.append(path)
    return _with(ends, found)


def lock(walk: Walk, node: Lock, paths: list[Path]) -> Ends:
    ends = Ends()
    entered = [path for path, _ in walk.given(node, (node.key, node.limit), paths, ends.failed)]
    for path in entered:
        ends.stopped.append(path)
        if not node.whole:
            refused = Error(frozenset(("LimitExceeded",)), step=node.step, real=False)
            ends.failed.append(
                path.after(Deed("refused", node.step, f"{walk.label(node.step)} cannot lock"), end=refused)
            )
    return _with(ends, walk.visit(node.child, entered))


def queued(walk: Walk, node: Queued, paths: list[Path]) -> Ends:
    ends = Ends()
    entered = [path for path, _ in walk.given(node, (node.queue, node.priority), paths, ends.failed)]
    return _with(ends, walk.visit(node.child, entered))


def deadline(walk: Walk, node: Deadline, paths: list[Path]) -> Ends:
    ends = Ends()
    entered = [path for path, _ in walk.given(node, (node.limit,), paths, ends.failed)]
    walk.bounded += 1
    found = walk.visit(node.child, entered)
    walk.bounded -= 1
    if found.stopped:
        walk.reached.add(f"{node.address}:timeout")
    words = f"{walk.label(node.step)} times out"
    late = [
        path.after(Deed("overrun", node.step, words), end=Error(frozenset(("Timeout",)), step=node.step))
        for path in found.stopped
    ]
    ends.failed += late
    return _with(ends, found)


def retry(walk: Walk, node: Retry, paths: list[Path]) -> Ends:
    """The last attempt: what earlier ones left in variables is not known, what they gave is forgotten."""
    ends = Ends()
    where = f"@{node.address}"
    terms = (
        node.attempts, node.backoff, node.delay, node.factor, node.max_delay, node.jitter, node.within,
    )  # fmt: skip
    again = walk.layout.sets(node.address) if node.block else frozenset()
    entered: list[Path] = []
    for path, values in walk.given(node, terms, paths, ends.failed):
        entered.append(path)
        once = isinstance(values[0], Known) and values[0].value == 1
        if again and not once:
            entered.append(without_vars(path, again, where))
    found = walk.visit(node.child, [path.push(path.undos) for path in entered])
    limited = node.attempts is not None or node.within is not None
    sleeping = [path.but(undos=path.stack[-1]) for path in found.failed]
    if limited and found.failed:
        walk.reached.add(f"{node.address}:exhausted")
    if not limited:
        found.failed = [left for path in found.failed for left in _untried(node, path)]
    found.stopped += sleeping
    return _with(ends, found.each(Path.pop))


def _untried(node: Retry, path: Path) -> list[Path]:
    """What a retry without limit does not try again: an error it is not for, or one that says so itself."""
    error = path.end
    assert isinstance(error, Error)
    if error.open:
        return [path]
    fitting, rest = error.split(node.on)
    spared = None if fitting is None else fitting.split(node.excluded)[0]
    final = None if fitting is None else fitting.split(_FINAL)[0]
    return [path.but(end=kept) for kept in (rest, spared, final) if kept is not None]


_FINAL = ("InvalidInput", "InvalidOutput", "UnknownActivity", "SecretUnavailable")


def catch(walk: Walk, node: Catch, paths: list[Path]) -> Ends:
    ends = Ends()
    found = walk.visit(node.child, [path.push(path.undos) for path in paths])
    ends.done, ends.left, ends.stopped = list(found.done), list(found.left), list(found.stopped)
    taken: dict[int, list[Path]] = {number: [] for number in range(len(node.handlers))}
    for path in found.failed:
        ends.failed += _offered(walk, node, path, taken, ends)
    for number, handler in enumerate(node.handlers):
        inside = walk.visit(handler.body, walk.gather(taken[number], walk.layout.first[handler.body]))
        inside = inside.each(unbound)
        ends.add(inside)
        ends.done += inside.done
    return ends.each(Path.pop)


def _offered(walk: Walk, node: Catch, path: Path, taken: dict[int, list[Path]], ends: Ends) -> list[Path]:
    """The errors no arm takes, and those of the conditions of arms."""
    failed: list[Path] = []
    left = [path]
    for number, handler in enumerate(node.handlers):
        following: list[Path] = []
        for here in left:
            assert isinstance(here.end, Error)
            fitting, rest = here.end.split(handler.errors)
            if rest is not None:
                following.append(here.but(end=rest))
            if fitting is not None:
                caught, missed = _caught(walk, node, handler, here.but(end=fitting), failed)
                taken[number] += caught
                following += missed
        left = following
    return [*left, *failed]


def _caught(walk: Walk, node: Catch, handler: Handler, path: Path, failed: list[Path]) -> tuple[list[Path], list[Path]]:
    error = path.end
    assert isinstance(error, Error)
    value = error_value(error, walk)
    names = {"error": value} if handler.name is None else {"error": value, handler.name: value}
    inside = bound(path.without_cells(f"!{error.step}.type"), **names)
    yes: list[Path] = [inside]
    no: list[Path] = []
    if handler.when is not None:
        problems: list[Path] = []
        yes, no = walk.decided(node, handler.when, inside, problems)
        failed += [unbound(one) for one in problems]
    caught = []
    for one in yes:
        undone = one.stack[-2] if handler.compensate else one.undos
        words = f"{walk.label(node.step)} catches {', '.join(sorted(error.named)[:1] or handler.errors)}"
        deed = Deed("typed", error.step, "" if error.sure else words, _typing(error))
        caught.append(one.after(deed, end=NULL, undos=undone))
    return caught, [unbound(one).but(end=error) for one in no]


def _typing(error: Error) -> dict[str, object]:
    """What a test has to know to raise an error of this type."""
    return {"named": sorted(error.named), "open": error.open, "wanted": error.wanted, "excluded": error.excluded}


def finally_(walk: Walk, node: Finally, paths: list[Path]) -> Ends:
    """The closing steps run on every end; what they were on the way to is noted meanwhile."""
    found = walk.visit(node.child, paths)
    entered = [
        path.push((number, path.end)).but(end=NULL) for number, each in enumerate(found.lists()) for path in each
    ]
    inside = walk.shielded(lambda: walk.visit(node.body, entered))
    ends = Ends()
    for path in inside.done:
        number, end = path.stack[-1]
        ends.lists()[number].append(path.but(end=end).pop())
    for path in inside.failed:
        (ends.stopped if path.stack[-1][0] == 3 else ends.failed).append(path.pop())
    if walk.layout.blocks(node.body):  # told to stop, and done with closing all the same
        ends.stopped += [*ends.done, *(path.but(end=NULL) for path in ends.failed)]
    return ends


def finish(walk: Walk, node: Finish, paths: list[Path]) -> Ends:
    ends = Ends()
    found = walk.visit(node.child, [path.push(path.effects) for path in paths])
    done = found.done
    if node.own is not None:
        done = [path.but(results={**path.results, node.own: path.end}) for path in done]
    if node.output is not None:
        done = [path.but(end=value) for path, (value,) in walk.given(node, (node.output,), done, found.failed)]
        if node.own is not None:
            done = [path.but(results={**path.results, node.own: path.end}) for path in done]
    if node.undo is not None:
        _try_undo(walk, node, done)
        done = [path.but(undos=path.undos + 1, effects=path.stack[-1]) for path in done]
        if walk.layout.blocks(node.child):
            found.stopped = [*found.stopped, *done]
    found.done = done
    return _with(ends, found.each(Path.pop))


def _try_undo(walk: Walk, node: Finish, done: list[Path]) -> None:
    """Go through the undo as it would run with what is known now; what it fails with is nobody's error."""
    assert node.undo is not None
    undo = node.undo
    inside = walk.shielded(lambda: walk.visit(undo, [path.push("undo") for path in done]))
    walk.bad_undos += [path for path in inside.failed if isinstance(path.end, Error) and path.end.sure]


def _with(ends: Ends, found: Ends) -> Ends:
    return Ends(*(one + other for one, other in zip(ends.lists(), found.lists(), strict=True)))
