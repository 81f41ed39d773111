"""The schema of files of tests with the activities that are installed: their names, and what mocks of them return.

For editors. A parameter of a matrix may stand wherever a value of a result may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from perdure.definition.offered import TEMPLATE, with_templates
from perdure.definition.schema import schema_of
from perdure.testing.declared.language import SHAPES, TESTS, TITLE

NAMED: Final = ("mock.activity", "call.activity", "never.activity")
"""The shapes that name an activity."""


def schema_of_tests(catalogue: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The schema of tests whose mocks and expectations name these activities and no others."""
    schema = schema_of(TITLE, TESTS, SHAPES)
    definitions = schema["$defs"]
    for shape in NAMED:
        about = definitions[shape]["properties"]["activity"]["description"]
        definitions[shape]["properties"]["activity"] = {"description": about, "enum": sorted(catalogue)}
    definitions["template"] = {"type": "string", "pattern": r"\{\{"}
    results = {name: entry["result"] for name, entry in sorted(catalogue.items()) if entry.get("result")}
    definitions["mock.activity"]["allOf"] = [_returning(name) for name in results]
    for name, result in results.items():
        root = f"#/$defs/{_key(name)}"
        definitions[_key(name)] = {"anyOf": [with_templates(result, f"{root}/anyOf/0"), {"$ref": TEMPLATE}]}
    schema["$defs"] = dict(sorted(definitions.items()))
    return schema


def _returning(name: str) -> dict[str, Any]:
    """What holds for mocks of one activity."""
    result = {"$ref": f"#/$defs/{_key(name)}"}
    turns = {"items": {"properties": {"return": result}}}
    return {
        "if": {"properties": {"activity": {"const": name}}, "required": ["activity"]},
        "then": {"properties": {"return": result, "sequence": turns}},
    }


def _key(name: str) -> str:
    return f"result.{name}"
