"""The table of a project's settings: every key of `perdure.toml`, what it is for, and its JSON Schema.

For editors and other programs; `configuration` reads the settings and says what is wrong with them, in its own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from perdure.record import record

if TYPE_CHECKING:
    from perdure.definition.rules import Rule


@record
class Setting:
    """One key: what people read about it, and the values it takes."""

    about: str
    schema: Mapping[str, Any]


_NAME: Final = {"type": "string", "minLength": 1}
_NAMES: Final = {"type": "array", "items": _NAME}
_RULES: Final = {"type": "array", "items": {"$ref": "#/$defs/rule"}}
_ADVICE: Final = {"type": "array", "items": {"$ref": "#/$defs/advice"}}

LINT: Final[Mapping[str, Setting]] = {
    "select": Setting("rules that are off by default, and are to be found as warnings", _RULES),
    "ignore": Setting("rules that are not to be found", _ADVICE),
    "severity": Setting(
        "how much a rule weighs",
        {
            "type": "object",
            "propertyNames": {"$ref": "#/$defs/rule"},
            "additionalProperties": {"enum": ["error", "warning", "info", "off"]},
        },
    ),
    "per_path_ignore": Setting(
        "rules that are not to be found in some files, by a pattern of paths",
        {"type": "object", "additionalProperties": _ADVICE},
    ),
}
"""The keys of `[lint]`."""

SETTINGS: Final[Mapping[str, Setting]] = {
    "store": Setting("where runs are kept: a URL, or a path relative to the project", _NAME),
    "activities": Setting("modules and files with activities", _NAMES),
    "secrets": Setting("where secrets come from: env:, or a directory with one file a secret", _NAME),
    "queues": Setting(
        "the queues that a worker serves: a list of names, or names with their limits",
        {
            "anyOf": [
                {**_NAMES, "minItems": 1},
                {"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer", "minimum": 1}},
            ]
        },
    ),
    "retention": Setting(
        "workers delete runs that ended longer ago, such as 30d", {"type": "string", "pattern": r"^\s*([Pp]|[0-9])"}
    ),
    "lint": Setting("what the project wants of the rules of `validate`", {"$ref": "#/$defs/lint"}),
}
"""The keys of `perdure.toml`, or of `[tool.perdure]`."""


def settings_schema() -> dict[str, Any]:
    """The JSON Schema of `perdure.toml`; equal on every call, and every call gives its own."""
    from perdure.definition.lint import may_be_silenced
    from perdure.definition.rules import RULES
    from perdure.schemas import DIALECT

    rules = sorted(RULES.values(), key=lambda rule: rule.code)
    return {
        "$schema": DIALECT,
        "title": "Perdure settings of a project",
        **_object(SETTINGS),
        "$defs": {
            "lint": _object(LINT),
            "rule": _words(rules),
            "advice": _words([rule for rule in rules if may_be_silenced(rule)]),
        },
    }


def _words(rules: Sequence[Rule]) -> dict[str, Any]:
    """The words that mean some of these rules: codes, names, and the beginnings of codes."""
    words = [rule.code for rule in rules] + sorted(rule.name for rule in rules)
    prefixes = sorted({rule.code[:length] for rule in rules for length in range(1, 5)})
    return {"enum": [*words, *prefixes]}


def _object(keys: Mapping[str, Setting]) -> dict[str, Any]:
    properties = {name: {"description": key.about, **key.schema} for name, key in keys.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}
