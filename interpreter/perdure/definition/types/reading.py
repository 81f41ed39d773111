"""The types of paths: names, keys, items and slices; and what is wrong where one cannot be read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from jinja2 import nodes

from perdure.definition.diagnostics import quoted
from perdure.definition.types.describe import called
from perdure.definition.types.faults import Seen
from perdure.definition.types.lattice import (
    LIST,
    MAPPING,
    NEVER,
    NOTHING,
    NULL,
    TEXT,
    TEXTS,
    TOLD,
    WHOLE,
    Type,
    find,
    nullable,
    only,
    union,
    values,
)
from perdure.definition.types.names import Member, Path
from perdure.expressions.access import Key
from perdure.expressions.reads import NULL as NULL_NAME
from perdure.expressions.wording import spelled

if TYPE_CHECKING:
    from perdure.definition.types.inference import Inference

MOST_KNOWN: Final = 9
"""Fields that a hint lists."""


def read(self: Inference, node: nodes.Node, soft: bool) -> Type:
    """A name, key, item or slice."""
    if isinstance(node, nodes.Getitem) and _key(node) is None:
        return _dynamic(self, node, soft)
    base, keys = taken_apart(node)
    if isinstance(base, nodes.Name) and base.name != NULL_NAME:
        return _path(self, base.name, keys, base.lineno, soft)
    value = NOTHING if isinstance(base, nodes.Name) else self.type(base, soft=soft)
    return _keys(self, value, "the value", keys, node.lineno, soft)


def path_of(node: nodes.Node) -> Path | None:
    """The path that a node reads, if it reads one and does nothing else."""
    if not isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
        return None
    base, keys = taken_apart(node)
    return (base.name, *keys) if isinstance(base, nodes.Name) and base.name != NULL_NAME else None


def taken_apart(node: nodes.Node) -> tuple[nodes.Node, tuple[Key, ...]]:
    """What stands in front of a node's constant keys, and these."""
    keys: list[Key] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem) and (key := _key(node)) is not None:
        keys.append(key)
        node = node.node
    return node, tuple(reversed(keys))


def type_at(self: Inference, path: Path) -> Type:
    """The type of a path, nothing being said of where it cannot be read."""
    root, *keys = path
    found, index = _first(self, str(root), tuple(keys))
    for key in keys[index:]:
        found = _refined(self, path, index, find(found, key))
        index += 1
    return found


def warn_of_null(self: Inference, node: nodes.Node) -> None:
    """A value that something says may be null stands where null fails."""
    path = path_of(node)
    if path is None:
        self.fault("WF318", "the value may be null here", node.lineno, severity="warning", hint=_GUARD, fails=False)
        return
    root, *keys = path
    _warn(self, str(root), tuple(keys), node_offset(node))


def node_offset(node: nodes.Node) -> int:
    """Where the text of a node begins, brackets apart."""
    while True:
        inner = next((found for name in _LEFT if isinstance(found := getattr(node, name, None), nodes.Node)), None)
        if inner is None or isinstance(node, nodes.Call | nodes.Dict | nodes.CondExpr | nodes.Not | nodes.Neg):
            return node.lineno
        node = inner


_LEFT: Final = ("node", "left", "expr")
_GUARD: Final = "write | default(…, true) for a value that may be null"


def _key(node: nodes.Getattr | nodes.Getitem) -> Key | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    value = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return value if isinstance(value, str) or type(value) is int else None


def _path(self: Inference, root: str, keys: tuple[Key, ...], offset: int, soft: bool) -> Type:
    found, index = _first(self, root, keys)
    path = (root, *keys)
    self.note(Seen(offset, root, keys[:index], found))
    for at in range(index, len(keys)):
        if not soft:
            _judge(self, found, root, keys, at, offset)
        found = _refined(self, path, at, find(found, keys[at]))
        self.note(Seen(offset, root, keys[: at + 1], found))
    return found


def _first(self: Inference, root: str, keys: tuple[Key, ...]) -> tuple[Type, int]:
    """The type of the root, or of its member where members are known one by one; and how many keys that takes."""
    member = self.names.member(root, keys[0], self.ground.known) if keys else None
    if member is None:
        return self.ground.refined.get((root,)) or self.names.root(root), 0
    refined = self.ground.refined.get((root, keys[0]))
    if refined is not None:
        return refined, 1
    return (nullable(member.type) if member.doubt else member.type), 1


def _refined(self: Inference, path: Path, index: int, found: Type) -> Type:
    refined = self.ground.refined
    return refined.get(path[: index + 2], found) if refined else found


