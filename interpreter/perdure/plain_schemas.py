"""JSON Schemas plain enough to be judged without jsonschema, which takes longer to import than most definitions to
check: whether one is certainly valid, and whether a value certainly fits one.

"No" means only that `schemas` has to look. Knows the keywords that nearly all schemas are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from perdure.values import JSON

DEEPEST: Final = 30
"""Parts inside one another; what is nested further is not plain."""

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),),
    "array": (list,), "object": (dict,),
}  # fmt: skip


def is_plainly_valid(schema: JSON, depth: int = 0) -> bool:
    """Whether a schema is certainly valid, each of its keywords being known and as it should be."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict) or depth > DEEPEST:
        return False
    for word, value in schema.items():
        is_right = _WORDS.get(word)
        if is_right is None or not is_right(value, depth + 1):
            return False
    return True


def fits_plainly(schema: JSON, value: JSON, depth: int = 0) -> bool:
    """Whether a value certainly fits a schema, each of its keywords being known."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return schema is True
    for word, wanted in schema.items():
        fits = _FITS.get(word)
        if fits is None or not fits(schema, wanted, value, depth + 1):
            return False
    return True


def _is_anything(value: JSON, depth: int) -> bool:
    return True


def _is_text(value: JSON, depth: int) -> bool:
    return isinstance(value, str)


def _is_type(value: JSON, depth: int) -> bool:
    if isinstance(value, list):
        return 0 < len(value) == len({name for name in value if isinstance(name, str) and name in _TYPES})
    return isinstance(value, str) and value in _TYPES


def _are_names(value: JSON, depth: int) -> bool:
    return isinstance(value, list) and len(value) == len({name for name in value if isinstance(name, str)})


def _is_list(value: JSON, depth: int) -> bool:
    return isinstance(value, list)


def _is_flag(value: JSON, depth: int) -> bool:
    return isinstance(value, bool)


def _is_number(value: JSON, depth: int) -> bool:
    return type(value) in (int, float)


def _is_count(value: JSON, depth: int) -> bool:
    return type(value) is int and value >= 0


def _are_parts(value: JSON, depth: int) -> bool:
    return isinstance(value, dict) and all(is_plainly_valid(part, depth) for part in value.values())


def _are_choices(value: JSON, depth: int) -> bool:
    return isinstance(value, list) and bool(value) and all(is_plainly_valid(part, depth) for part in value)


_WORDS: Final[Mapping[str, Callable[[JSON, int], bool]]] = {
    "type": _is_type, "enum": _is_list, "const": _is_anything, "default": _is_anything, "examples": _is_list,
    "title": _is_text, "description": _is_text, "format": _is_text, "deprecated": _is_flag, "uniqueItems": _is_flag,
    "properties": _are_parts, "required": _are_names, "items": is_plainly_valid,
    "additionalProperties": is_plainly_valid, "anyOf": _are_choices, "oneOf": _are_choices, "allOf": _are_choices,
    "minimum": _is_number, "maximum": _is_number, "exclusiveMinimum": _is_number, "exclusiveMaximum": _is_number,
    "minLength": _is_count, "maxLength": _is_count, "minItems": _is_count, "maxItems": _is_count,
    "minProperties": _is_count, "maxProperties": _is_count,
}  # fmt: skip

Fits = Callable[[dict[str, JSON], JSON, JSON, int], bool]
"""Whether a value fits a keyword of a schema; takes the schema, what the keyword says, the value and the depth."""


def _fits_anything(schema: dict[str, JSON], wanted: JSON, value: JSON, depth: int) -> bool:
    return True


def _fits_type(schema: dict[str, JSON], wanted: JSON, value: JSON, depth: int) -> bool:
    if isinstance(wanted, list):
        return any(_fits_type(schema, name, value, depth) for name in wanted)
    return isinstance(wanted, str) and type(value) in _TYPES.get(wanted, ())


def _fits_choice(schema: dict[str, JSON], wanted: JSON, value: JSON, depth: int) -> bool:
    return isinstance(wanted, list) and isinstance(value, str) and value in wanted


def _fits_alternative(schema: dict[str, JSON], wanted: JSON, value: JSON, depth: int) -> bool:
    return isinstance(wanted, list) and any(fits_plainly(part, value, depth) for part in wanted)


def _fits_items(schema: dict[str, JSON], wanted: JSON, value: JSON, depth: int) -> bool:
    return not isinstance(value, list) or all(fits_plainly(wanted, item, depth) for item in value)


def _fits_properties(schema: dict[str, JSON], wanted: JSON, value: JSON, depth: int) -> bool:
    if not isinstance(wanted, dict):
        return False
    return not isinstance(value, dict) or all(fits_plainly(wanted.get(key, True), value[key], depth) for key in value)


def _fits_required(schema: dict[str, JSON], wanted: JSON, value: JSON, depth: int) -> bool:
    if not isinstance(wanted, list) or not isinstance(value, dict):
        return isinstance(wanted, list)
    return all(isinstance(key, str) and key in value for key in wanted)


def _fits_others(schema: dict[str, JSON], wanted: JSON, value: JSON, depth: int) -> bool:
    known = schema.get("properties", {})
    if not isinstance(value, dict) or not isinstance(known, dict):
        return not isinstance(value, dict)
    return all(fits_plainly(wanted, value[key], depth) for key in value if key not in known)


_FITS: Final[Mapping[str, Fits]] = {
    "title": _fits_anything, "description": _fits_anything, "default": _fits_anything, "examples": _fits_anything,
    "deprecated": _fits_anything, "type": _fits_type, "enum": _fits_choice, "anyOf": _fits_alternative,
    "items": _fits_items, "properties": _fits_properties, "required": _fits_required,
    "additionalProperties": _fits_others,
}  # fmt: skip
