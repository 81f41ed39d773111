"""What steps without steps inside may come to: calls, waits, questions, messages, and the plain ones.

Each completes, fails in the ways the language gives it, or is told to stop while time passes.
"""

from __future__ import annotations

from typing import Any, Final

from perdure.exploration.knowledge import NULL, Known, Open, Value, either, fields, known, lifted, opened
from perdure.exploration.paths import Error, Path
from perdure.exploration.trails import Deed
from perdure.exploration.walk import Ends, Walk
from perdure.program.nodes import (
    Activity,
    Ask,
    CancelRun,
    Child,
    Emit,
    Fail,
    Node,
    Patience,
    Publish,
    Restart,
    Return,
    Rollback,
    Send,
    Set,
    Trigger,
    Wait,
)

HARMLESS: Final = frozenset(("noop", "log"))
"""Built-in activities that do nothing to the world, and do not fail."""
_ANY_CALL: Final = frozenset((
    "ActivityFailed", "Cancelled", "InvalidInput", "InvalidOutput", "SecretUnavailable", "UnknownActivity",
    "WorkerLost",
))  # fmt: skip
"""Errors any call may end with, besides those the activity chooses."""


def activity(walk: Walk, node: Activity, paths: list[Path]) -> Ends:
    ends = Ends()
    limits = (node.queue, node.priority, node.queue_timeout, node.heartbeat)
    entry = walk.catalogue.get(node.name) or {}
    label, cell = walk.label(node.step), f"@{node.address}"
    result = opened(cell, entry.get("result"))
    named = set(_ANY_CALL) | set(entry.get("errors") or ())
    if node.queue_timeout is not None or node.heartbeat is not None:
        named.add("Timeout")
    acts = walk.saga and node.name not in HARMLESS and not entry.get("read_only")
    for path, _ in walk.given(node, (node.arguments, *limits), paths, ends.failed):
        path = path.without_cells(cell).without_cells(f"!{node.step}")
        effects = path.effects | {node.step} if acts else path.effects
        ends.done.append(path.after(Deed("completed", node.step, f"{label} completes"), end=result, effects=effects))
        ends.stopped.append(path.after(Deed("hung", node.step, f"{label} does not end")))
        if node.name not in HARMLESS:
            details = either(f"!{node.step}.details", [NULL, Open(f"!{node.step}.details.")])
            error = Error(frozenset(named), open=True, details=details, step=node.step)
            ends.failed.append(path.after(Deed("failed", node.step, f"{label} fails"), end=error))
    return ends


def child(walk: Walk, node: Child, paths: list[Path]) -> Ends:
    ends = Ends()
    label, cell = walk.label(node.step), f"@{node.address}"
    for path, _ in walk.given(node, (node.input, node.id), paths, ends.failed):
        path = path.without_cells(cell)
        value = opened(cell, {"type": "string"} if node.detach else {})
        ends.done.append(path.after(Deed("completed", node.step, f"{label} completes"), end=value))
        details = Open(f"!{node.step}.details")
        error = Error(frozenset(("ChildFailed", "LimitExceeded")), details=details, step=node.step)
        ends.failed.append(path.after(Deed("failed", node.step, f"{label} fails"), end=error))
        ends.stopped.append(path.after(Deed("hung", node.step, f"{label} does not end")))
    return ends


def messages_only(triggers: tuple[Trigger, ...], gather: str) -> bool:
    """Whether nothing but messages ends a wait for these."""
    told = [trigger.signal is not None or trigger.event is not None for trigger in triggers]
    return any(told) if gather == "all" else all(told)


def wait(walk: Walk, node: Wait, paths: list[Path]) -> Ends:
    ends = Ends()
    label = walk.label(node.step)
    templates = [part for one in node.triggers for part in (one.after, one.until, one.zone)]
    for path, _ in walk.given(node, (node.patience.timeout, *templates), paths, ends.failed):
        path = path.without_cells(f"@{node.address}")
        if messages_only(node.triggers, node.gather) and node.patience.timeout is None:
            note_endless(walk, node, path)
        if node.gather == "all":
            for trigger in node.triggers:
                path = _told(walk, node, trigger, path)
            value: Value = fields(**{trigger.name: _data(node, trigger) for trigger in node.triggers})
            ends.done.append(path.but(end=value))
        else:
            for trigger in node.triggers:
                data = _data(node, trigger)
                value = data if node.gather == "one" else fields(name=known(trigger.name), data=data)
                ends.done.append(_told(walk, node, trigger, path).but(end=value))
        ends.stopped.append(path.after(Deed("", node.step, f"{label} waits")))
        impatient(walk, node, path, ends)
    return ends


def _data(node: Node, trigger: Trigger) -> Value:
    return NULL if trigger.signal is None and trigger.event is None else Open(f"@{node.address}:{trigger.name}")


def _told(walk: Walk, node: Node, trigger: Trigger, path: Path) -> Path:
    return path.after(trigger_deed(walk, node, trigger))


def trigger_deed(walk: Walk, node: Node, trigger: Trigger) -> Deed:
    """What happens when a trigger fires."""
    label = walk.label(node.step)
    kind = "signal" if trigger.signal is not None else "event"
    name = trigger.signal or trigger.event
    if name is None:
        return Deed("", node.step, f"the time of {label} comes")
    payload = {"kind": kind, "name": name, "cell": f"@{node.address}:{trigger.name}"}
    return Deed("message", node.step, f"{label} gets the {kind} {name}", payload)