def _keys(self: Inference, value: Type, holder: str, keys: tuple[Key, ...], offset: int, soft: bool) -> Type:
    """The keys behind a value that has no name."""
    found = value
    for at, key in enumerate(keys):
        if not soft:
            _judge(self, found, holder, keys, at, offset)
        found = find(found, key)
    return found


def _judge(self: Inference, found: Type, root: str, keys: tuple[Key, ...], at: int, offset: int) -> None:
    """What is wrong with reading the key at an index, what stands before it being known."""
    if not found.kinds:
        return
    key = keys[at]
    able = found.kinds & (MAPPING if isinstance(key, str) else LIST | TEXT)
    if not able:
        what = called(only(found, ~NULL)) if found.kinds & ~(NULL | TOLD) else "null"
        noun, shown = ("field", quoted(key)) if isinstance(key, str) else ("item", str(key))
        message = f"{spelled(root, keys[:at])} has no {noun} {shown}: it is {what}"
        self.fault("WF311", message, offset, root, keys[: at + 1], hint=_instead(found, key))
        return
    if isinstance(key, str) and found.fields is not None and key not in found.fields.named:
        fields = found.fields
        if not fields.rest.kinds or fields.listed:
            known = tuple(fields.named)
            hint = None
            if len(known) < MOST_KNOWN:
                hint = f"it has {', '.join(known)}" if known else "it has no fields"
            self.fault(
                "WF311", f"{spelled(root, keys[:at])} has no field {quoted(key)}", offset, root, keys[: at + 1],
                hint=hint, known=known, severity="warning" if fields.rest.kinds else None, fails=not fields.rest.kinds,
            )  # fmt: skip
            return
    if found.kinds & TOLD:
        _warn(self, root, keys[:at], offset, read=spelled(root, keys))


def _instead(found: Type, key: Key) -> str | None:
    if found.kinds & LIST and isinstance(key, str):
        return f'write [0] for its first item, or | map(attribute="{key}")'
    return None


def _warn(self: Inference, root: str, keys: tuple[Key, ...], offset: int, read: str | None = None) -> None:
    """A value that may be null; `read` is the path that is read of it, if one is."""
    member: Member | None = None
    if len(keys) == 1:
        member = self.names.member(root, keys[0], self.ground.known)
    holder = spelled(root, keys)
    guard = _GUARD if read is None else f"write {read} | default(…)"
    if member is not None and member.doubt is not None:
        message = f"{holder} is null {member.doubt}"
        hint = f"{guard}, or ask first: {holder} is not none"
        self.fault("WF317", message, offset, root, keys, severity="warning", hint=hint, fails=False)
    else:
        message = f"{holder} may be null here"
        self.fault("WF318", message, offset, root, keys, severity="warning", hint=guard, fails=False)


def _worded(demanded: str, found: Type) -> str:
    return f"{demanded}, not {called(found)}"


def _dynamic(self: Inference, node: nodes.Getitem, soft: bool) -> Type:
    """A slice, or a key that an expression gives."""
    holder = self.type(node.node, soft=soft)
    if isinstance(node.arg, nodes.Slice):
        return _slice(self, node, holder, node.arg)
    key = self.type(node.arg)
    if not holder.kinds or not key.kinds:
        return NEVER
    offset = node_offset(node.arg)

    def no_key() -> str:
        return f"a key is a text or a whole number, not {called(key)}"

    def nothing_there() -> str:
        return f"{called(holder)} has no {'key' if kinds == MAPPING else 'item'} that is {called(key)}"

    if not self.demand(node.arg, key, TEXT | WHOLE, "WF319", no_key, offset, ""):
        return NEVER
    kinds = (MAPPING if key.kinds & TEXT else 0) | (LIST | TEXT if key.kinds & WHOLE else 0)
    if not soft and not self.demand(node.node, holder, kinds, "WF311", nothing_there, offset, ""):
        return NEVER
    found = NEVER
    if kinds & MAPPING:
        found = values(holder) if key.texts is None else union(*(find(holder, text) for text in key.texts))
    return union(found, find(holder, 0)) if kinds & LIST else found


def _slice(self: Inference, node: nodes.Getitem, holder: Type, bounds: nodes.Slice) -> Type:
    for bound in (bounds.start, bounds.stop, bounds.step):
        if bound is not None:
            kind = self.type(bound)
            no_bound = partial(_worded, "a slice needs whole numbers", kind)
            if not self.demand(bound, kind, WHOLE | NULL, "WF319", no_bound, node_offset(bound), ""):
                return NEVER
    no_list = partial(_worded, "only lists and texts have slices", holder)
    if not self.demand(node.node, holder, LIST | TEXT, "WF319", no_list, node_offset(node.node), ""):
        return NEVER
    return union(only(holder, LIST), TEXTS if holder.kinds & TEXT else NEVER)
