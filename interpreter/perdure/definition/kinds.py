"""One compiler per step kind: the step's keys become its node. Modifiers are `compiler`'s business."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from perdure.definition.models import Step, StepList
from perdure.program.nodes import (
    Activity,
    Arm,
    Ask,
    Branch,
    CancelRun,
    Child,
    Emit,
    Fail,
    Foreach,
    Joining,
    Lane,
    MessageHandler,
    Node,
    Parallel,
    Patience,
    Publish,
    Receive,
    Repeat,
    Restart,
    Return,
    Rollback,
    Select,
    Send,
    Sequence,
    Set,
    Trigger,
    Use,
    Wait,
)
from perdure.values import JSON

if TYPE_CHECKING:
    from perdure.definition.compiler import Compiler


def activity(compiler: Compiler, step: Step) -> Node:
    timeout = step.keys.get("timeout")
    limits = timeout if isinstance(timeout, dict) else {}
    return Activity(
        address=step.address,
        step=step.address,
        name=step.keys["activity"],
        arguments=compiler.template(step.keys.get("with") or {}),
        queue=compiler.optional(step.keys.get("queue")),
        priority=compiler.optional(step.keys.get("priority")),
        queue_timeout=compiler.optional(limits.get("queue")),
        heartbeat=compiler.optional(limits.get("heartbeat")),
    )


def block(compiler: Compiler, step: Step) -> Node:
    found = step.lists[0]
    children = tuple(compiler.step(child) for child in found.steps)
    order = {child: place for place, child in enumerate(children)}
    return Sequence(address=step.address, step=step.address, children=children, order=order)


def branch(compiler: Compiler, step: Step) -> Node:
    written = step.keys["branch"]
    arms = [
        Arm(
            body=compiler.body(step, found, f"{found.role}-{found.key}"),
            when=compiler.expression(found.owner["when"]) if found.role == "when" else None,
            case=found.key if found.role == "case" else None,
        )
        for found in step.of("when", "case", "else")
    ]
    on = compiler.expression(written["on"]) if isinstance(written, dict) else None
    return Branch(address=step.address, step=step.address, arms=tuple(arms), on=on)


def parallel(compiler: Compiler, step: Step) -> Node:
    lanes = {}
    for found in step.of("branch"):
        lanes[found.key] = Lane(
            body=compiler.body(step, found, f"branch-{found.key}"),
            when=compiler.expression(found.owner["if"]) if "if" in found.owner else None,
            keeps=any(inner.id is not None for child in found.steps for inner in child.walk()),
        )
    return Parallel(
        address=step.address, step=step.address, lanes=lanes, joining=_joining(compiler, step.keys["parallel"])
    )


def foreach(compiler: Compiler, step: Step) -> Node:
    keys = step.keys
    return Foreach(
        address=step.address,
        step=step.address,
        items=compiler.expression(keys["foreach"]),
        name=keys.get("as", "item"),
        concurrency=compiler.optional(keys.get("concurrency")),
        body=compiler.body(step, step.lists[0], "turn"),
        joining=_joining(compiler, keys),
    )


def repeat(compiler: Compiler, step: Step) -> Node:
    terms = step.keys["repeat"] or {}
    return Repeat(
        address=step.address,
        step=step.address,
        body=compiler.body(step, step.lists[0], "turn"),
        before=compiler.expression(terms["while"]) if "while" in terms else None,
        after=compiler.expression(terms["until"]) if "until" in terms else None,
        most=compiler.optional(terms.get("max")),
    )


def wait(compiler: Compiler, step: Step) -> Node:
    written = step.keys["wait"]
    terms = written if isinstance(written, dict) else {"for": written}
    for gather in ("any", "all"):
        if gather in terms:
            triggers = tuple(_trigger(compiler, entry, terms) for entry in terms[gather])
            break
    else:
        gather = "one"
        triggers = (_trigger(compiler, {"after": terms["for"]} if "for" in terms else terms, terms),)
    return Wait(
        address=step.address,
        step=step.address,
        gather=gather,
        triggers=triggers,
        patience=_patience(compiler, terms),
    )


def select(compiler: Compiler, step: Step) -> Node:
    written = step.keys["select"]
    terms = written if isinstance(written, dict) else {}
    bodies = {found.key: found for found in step.of("arm")}
    triggers, arms = [], {}
    for index, entry in enumerate(terms["arms"] if terms else written):
        found = bodies.get(str(index))
        name = str(index)
        triggers.append(_trigger(compiler, {**entry, "name": name}, terms))
        part = f"arm-{index}"
        arms[name] = compiler.empty(step, part) if found is None else compiler.body(step, found, part)
    return Select(
        address=step.address,
        step=step.address,
        triggers=tuple(triggers),
        arms=arms,
        patience=_patience(compiler, terms),
    )


def ask(compiler: Compiler, step: Step) -> Node:
    terms = step.keys["ask"]
    return Ask(
        address=step.address,
        step=step.address,
        prompt=compiler.template(terms["prompt"]),
        form=compiler.optional(terms.get("form")),
        choices=compiler.optional(terms.get("choices")),
        of=compiler.optional(terms.get("of")),
        reminders=compiler.optional(terms.get("reminders")),
        patience=_patience(compiler, terms),
    )


def receive(compiler: Compiler, step: Step) -> Node:
    terms = step.keys["receive"]
    bodies = {found.key: found for found in step.of("handler")}
    return Receive(
        address=step.address,
        step=step.address,
        state=compiler.template(terms.get("state", {})),
        handlers=tuple(
            _handler(compiler, step, handler, bodies.get(str(index))) for index, handler in enumerate(terms["on"])
        ),
        until=None if "until" not in terms else compiler.expression(terms["until"]),
        patience=_patience(compiler, terms),
    )


def publish(compiler: Compiler, step: Step) -> Node:
    return Publish(address=step.address, step=step.address, value=compiler.template(step.keys["publish"]))


def send(compiler: Compiler, step: Step) -> Node:
    terms = step.keys["send"]
    return Send(
        address=step.address,
        step=step.address,
        to=compiler.template(terms["to"]),
        signal=terms["signal"],
        data=compiler.template(terms.get("data")),
    )


def emit(compiler: Compiler, step: Step) -> Node:
    terms = step.keys["emit"]
    data = compiler.template(terms.get("data"))
    return Emit(address=step.address, step=step.address, event=terms["event"], data=data)


def cancel(compiler: Compiler, step: Step) -> Node:
    written = step.keys["cancel"]
    terms = written if isinstance(written, dict) else {"run": written}
    return CancelRun(
        address=step.address,
        step=step.address,
        run=compiler.template(terms["run"]),
        reason=compiler.optional(terms.get("reason")),
    )


def child(compiler: Compiler, step: Step) -> Node:
    keys = step.keys
    return Child(
        address=step.address,
        step=step.address,
        workflow=keys["workflow"],
        input=compiler.template(keys.get("with") or {}),
        detach=keys.get("detach") is True,
        closing=keys.get("on_parent_close", "cancel"),
    )


def set_(compiler: Compiler, step: Step) -> Node:
    return Set(address=step.address, step=step.address, values=compiler.template(step.keys["set"]))


def return_(compiler: Compiler, step: Step) -> Node:
    return Return(address=step.address, step=step.address, value=compiler.template(step.keys["return"]))


def fail(compiler: Compiler, step: Step) -> Node:
    return Fail(address=step.address, step=step.address, error=compiler.template(step.keys["fail"]))


def restart(compiler: Compiler, step: Step) -> Node:
    return Restart(address=step.address, step=step.address, input=compiler.template(step.keys["restart"]["input"]))


def rollback(compiler: Compiler, step: Step) -> Node:
    written = step.keys["rollback"]
    to = written["to"] if isinstance(written, dict) else None
    if to is not None:
        compiler.marks.add(to)
    return Rollback(address=step.address, step=step.address, to=to)


def use(compiler: Compiler, step: Step) -> Node:
    fragment = step.fragment or {}
    body = compiler.body(step, step.lists[0], "fragment")
    return Use(
        address=step.address,
        step=step.address,
        arguments=compiler.template(step.keys.get("with") or {}),
        schema=fragment.get("input"),
        body=body,
        output=compiler.template(fragment["output"]) if "output" in fragment else None,
    )


KIND_COMPILERS: dict[str, Callable[[Compiler, Step], Node]] = {
    "activity": activity,
    "workflow": child,
    "steps": block,
    "branch": branch,
    "parallel": parallel,
    "foreach": foreach,
    "repeat": repeat,
    "wait": wait,
    "select": select,
    "ask": ask,
    "receive": receive,
    "set": set_,
    "publish": publish,
    "send": send,
    "emit": emit,
    "cancel": cancel,
    "return": return_,
    "fail": fail,
    "restart": restart,
    "rollback": rollback,
    "use": use,
}


def _handler(compiler: Compiler, step: Step, written: Mapping[str, JSON], steps: StepList | None) -> MessageHandler:
    return MessageHandler(
        name=written.get("update") or written["signal"],
        update="update" in written,
        schema=written.get("input"),
        accept=None if "accept" not in written else compiler.expression(written["accept"]),
        body=None if steps is None or not steps.steps else compiler.body(step, steps, f"handler-{steps.key}"),
        place="" if steps is None or not steps.steps else steps.steps[0].address.rpartition("/")[0],
        values=None if "set" not in written else compiler.template(written["set"]),
        reply=None if "reply" not in written else compiler.template(written["reply"]),
        stop=written.get("stop") is True,
        concurrent=written.get("async") is True,
    )


def _joining(compiler: Compiler, terms: Mapping[str, JSON]) -> Joining:
    return Joining(
        join=compiler.optional(terms.get("join")),
        finish=terms.get("rest") == "finish",
        collect=terms.get("on_error") == "collect",
        tolerate=compiler.optional(terms.get("tolerate")),
    )


def _patience(compiler: Compiler, terms: Mapping[str, JSON]) -> Patience:
    return Patience(
        timeout=compiler.optional(terms.get("timeout")),
        default=compiler.template(terms["default"]) if "default" in terms else None,
    )


def _trigger(compiler: Compiler, entry: Mapping[str, JSON], terms: Mapping[str, JSON]) -> Trigger:
    signal, event = entry.get("signal"), entry.get("event")
    return Trigger(
        name=entry.get("name") or signal or event or "time",
        signal=signal,
        event=event,
        match=None if "match" not in entry else compiler.expression(entry["match"]),
        after=compiler.optional(entry.get("after")),
        until=compiler.optional(entry.get("until")),
        zone=compiler.optional(entry.get("timezone", terms.get("timezone"))),
        transient=entry.get("transient", terms.get("transient", False)) is True,
    )
