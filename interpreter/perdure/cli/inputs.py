"""From `-i key=value` and `--input` to the input of a run.

The definition's input schema decides how a value is read: `card=4242` is a text where `card` is one. Without a
declaration true, false, null and numbers mean themselves and everything else is text; `key:=json` is always JSON.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from perdure.cli.showable import one_line
from perdure.errors import DefinitionError, InvalidInput
from perdure.values import JSON, check, decode

_PAIR: Final = re.compile(r"(?s)([^=]*?)(:?=)(.*)")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,1200})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
_CONSTANTS: Final[dict[str, JSON]] = {"true": True, "false": False, "null": None, "~": None}
_KINDS: Final = {
    "boolean": (bool,), "integer": (int, float), "number": (int, float), "null": (type(None),), "array": (list,),
    "object": (dict,),
}  # fmt: skip
_DEEPEST: Final = 20
"""References followed in a schema before giving up on its types."""


def assembled(whole: str | None, pairs: Sequence[str], schema: JSON) -> dict[str, JSON] | None:
    """The input of a run: `whole` as a mapping, `pairs` over it; None where neither is given. InvalidInput."""
    if whole is None and not pairs:
        return None
    value = {} if whole is None else read_whole(whole)
    if not isinstance(value, dict):
        raise InvalidInput("--input must be a mapping from names to values")
    return {**value, **read_pairs(pairs, schema)}


def read_pairs(pairs: Iterable[str], schema: JSON = None) -> dict[str, JSON]:
    """`key=value` and `key:=json` as a mapping; InvalidInput where one cannot be read or stands twice."""
    found: dict[str, JSON] = {}
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        if match is None or not match[1]:
            raise InvalidInput(f"write key=value or key:=json, not {one_line(pair, 60)!r}")
        name, sign, text = match.groups()
        if name in found:
            raise InvalidInput(f"{one_line(name, 60)} is given twice")
        found[name] = _json(text, name) if sign == ":=" else _read(name, text, _types(schema, name))
    return found


def read_whole(given: str) -> JSON:
    """`@file.json` (or .yaml), `-` for standard input, else JSON itself; InvalidInput."""
    if given == "-":
        return _json(sys.stdin.read(), "standard input")
    if not given.startswith("@"):
        return _json(given, "--input")
    path = Path(given[1:])
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InvalidInput(f"{path} cannot be read: {problem.strerror}") from None
    if path.suffix in (".yaml", ".yml"):
        return _yaml(content, str(path))
    return _json(content, str(path))


def read_lines(file: str) -> list[bytes]:
    """The lines of a file, or of standard input for `-`; FileNotFoundError, OSError."""
    content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    return content.splitlines()


def scalar(text: str) -> JSON:
    """A value without a declaration: true, false, null and numbers as JSON writes them; everything else is text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NUMBER.fullmatch(text):
        value = decode(text)
        return text if value in (float("inf"), float("-inf")) else value
    return text


def json_or_text(text: str) -> JSON:
    """The JSON value, or the text itself where it is none."""
    try:
        return check(decode(text))
    except ValueError:
        return text


def _read(name: str, text: str, types: set[str]) -> JSON:
    if not types:
        return scalar(text)
    if "string" in types:
        return text
    expected = tuple(kind for type_ in types for kind in _KINDS.get(type_, ()))
    try:
        value = check(decode(text))
    except ValueError:
        value = _CONSTANTS.get(text, text)
    if not isinstance(value, expected) or (isinstance(value, bool) and "boolean" not in types):
        told = " or ".join(sorted(types))
        raise InvalidInput(f"{one_line(name, 60)} must be {told}, not {one_line(text, 60)!r}")
    return value


def _json(text: str | bytes, where: str) -> JSON:
    try:
        return check(decode(text))
    except ValueError as problem:
        raise InvalidInput(f"{one_line(where, 60)} is not JSON: {one_line(problem)}") from None


def _yaml(content: bytes, file: str) -> JSON:
    from perdure.definition.reader import read

    source = read(content, file=file)
    if any(diagnostic.severity == "error" for diagnostic in source.diagnostics):
        raise DefinitionError(source.diagnostics)
    return source.value


def _types(schema: JSON, name: str) -> set[str]:
    """The types a property may have by its schema; none where it does not say."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or name not in properties:
        return set()
    return _types_of(schema, properties[name], _DEEPEST)


def _types_of(root: JSON, schema: JSON, left: int) -> set[str]:
    if not isinstance(schema, dict) or not left:
        return set()
    if isinstance(schema.get("$ref"), str):
        return _types_of(root, _referred(root, schema["$ref"]), left - 1)
    declared = schema.get("type")
    if isinstance(declared, str):
        return {declared}
    if isinstance(declared, list):
        return {kind for kind in declared if isinstance(kind, str)}
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list):
        return {_type_name(value) for value in values}
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            kinds = [_types_of(root, option, left - 1) for option in schema[word]]
            return set() if not all(kinds) else set().union(*kinds)
    return set()


def _referred(root: JSON, reference: str) -> JSON:
    part: Any = root
    if not reference.startswith("#"):
        return None
    for token in reference[1:].split("/")[1:]:
        part = part.get(token.replace("~1", "/").replace("~0", "~")) if isinstance(part, dict) else None
    return part


def _type_name(value: JSON) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")
