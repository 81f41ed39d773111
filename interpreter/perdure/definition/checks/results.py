"""What is known of a step's result before it runs: its JSON Schema, where nothing replaces the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from perdure.definition.checks.spaces import Placed, state_schema
from perdure.values import JSON

ANSWER: Final[JSON] = {
    "properties": {"answer": {}, "by": {}, "at": {}},
    "additionalProperties": False,
}

NOTHING: Final[JSON] = {"properties": {}, "additionalProperties": False}
"""Of a step whose result is null."""


def result_schema(target: Placed, reader: Placed, slot: str, catalogue: Mapping[str, Mapping[str, Any]]) -> JSON:
    """The schema of `steps.<id>` as the reader finds it; one that allows anything where nothing is known.

    A catch arm may give another result. `output` replaces it too, but reads the original itself.
    """
    keys = target.step.keys
    own_output = reader is target and slot == "output"
    if not own_output and ("output" in keys or "catch" in keys):
        return {}
    match target.step.kind:
        case "activity":
            return catalogue.get(keys["activity"], {}).get("result") or {}
        case "ask":
            return ANSWER
        case "receive" if "default" not in keys["receive"]:
            return state_schema(target.step)
        case "publish" | "send" | "emit" | "cancel":
            return NOTHING
        case "parallel":
            branches = keys["parallel"]["branches"]
            return {"properties": {name: {} for name in branches}, "additionalProperties": False}
    return {}
