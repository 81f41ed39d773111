"""The JSON Schema of plain annotations, as pydantic writes it, without pydantic: importing that takes longer than
checking a definition.

Knows numbers, texts, booleans, lists, mappings, `Literal`, unions of these, and flat typed dictionaries; anything else
is left to pydantic.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Sequence
from typing import Any, Final, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import typing_extensions

Schema = dict[str, Any]

_TYPES: Final = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def plain_arguments(parameters: Sequence[inspect.Parameter]) -> Schema | None:
    """The schema of the arguments of a function; None where only pydantic can tell."""
    properties: Schema = {}
    required = []
    for parameter in parameters:
        schema = plain(parameter.annotation)
        if schema is None or parameter.kind is parameter.VAR_KEYWORD:
            return None
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        elif not _is_plain_default(parameter.default, parameter.annotation):
            return None
        else:
            schema = dict(sorted({**schema, "default": parameter.default}.items()))
        properties[parameter.name] = schema
    found: Schema = {"additionalProperties": False, "properties": properties}
    return {**found, **({"required": required} if required else {}), "type": "object"}


def plain_result(annotation: Any) -> Schema | None:
    """The schema of a result, which may be a typed dictionary; None where only pydantic can tell."""
    return _typed_dictionary(annotation) if typing_extensions.is_typeddict(annotation) else plain(annotation)


def plain(annotation: Any) -> Schema | None:
    """The schema of a plain annotation; None for any other."""
    if annotation is Any:
        return {}
    if annotation is None:
        return {"type": "null"}
    if isinstance(annotation, type) and annotation in _TYPES:
        return {"type": _TYPES[annotation]}
    if annotation is list:
        return {"items": {}, "type": "array"}
    if annotation is dict:
        return {"additionalProperties": True, "type": "object"}
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is list:
        return _list(parts)
    if origin is dict:
        return _mapping(parts)
    if origin is Literal:
        return _literal(parts)
    return _union(parts) if origin in (Union, types.UnionType) else None


def _list(parts: tuple[Any, ...]) -> Schema | None:
    items = plain(parts[0])
    return None if items is None else {"items": items, "type": "array"}


def _mapping(parts: tuple[Any, ...]) -> Schema | None:
    values = plain(parts[1])
    if parts[0] is not str or values is None:
        return None
    return {"additionalProperties": values or True, "type": "object"}


def _literal(parts: tuple[Any, ...]) -> Schema | None:
    kinds = {type(part) for part in parts}
    if len(kinds) != 1 or len(set(parts)) != len(parts) or not kinds <= {str, int}:
        return None
    chosen: Schema = {"const": parts[0]} if len(parts) == 1 else {"enum": list(parts)}
    return {**chosen, "type": _TYPES[kinds.pop()]}


def _union(parts: tuple[Any, ...]) -> Schema | None:
    schemas = [plain(part) for part in sorted(parts, key=lambda part: part in (None, type(None)))]  # null comes last
    if not all(schemas) or any(schema in schemas[:index] for index, schema in enumerate(schemas)):
        return None
    return {"anyOf": schemas}


def _typed_dictionary(annotation: Any) -> Schema | None:
    inherits = any(map(typing_extensions.is_typeddict, getattr(annotation, "__orig_bases__", ())))
    if inherits or any(name.startswith("__pydantic") for name in vars(annotation)):
        return None
    try:
        hints = get_type_hints(annotation, include_extras=True)
    except Exception:  # pydantic words it
        return None
    properties, required = {}, []
    for name, hint in hints.items():
        marked = get_origin(hint) in (Required, NotRequired)
        schema = plain(get_args(hint)[0] if marked else hint)
        if schema is None:
            return None
        properties[name] = schema
        if get_origin(hint) is Required if marked else annotation.__total__:
            required.append(name)
    doc = {} if annotation.__doc__ is None else {"description": inspect.cleandoc(annotation.__doc__)}
    named = {"required": required} if required else {}
    return {**doc, "properties": properties, **named, "title": annotation.__name__, "type": "object"}


def _is_plain_default(default: Any, annotation: Any) -> bool:
    """Whether a default is written as it is: of a type that the annotation names."""
    if default is None:
        return True
    named = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    if type(default) is str:
        return str in named or get_origin(annotation) is Literal
    return type(default) in (bool, int) and type(default) in named and float not in named
