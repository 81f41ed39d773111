"""How an evaluation reads names, keys and items: what is there, what is not, and what is decided by looking.

The half of `evaluation` that follows paths into values; what stands in brackets it has evaluated there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jinja2 import nodes

from perdure.exploration.knowledge import (
    MISSING,
    NULL,
    Fields,
    Items,
    Known,
    Missing,
    Open,
    Value,
    child,
    either,
    known,
    lifted,
    may_be_null,
    without_null,
)
from perdure.exploration.operations import NOWHERE, Failure, base_of, place_of, why_absent, why_unset
from perdure.exploration.paths import Path, Reference, kinds, learn
from perdure.expressions.access import MISSING as ABSENT
from perdure.expressions.access import find
from perdure.values import JSON

MOST_WAYS: Final = 24
"""Ways one expression is followed; what has more is taken to give anything."""

Way = tuple[Path, Value | Missing | Failure]


class Reading:
    """`uncertain` says that something may not be there, for reasons nobody can see here."""

    def __init__(self) -> None:
        self.uncertain = False
        self._chance = 0

    def _visit(self, node: nodes.Node, path: Path, *, soft: bool) -> list[Way]:
        raise NotImplementedError

    def _all(self, parts: Sequence[nodes.Node], path: Path) -> list[tuple[Path, list[Value] | Failure]]:
        raise NotImplementedError

    def _anything(self, node: nodes.Node, path: Path, soft: bool) -> list[Way]:
        raise NotImplementedError

    def _name(self, node: nodes.Node, path: Path, soft: bool) -> list[Way]:
        """A name with the constant keys behind it."""
        base, found = base_of(node)
        keys: list[JSON] = [*found]
        if isinstance(base, nodes.Name):
            reference: Reference = (base.name, keys[0] if keys else "")
            return self._follow(self._root(base.name, keys, path), base.name, keys, soft, reference)
        if isinstance(base, nodes.Getitem):
            return self._dynamic(base, path, soft)
        ways: list[Way] = []
        for there, value in self._visit(base, path, soft=soft):
            if isinstance(value, Failure | Missing):
                ways.append((there, value))
            else:
                ways += self._follow((there, value, 0), "the value", keys, soft, NOWHERE)
        return ways

    def _root(self, root: str, keys: list[JSON], path: Path) -> tuple[Path, Value | Missing, int]:
        """What a name stands for, and how many keys were used to find it."""
        if root in path.names:
            return path, path.names[root], 0
        if root == "null":
            return path, NULL, 0
        if root == "steps" and keys:
            return path, path.results.get(str(keys[0]), NULL), 1
        if root == "vars" and keys:
            return path, path.vars.get(str(keys[0]), MISSING), 1
        return path, Open(root), 0

    def _follow(
        self, start: tuple[Path, Value | Missing, int], root: str, keys: list[JSON], soft: bool, reference: Reference
    ) -> list[Way]:
        path, value, used = start
        ways: list[Way] = [] if isinstance(value, Missing) else list(kinds(path, value, reference))
        if isinstance(value, Missing):
            ways = [(path, MISSING)]
        for position, key in enumerate(keys[used:], used):
            following: list[Way] = []
            for here, found in ways:
                if isinstance(found, Missing | Failure):
                    following.append((here, found))
                    continue
                for there, inner in self._read(here, found, key, soft, reference):
                    if isinstance(inner, Missing) and not soft:
                        following.append((there, Failure(why_absent(found, there, root, keys[:position], key))))
                    else:
                        following.append((there, inner))
            ways = following
        if soft:
            return ways
        return [(way, why_unset(keys)) if isinstance(found, Missing) else (way, found) for way, found in ways]

    def _read(self, path: Path, value: Value, key: JSON, soft: bool, reference: Reference) -> list[Way]:
        value = lifted(value)
        if isinstance(value, Known):
            found = find(value.value, key)
            return [(path, MISSING if found is ABSENT else known(found))]
        if isinstance(value, Fields):
            field = value.get(key)
            return [(path, MISSING)] if field is None else list(kinds(path, field, reference))
        if isinstance(value, Items):
            if not isinstance(key, int):
                return [(path, MISSING)]
            self.uncertain = self.uncertain or not soft
            ways: list[Way] = list(kinds(path, value.item, reference))
            return [*ways, (path, MISSING)] if soft else ways
        if isinstance(value, Open):
            return self._read_open(path, value, key, soft, reference)
        return [
            way
            for there, kind in kinds(path, value, reference)
            for way in self._kept(there, kind, key, soft, reference)
        ]

    def _kept(self, path: Path, kind: Value | Missing, key: JSON, soft: bool, reference: Reference) -> list[Way]:
        return [(path, MISSING)] if isinstance(kind, Missing) else self._read(path, kind, key, soft, reference)

    def _read_open(self, path: Path, value: Open, key: JSON, soft: bool, reference: Reference) -> list[Way]:
        ways: list[Way] = []
        null = may_be_null(value)
        if null:
            ways.append((learn(path, value.cell, NULL, reference), MISSING))
            value = without_null(value)
            path = learn(path, value.cell, value, reference)
        elif null is None and soft:
            self.uncertain = self.uncertain or not soft
        inner, sure = child(value, key)
        cell = f"{value.cell}.{key}"
        if cell in path.cells:
            found = path.cells[cell][0]
            return [*ways, *([(path, found)] if isinstance(found, Missing) else kinds(path, found, reference))]
        if sure == "absent":
            return [*ways, (path, MISSING)]
        if sure == "optional" or (soft and sure == "unsure"):
            ways.append((learn(path, cell, MISSING, reference), MISSING))
            path = learn(path, cell, inner, reference)
        elif sure == "unsure":
            self.uncertain = True
        return [*ways, *kinds(path, inner, reference)]

    def _dynamic(self, node: nodes.Getitem, path: Path, soft: bool) -> list[Way]:
        """A slice, or a key that is worked out."""
        if isinstance(node.arg, nodes.Slice):
            return self._anything(node, path, soft)
        ways: list[Way] = []
        for there, both in self._all([node.node, node.arg], path):
            if isinstance(both, Failure):
                ways.append((there, both))
                continue
            value, key = both
            if isinstance(key, Known) and isinstance(key.value, str | int) and not isinstance(key.value, bool):
                ways += self._follow((there, value, 0), "the value", [key.value], soft, NOWHERE)
            else:
                self.uncertain = True
                ways.append((there, self._some(node)))
                if soft:
                    ways.append((there, MISSING))
        return ways

    def _mapped(self, node: nodes.Filter, path: Path) -> list[Way] | None:
        """`map(attribute=…)` over what is known item by item, all of which are read; None for what is not known so."""
        if node.name != "map" or node.args or [pair.key for pair in node.kwargs] != ["attribute"]:
            return None
        attribute = node.kwargs[0].value
        if not isinstance(attribute, nodes.Const) or not isinstance(attribute.value, str):
            return None
        keys: list[JSON] = list(attribute.value.split("."))
        source = node.node
        if not isinstance(source, nodes.Filter) or source.name != "values" or source.node is None:
            return None
        ways: list[Way] = []
        for there, value in self._visit(source.node, path, soft=False):
            mapping = value if isinstance(value, Failure | Missing) else lifted(value)
            if isinstance(mapping, Fields):
                called = f"an item of {place_of(source.node)}"
                ways += self._attributes(there, [item for _, item in mapping.items], called, keys)
            elif isinstance(mapping, Failure):
                ways.append((there, mapping))
            else:
                return None
        return ways

    def _attributes(self, path: Path, items: list[Value], called: str, keys: list[JSON]) -> list[Way]:
        """The ways of reading the same keys of several values, one behind the other."""
        ways: list[tuple[Path, list[Value]]] = [(path, [])]
        failed: list[Way] = []
        for item in items:
            following: list[tuple[Path, list[Value]]] = []
            for here, read in ways:
                for there, value in self._follow((here, item, 0), called, keys, False, NOWHERE):
                    if isinstance(value, Failure):
                        failed.append((there, value))
                    elif not isinstance(value, Missing):
                        following.append((there, [*read, value]))
            ways = following[: 2 * MOST_WAYS]
        cell = f"{keys} of {called}"
        return [
            *failed,
            *((way, Items(either(f"{cell} {read!r}"[:400], read)) if read else known([])) for way, read in ways),
        ]

    def _some(self, node: nodes.Node) -> Open:
        self._chance += 1
        return Open(f"?{id(node)}.{self._chance}")
