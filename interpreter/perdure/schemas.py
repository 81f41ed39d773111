"""Values against JSON Schema 2020-12, and the schemas themselves against their metaschema.

jsonschema is imported at the first check: it takes longer than everything else at start-up. Nothing is
ever fetched. Formats are asserted from a fixed list, so that a check means the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from perdure.values import JSON, canonical, decode, parse_duration, parse_time

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError

MOST_PROBLEMS: Final = 10
"""Problems told about one value; the rest is not worth reading."""

LONGEST_PROBLEM: Final = 200
LONGEST_ECHO: Final = 80
"""Characters of a problem, and of a value repeated in it."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_FORMATS: Final = ("date", "email", "ipv4", "ipv6", "uuid", "regex")
_REFERENCES: Final = ("$ref", "$dynamicRef")
_LITERALS: Final = ("const", "enum", "default", "examples")
_ECHO: Final = re.compile(rf"'[^']{{{LONGEST_ECHO},}}'|\"[^\"]{{{LONGEST_ECHO},}}\"|\d{{{LONGEST_ECHO},}}")


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """What is wrong in a schema, and where; `remote` when it refers to something outside itself."""

    path: tuple[str | int, ...]
    message: str
    remote: bool = False


def check_value(schema: JSON, value: JSON) -> list[str]:
    """What is wrong with a value, as texts such as `card: 12 is not of type 'string'`; empty when it fits.

    Total for any schema without `schema_problems`, and for others: a schema that cannot be applied is a problem.
    """
    if schema is True or schema == {}:
        return []
    found: list[str] = []
    try:
        for error in _validator(canonical(schema)).iter_errors(value):
            found.append(_told(error))
            if len(found) == MOST_PROBLEMS:
                break
    except RecursionError:
        return ["the schema refers to itself without end"]
    except Exception as failure:  # whatever a schema that is not valid makes jsonschema raise
        return [_shortened(f"the schema cannot be applied: {failure}")]
    return found


def schema_problems(schema: JSON) -> list[SchemaProblem]:
    """What keeps a value from being a JSON Schema that can be applied here; empty when nothing does."""
    references = [*_references(schema)]
    problems = [
        SchemaProblem(path, f"refers to {_shortened(str(target), 60)}, outside this schema", remote=True)
        for path, target in references
        if isinstance(target, str) and not target.startswith("#")
    ]
    dialect = schema.get("$schema", DIALECT) if isinstance(schema, dict) else DIALECT
    if dialect not in (DIALECT, DIALECT + "#"):
        problems.append(SchemaProblem(("$schema",), "is not JSON Schema 2020-12"))
        return problems
    try:
        problems += _invalid(canonical(schema))
    except Exception as failure:  # jsonschema's own failures on hostile schemas
        return [*problems, SchemaProblem((), _shortened(f"cannot be checked: {failure}"))]
    if not problems:
        problems += [
            SchemaProblem(path, f"refers to {_shortened(target, 60)}, which is not there")
            for path, target in references
            if not _resolves(schema, target)
        ]
    return problems


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Draft202012Validator:
    from jsonschema import Draft202012Validator
    from jsonschema_specifications import REGISTRY

    return Draft202012Validator(decode(schema), registry=REGISTRY, format_checker=_formats())


@lru_cache(maxsize=256)
def _invalid(schema: bytes) -> tuple[SchemaProblem, ...]:
    from jsonschema.exceptions import best_match

    by_place: dict[tuple[str | int, ...], list[ValidationError]] = {}
    for error in _metaschema().iter_errors(decode(schema)):
        by_place.setdefault(tuple(error.absolute_path), []).append(error)
    best = [best_match(iter(errors)) for errors in by_place.values()]
    problems = [SchemaProblem(tuple(e.absolute_path), _cleaned(e)) for e in best if e is not None]
    return tuple(problems[:MOST_PROBLEMS])


@lru_cache(maxsize=1)
def _metaschema() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(Draft202012Validator.META_SCHEMA, format_checker=_formats())


@lru_cache(maxsize=1)
def _formats() -> FormatChecker:
    from jsonschema import FormatChecker

    checker = FormatChecker(_FORMATS)
    checker.checks("date-time", ValueError)(
        lambda value: not isinstance(value, str) or bool(parse_time(value)) or True
    )
    checker.checks("duration", ValueError)(
        lambda value: not isinstance(value, str) or parse_duration(value) >= 0
    )
    return checker


def _told(error: ValidationError) -> str:
    from jsonschema.exceptions import best_match

    deepest = best_match(iter((error,))) or error
    place = _place(deepest.absolute_path)
    return _shortened(f"{place}: {_cleaned(deepest)}" if place else _cleaned(deepest))


def _cleaned(error: ValidationError) -> str:
    """The validator's message without a long value in it: inputs may be large, or secret."""
    message = error.message
    if len(message) > LONGEST_ECHO:
        shown = repr(error.instance)
        if len(shown) > LONGEST_ECHO:
            message = message.replace(shown, "the value")
    return _shortened(_ECHO.sub("…", message))


def _shortened(text: str, longest: int = LONGEST_PROBLEM) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _place(path: Any) -> str:
    place = ""
    for part in path:
        shown = f"[{part}]" if isinstance(part, int) else str(part)
        place += shown if isinstance(part, int) or not place else f".{shown}"
    return _shortened(place, LONGEST_ECHO)


def _references(schema: JSON) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    waiting: list[tuple[tuple[str | int, ...], JSON]] = [((), schema)]
    while waiting:
        path, part = waiting.pop()
        if isinstance(part, list):
            waiting += [((*path, index), item) for index, item in enumerate(part)]
        elif isinstance(part, dict):
            for key, item in part.items():
                if key in _REFERENCES and isinstance(item, str):
                    yield (*path, key), item
                elif key not in _LITERALS:
                    waiting.append(((*path, key), item))


def _resolves(schema: JSON, target: str) -> bool:
    """Whether a reference within the schema leads somewhere; `$anchor` names are looked up anywhere."""
    if target == "#":
        return True
    if not target.startswith("#/"):
        return _has_anchor(schema, target[1:])
    part = schema
    for token in target[2:].split("/"):
        name = _unescaped(token)
        if isinstance(part, Mapping) and name in part:
            part = part[name]
        elif isinstance(part, list) and name.isdecimal() and int(name) < len(part):
            part = part[int(name)]
        else:
            return False
    return isinstance(part, dict | bool)


def _has_anchor(schema: JSON, name: str) -> bool:
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if name in (part.get("$anchor"), part.get("$dynamicAnchor")):
                return True
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return False


def _unescaped(token: str) -> str:
    """One token of a JSON pointer in a URI fragment (RFC 6901, section 6)."""
    from urllib.parse import unquote

    return unquote(token).replace("~1", "/").replace("~0", "~")
