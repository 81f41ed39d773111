"""Turns the tree of a checked definition into a program: a flat table of nodes.

Steps become a chain of nodes, modifiers around kinds, from the outside in: `if`, `cache`, `lock`, `queue`, `finally`,
`catch`, total timeout, `retry`, attempt timeout, then completion (`output`, `compensate`) around the kind itself.
Assumes that `checks` found nothing wrong; does not report, and does not know how nodes run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from typing import Any

from perdure.definition.defaults import with_defaults
from perdure.definition.kinds import KIND_COMPILERS
from perdure.definition.models import Document, Path, Step, StepList
from perdure.definition.names import Reads, spelled
from perdure.definition.schedules import read_schedule, schedules
from perdure.expressions import Expression, Template, compile_expression, compile_template
from perdure.program import Position, Program
from perdure.program.nodes import (
    Address,
    Cache,
    Captures,
    Catch,
    Deadline,
    Finally,
    Finish,
    Guard,
    Handler,
    Lock,
    Node,
    Queued,
    Retry,
    Run,
    Sequence,
)
from perdure.values import JSON

Locate = Callable[[str, Path], Position]
"""The position of what stands at a path of a file."""


def compile_document(document: Document, digest: str, locate: Locate) -> Program:
    """The program of a definition in which `checks` found no error."""
    compiler = Compiler(document)
    keys = document.keys
    compiler.root(document.root)
    steps = [document.root, *document.walk()]
    ids = {step.address: step.id for step in steps if step.id is not None}
    whole = compiler.reads.whole_steps
    return Program(
        name=keys["workflow"],
        version=None if keys.get("version") is None else str(keys["version"]),
        digest=digest,
        description=keys.get("description"),
        root="#run",
        nodes=compiler.nodes,
        positions={step.address: locate(step.origin.file, step.path) for step in steps},
        kinds={step.address: step.kind for step in steps},
        ids=ids,
        shared=frozenset(step.address for step in steps if step.shared),
        kept=frozenset(ids.values()) if whole else frozenset(compiler.reads.steps & set(ids.values())),
        marks=frozenset(compiler.marks),
        input_schema=keys.get("input"),
        output_schema=keys.get("output_schema"),
        vars=None if "vars" not in keys else compiler.template(keys["vars"]),
        labels=None if "labels" not in keys else compiler.template(keys["labels"]),
        schedules=tuple(read_schedule(keys["workflow"], written) for _, written in schedules(keys)),
        queries={name: compile_expression(text) for name, text in (keys.get("queries") or {}).items()},
        children=tuple(dict.fromkeys(step.keys["workflow"] for step in steps[1:] if step.kind == "workflow")),
        summaries=compiler.summaries,
        descriptions={step.address: step.keys["description"] for step in steps[1:] if step.keys.get("description")},
    )


class Compiler:
    """Collects the nodes of one document. `reads` knows every name that was read so far, innermost undo apart."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.defaults: Mapping[str, Any] = document.keys.get("defaults") or {}
        self.nodes: dict[Address, Node] = {}
        self.reads = Reads()
        self.marks: set[str] = set()
        self.said: Set[str] = frozenset()
        """Of `queue` and `priority`, those that blocks around the present step say."""
        self.summaries: dict[Address, Template] = {}
        self.all_ids = tuple(step.id for step in document.walk() if step.id is not None)

    # -- what kinds ask for

    def add(self, node: Node) -> Address:
        self.nodes[node.address] = node
        return node.address

    def template(self, value: JSON) -> Template:
        template = compile_template(value)
        for _, expression in template.expressions:
            self.reads.note(expression)
        return template

    def optional(self, value: JSON) -> Template | None:
        return None if value is None else self.template(value)

    def expression(self, text: JSON) -> Expression:
        expression = compile_expression(text if isinstance(text, str) else spelled(text))
        self.reads.note(expression)
        return expression

    def body(self, step: Step, found: StepList, part: str) -> Address:
        """A list of steps as a sequence; its address is the step's with the part's name."""
        children = tuple(self.step(child) for child in found.steps)
        order = {child: place for place, child in enumerate(children)}
        return self.add(Sequence(address=f"{step.address}#{part}", step=step.address, children=children, order=order))

    # -- steps

    def root(self, root: Step) -> None:
        top = self.layers(root, self.body(root, root.lists[0], "steps"))
        if "concurrency" in root.keys:
            top = self.concurrency(root, top)
        self.add(Run(address="#run", step="", child=top))

    def step(self, step: Step) -> Address:
        step.keys = with_defaults(step, self.defaults, self.said)
        around = self.said
        if step.kind != "activity":
            self.said = around | (step.keys.keys() & {"queue", "priority"})
        self.add(KIND_COMPILERS[step.kind](self, step))
        if step.keys.get("summary") is not None:
            self.summaries[step.address] = self.template(step.keys["summary"])
        outermost = self.layers(step, step.address)
        if step.id is not None:
            self.nodes[outermost] = replace(self.nodes[outermost], result=step.id)
        self.said = around
        return outermost

    def layers(self, step: Step, kind: Address) -> Address:
        """The nodes of a step's modifiers around the node of its kind; the outermost address."""
        inner = self.finish(step, kind)
        inner = self.timeouts_and_retry(step, inner)
        inner = self.catch(step, inner)
        for found in step.of("finally"):
            body = self.body(step, found, "finally")
            inner = self.add(Finally(address=f"{step.address}#guarded", step=step.address, child=inner, body=body))
        inner = self.queued(step, inner)
        if "lock" in step.keys:
            inner = self.lock(step, inner)
        if "cache" in step.keys:
            inner = self.cache(step, inner)
        if "if" in step.keys:
            condition = self.expression(step.keys["if"])
            inner = self.add(Guard(address=f"{step.address}#if", step=step.address, child=inner, condition=condition))
        return inner

    def lock(self, step: Step, inner: Address) -> Address:
        terms = step.keys["lock"]
        if step.kind in ("parallel", "foreach"):  # a list around it keeps losers (`rest: finish`) within the lock
            held = f"{step.address}#held"
            inner = self.add(Sequence(address=held, step=step.address, children=(inner,), order={inner: 0}))
        key, limit = self.template(terms["key"]), self.optional(terms.get("limit"))
        return self.add(Lock(address=f"{step.address}#lock", step=step.address, child=inner, key=key, limit=limit))

    def concurrency(self, root: Step, inner: Address) -> Address:
        terms = root.keys["concurrency"]
        return self.add(
            Lock(
                address="#concurrency",
                step="",
                child=inner,
                key=self.template(terms.get("key", "")),
                limit=self.optional(terms.get("limit")),
                prefix=f"concurrency:{root.keys['workflow']}:",
                conflict=terms.get("on_conflict", "queue"),
                whole=True,
            )
        )

    def cache(self, step: Step, inner: Address) -> Address:
        terms = step.keys["cache"]
        key, ttl = self.template(terms["key"]), self.optional(terms.get("ttl"))
        return self.add(Cache(address=f"{step.address}#cache", step=step.address, child=inner, key=key, ttl=ttl))

    def queued(self, step: Step, inner: Address) -> Address:
        """What a step says for the activities inside it; of an activity it is the node's own."""
        queue, priority = step.keys.get("queue"), step.keys.get("priority")
        if step.kind == "activity" or (queue is None and priority is None):
            return inner
        return self.add(
            Queued(
                address=f"{step.address}#queued",
                step=step.address,
                child=inner,
                queue=self.optional(queue),
                priority=self.optional(priority),
            )
        )

    def finish(self, step: Step, child: Address) -> Address:
        output = self.template(step.keys["output"]) if "output" in step.keys else None
        undo, captures = None, Captures()
        for found in step.of("undo"):
            outer, self.reads = self.reads, Reads()
            undo = self.body(step, found, "undo")
            captures = self.captures(step, found)
            outer.include(self.reads)
            self.reads = outer
        if output is None and undo is None:
            return child
        return self.add(
            Finish(
                address=f"{step.address}#finish",
                step=step.address,
                child=child,
                own=step.id,
                output=output,
                undo=undo,
                captures=captures,
            )
        )

    def captures(self, step: Step, undo: StepList) -> Captures:
        """What an undo reads of the world outside it; what never changes needs no copy."""
        fixed = {"steps", "vars", "run", "secrets"} if step.shared else {"steps", "vars", "run", "secrets", "input"}
        inside = {inner.id for step in undo.steps for inner in step.walk()}
        steps = self.all_ids if self.reads.whole_steps else sorted(self.reads.steps)
        return Captures(
            steps=tuple(id for id in steps if id not in inside),
            vars="vars" in self.reads.roots,
            bindings=tuple(sorted(self.reads.roots - fixed)),
        )

    def timeouts_and_retry(self, step: Step, inner: Address) -> Address:
        timeout = step.keys.get("timeout")
        limits = timeout if isinstance(timeout, dict) else {"total": timeout}
        inner = self.deadline(step, inner, "attempt", limits.get("attempt"))
        if step.keys.get("retry") is not None:
            inner = self.add(self.retry(step, inner))
        return self.deadline(step, inner, "total", limits.get("total"))

    def deadline(self, step: Step, inner: Address, of: str, limit: JSON) -> Address:
        if limit is None:
            return inner
        address = f"{step.address}#timeout-{of}"
        return self.add(Deadline(address=address, step=step.address, child=inner, limit=self.template(limit), of=of))

    def retry(self, step: Step, inner: Address) -> Retry:
        policy = step.keys["retry"]
        return Retry(
            address=f"{step.address}#retry",
            step=step.address,
            child=inner,
            block=step.kind != "activity",
            whole=step is self.document.root,
            inner=tuple(found.id for found in step.walk() if found.id is not None),
            attempts=self.optional(policy.get("attempts")),
            backoff=self.optional(policy.get("backoff")),
            delay=self.optional(policy.get("delay")),
            factor=self.optional(policy.get("factor")),
            max_delay=self.optional(policy.get("max_delay")),
            jitter=self.optional(policy.get("jitter")),
            within=self.optional(policy.get("within")),
            on=_texts(policy.get("on")) or ("*",),
            excluded=_texts(policy.get("except")),
        )

    def catch(self, step: Step, inner: Address) -> Address:
        arms = step.keys.get("catch")
        if not arms:
            return inner
        bodies = {found.key: self.body(step, found, f"catch-{found.key}") for found in step.of("catch")}
        handlers = tuple(
            Handler(
                body=bodies.get(str(index)) or self.empty(step, f"catch-{index}"),
                errors=_texts(arm.get("errors")) or ("*",),
                when=self.expression(arm["if"]) if "if" in arm else None,
                name=arm.get("as"),
                compensate=arm.get("compensate") is True,
            )
            for index, arm in enumerate(arms)
        )
        return self.add(Catch(address=f"{step.address}#catch", step=step.address, child=inner, handlers=handlers))

    def empty(self, step: Step, part: str) -> Address:
        return self.add(Sequence(address=f"{step.address}#{part}", step=step.address, children=(), order={}))


def _texts(value: JSON) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
