"""The JSON Schema (2020-12) of a definition, made from the table of the language.

`if`/`then` on the kind's key instead of `oneOf`, so that an editor's errors are exact. Run as a module
it writes `schemas/workflow.schema.json`, or the file it is given.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perdure.definition.grammar import ByType, Items, Key, Keys, Leaf, Record, Ref, Shape, Table, Tagged
from perdure.definition.language import DEFINITION, SHAPES
from perdure.schemas import DIALECT


def workflow_schema() -> dict[str, Any]:
    """The schema of a definition; equal on every call, and every call gives its own."""
    return schema_of("Perdure workflow definition", DEFINITION, SHAPES)


def schema_of(title: str, root: Record, shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """The schema of a document whose outermost mapping is `root`; `shapes` are those that a `Ref` names."""
    writer = _Writer()
    written = writer.keys(root.keys)
    for name, shape in shapes.items():
        writer.defined(name, shape)
    return {
        "$schema": DIALECT,
        "title": title,
        **written,
        "$defs": dict(sorted(writer.definitions.items())),
    }


def text() -> str:
    """The schema as the file holds it."""
    return as_text(workflow_schema())


def as_text(schema: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


class _Writer:
    """Schemas of named shapes gather in `definitions`; others stand where they are used."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def schema(self, shape: Shape) -> dict[str, Any]:
        match shape:
            case Leaf():
                return self.named(shape.name, dict(shape.schema)) if shape.schema else {}
            case Ref():
                return {"$ref": f"#/$defs/{shape.name}"}
            case Record():
                return self.defined(shape.name, shape)
            case Tagged():
                return self.defined(shape.name, shape)
            case Items():
                found: dict[str, Any] = {"type": "array", "items": self.schema(shape.item)}
                return {**found, "minItems": shape.least} if shape.least else found
            case Table():
                return self.table(shape)
            case ByType():
                return self.by_type(shape)

    def named(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        self.definitions.setdefault(name, schema)
        return {"$ref": f"#/$defs/{name}"}

    def defined(self, name: str, shape: Shape) -> dict[str, Any]:
        """A reference to a shape's schema, which is written at the first use."""
        if name not in self.definitions:
            self.definitions[name] = {}
            match shape:
                case Record():
                    schema = self.keys(shape.keys)
                    if shape.exclusive:
                        schema["not"] = {"required": list(shape.exclusive)}
                case Tagged():
                    schema = self.tagged(shape)
                case _:
                    schema = self.schema(shape)
            self.definitions[name] = schema
        return {"$ref": f"#/$defs/{name}"}

    def keys(self, keys: Keys) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object"}
        required = [name for name, key in keys.items() if key.required]
        if required:
            schema["required"] = required
        schema["properties"] = {name: self.key(key) for name, key in keys.items()}
        schema["additionalProperties"] = False
        return schema

    def key(self, key: Key) -> dict[str, Any]:
        about = {"description": key.about} if key.about else {}
        return {**about, **self.schema(key.shape)}

    def table(self, shape: Table) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object", "additionalProperties": self.schema(shape.value)}
        if shape.key is not None:
            schema["propertyNames"] = self.schema(shape.key)
        if shape.least:
            schema["minProperties"] = shape.least
        return schema

    def by_type(self, shape: ByType) -> dict[str, Any]:
        schemas: dict[str, tuple[list[str], dict[str, Any]]] = {}
        for name, inner in shape.shapes.items():
            written = self.schema(inner)
            schemas.setdefault(json.dumps(written), ([], written))[0].append(name)
        rules = [{"if": {"type": _types(names)}, "then": written} for names, written in schemas.values()]
        return {"type": _types(list(shape.shapes)), "allOf": rules}

    def tagged(self, shape: Tagged) -> dict[str, Any]:
        rules = []
        for kind in shape.kinds:
            told: dict[str, Any] = {"required": [kind]}
            hosts = shape.hosts(kind)
            if hosts:
                told["not"] = {"anyOf": [{"required": [host]} for host in hosts]}
            rules.append({"if": told, "then": self.kind(shape, kind)})
        return {
            "type": "object",
            "properties": {name: {"description": kind.about} for name, kind in shape.kinds.items()},
            "anyOf": [{"required": [kind]} for kind in shape.kinds],
            "allOf": rules,
        }

    def kind(self, shape: Tagged, kind: str) -> dict[str, Any]:
        found = shape.kinds[kind]
        if found.beside_by is None:
            schema = self.keys(shape.keys_of(kind))
        else:
            rules = []
            for type_, sample in (("boolean", True), ("array", [])):
                told = {"properties": {kind: {"type": type_}}}
                rules.append({"if": told, "then": self.keys(shape.keys_of(kind, sample))})
            schema = {"properties": {kind: self.schema(found.value)}, "allOf": rules}
        return self.named(f"{shape.name}.{kind}", schema)


def _types(names: list[str]) -> str | list[str]:
    """JSON Schema counts integers among the numbers."""
    told = [name for name in names if not (name == "integer" and "number" in names)]
    return told[0] if len(told) == 1 else told


def main(arguments: list[str]) -> None:
    """Writes the schema to the file named first, `schemas/workflow.schema.json` without one."""
    target = Path(arguments[0] if arguments else "schemas/workflow.schema.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