def impatient(walk: Walk, node: Any, path: Path, ends: Ends, shape: Any = lambda value: value) -> None:
    """A wait whose time is over: its default, or Timeout."""
    patience: Patience = node.patience
    if patience.timeout is None:
        return
    walk.reached.add(f"{node.address}:timeout")
    late = path.after(Deed("expired", node.step, f"the time of {walk.label(node.step)} is over"))
    if patience.default is None:
        ends.failed.append(late.but(end=Error(frozenset(("Timeout",)), step=node.step)))
        return
    for there, (value,) in walk.given(node, (patience.default,), [late], ends.failed):
        ends.done.append(there.but(end=shape(value)))


def note_endless(walk: Walk, node: Node, path: Path) -> None:
    if not walk.bounded:
        walk.endless.setdefault(node.address, path)


def ask(walk: Walk, node: Ask, paths: list[Path]) -> Ends:
    ends = Ends()
    cell = f"@{node.address}"
    templates = (node.prompt, node.form, node.choices, node.of, node.reminders, node.patience.timeout)
    for path, values in walk.given(node, templates, paths, ends.failed):
        path = path.without_cells(cell)
        if node.patience.timeout is None:
            note_endless(walk, node, path)
        answer = opened(f"{cell}.answer", _answers(values[1], values[2]))
        by = Open(f"{cell}.by", {"type": ["string", "null"]})
        at = Open(f"{cell}.at", {"type": "string"}, solid=True)
        deed = Deed("answer", node.step, f"{walk.label(node.step)} is answered", {"cell": f"{cell}.answer"})
        ends.done.append(path.after(deed, end=fields(answer=answer, by=by, at=at)))
        ends.stopped.append(path.after(Deed("", node.step, f"{walk.label(node.step)} waits")))
        impatient(walk, node, path, ends, lambda value, at=at: fields(answer=value, by=NULL, at=at))
    return ends


def _answers(form: Value, choices: Value) -> Any:
    """The schema of the answers that fit."""
    if isinstance(choices, Known) and isinstance(choices.value, list):
        return {"enum": choices.value}
    return form.value if isinstance(form, Known) and isinstance(form.value, dict) else {}


def set_(walk: Walk, node: Set, paths: list[Path]) -> Ends:
    ends = Ends()
    for path, (value,) in walk.given(node, (node.values,), paths, ends.failed):
        items = dict(getattr(lifted(value), "items", ()))
        ends.done.append(path.but(vars={**path.vars, **items}, end=value))
    return ends


def publish(walk: Walk, node: Publish, paths: list[Path]) -> Ends:
    ends = Ends()
    ends.done = [path.but(end=NULL) for path, _ in walk.given(node, (node.value,), paths, ends.failed)]
    return ends


def return_(walk: Walk, node: Return, paths: list[Path]) -> Ends:
    ends = Ends()
    for path, (value,) in walk.given(node, (node.value,), paths, ends.failed):
        ends.left.append(path.after(Deed("", node.step, f"{walk.label(node.step)} ends the run"), end=value))
    return ends


def restart(walk: Walk, node: Restart, paths: list[Path]) -> Ends:
    ends = Ends()
    for path, (value,) in walk.given(node, (node.input,), paths, ends.failed):
        if walk.program.input_schema is not None:
            ends.failed.append(path.but(end=Error(frozenset(("InvalidInput",)), step=node.step, real=False)))
        restarted = fields(restart=value)
        ends.left.append(path.after(Deed("", node.step, f"{walk.label(node.step)} restarts the run"), end=restarted))
    return ends


def fail(walk: Walk, node: Fail, paths: list[Path]) -> Ends:
    ends = Ends()
    for path, (value,) in walk.given(node, (node.error,), paths, ends.failed):
        found = lifted(value)
        type, details = (getattr(found, "get", lambda key: None)(key) for key in ("type", "details"))
        name = type.value if isinstance(type, Known) and isinstance(type.value, str) else None
        named = frozenset() if name is None else frozenset((name,))
        error = Error(named, open=name is None, details=NULL if details is None else details, step=node.step)
        words = f"{walk.label(node.step)} raises {name or 'its error'}"
        ends.failed.append(path.after(Deed("", node.step, words), end=error))
    return ends


def rollback(walk: Walk, node: Rollback, paths: list[Path]) -> Ends:
    stopped = [path for path in paths if path.undos]
    done = [path.but(end=NULL, undos=0 if node.to is None else path.undos) for path in paths]
    return Ends(done=done, stopped=stopped)


def _errand(walk: Walk, node: Node, templates: tuple[Any, ...], errors: tuple[str, ...], paths: list[Path]) -> Ends:
    """Something that is sent: it arrives, or there is nobody it could reach."""
    ends = Ends()
    label = walk.label(node.step)
    for path, _ in walk.given(node, templates, paths, ends.failed):
        ends.done.append(path.but(end=NULL))
        ends.stopped.append(path)
        if errors:
            deed = Deed("unsent", node.step, f"{label} cannot be sent", errors[0])
            ends.failed.append(path.after(deed, end=Error(frozenset(errors), step=node.step)))
    return ends


def send(walk: Walk, node: Send, paths: list[Path]) -> Ends:
    return _errand(walk, node, (node.to, node.data), ("UnknownRun", "RunConflict"), paths)


def emit(walk: Walk, node: Emit, paths: list[Path]) -> Ends:
    return _errand(walk, node, (node.data,), (), paths)


def cancel(walk: Walk, node: CancelRun, paths: list[Path]) -> Ends:
    return _errand(walk, node, (node.run, node.reason), ("UnknownRun",), paths)
