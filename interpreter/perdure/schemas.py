"""Values against JSON Schema 2020-12, and the schemas themselves against their metaschema.

jsonschema is imported at the first check: it takes longer than everything else at start-up. Nothing is
ever fetched. Formats are asserted from a fixed list, so that a check means the same on every machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from perdure.plain_schemas import fits_plainly, is_plainly_valid
from perdure.record import record
from perdure.regexes import BadRegex, check_regex, find
from perdure.values import JSON, canonical, check, decode, parse_duration, parse_time

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError

MOST_PROBLEMS: Final = 10
"""Problems told about one value; the rest is not worth reading."""

LONGEST_PROBLEM: Final = 200
LONGEST_ECHO: Final = 80
"""Characters of a problem, and of a value repeated in it."""

MOST_REFERENCES: Final = 1_000
"""References in one schema; each of them is followed."""

UNBOUNDED: Final = "patternProperties and unevaluatedProperties are not supported in one schema"

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_FORMATS: Final = ("date", "email", "ipv4", "ipv6", "uuid")
_REFERENCES: Final = ("$ref", "$dynamicRef")
_LITERALS: Final = ("const", "enum", "default", "examples")
_ECHO: Final = re.compile(rf"'[^']{{{LONGEST_ECHO},}}'|\"[^\"]{{{LONGEST_ECHO},}}\"|\d{{{LONGEST_ECHO},}}")


@record
class SchemaProblem:
    """What is wrong in a schema, and where; `remote` when it refers to something outside itself."""

    path: tuple[str | int, ...]
    message: str
    remote: bool = False


def check_value(schema: JSON, value: JSON) -> list[str]:
    """What is wrong with a value, as texts such as `card: 12 is not of type "string"`; empty when it fits.

    Never raises: a schema that cannot be applied is a problem of its own.
    """
    if fits_plainly(schema, value):
        return []
    found: list[str] = []
    try:
        for error in _validator(canonical(schema)).iter_errors(value):
            found.append(_told(error))
            if len(found) == MOST_PROBLEMS:
                break
    except Exception as failure:  # whatever a schema that is not valid makes jsonschema raise
        return [_shortened(f"the schema cannot be applied: {_ECHO.sub('…', str(failure).partition(chr(10))[0])}")]
    return found


def schema_problems(schema: JSON) -> list[SchemaProblem]:
    """What keeps a value from being a JSON Schema that can be applied here; empty when nothing does."""
    references = [*islice(_references(schema), MOST_REFERENCES + 1)]
    if len(references) > MOST_REFERENCES:
        return [SchemaProblem((), f"holds more than {MOST_REFERENCES:,} references")]
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
        checked = check(schema)
        problems += () if is_plainly_valid(checked) else _invalid(canonical(checked))
    except Exception as failure:  # jsonschema's own failures on hostile schemas
        return [*problems, SchemaProblem((), _shortened(f"cannot be checked: {failure}"))]
    if not problems:
        problems += [
            SchemaProblem(path, f"refers to {_shortened(target, 60)}, which is not there")
            for path, target in references
            if _resolved(schema, target) is None
        ]
        if _is_unbounded(schema):
            problems.append(SchemaProblem((), UNBOUNDED))
        if not problems and _is_endless(schema):
            problems.append(SchemaProblem((), "refers to itself without end"))
    return problems


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Draft202012Validator:
    from referencing import Registry

    read = check(decode(schema))
    if _is_endless(read):  # jsonschema would recurse until the C stack ends
        raise ValueError("it refers to itself without end")
    if _is_unbounded(read):
        raise ValueError(UNBOUNDED)
    return _dialect()(read, registry=Registry(), format_checker=_formats())


@lru_cache(maxsize=1)
def _dialect() -> type[Draft202012Validator]:
    """JSON Schema with bounded regular expressions."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    words = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    extended: type[Draft202012Validator] = extend(Draft202012Validator, words)  # type: ignore[no-untyped-call]
    return extended


def _pattern(validator: Any, pattern: str, value: JSON, schema: JSON) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not find(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: dict[str, JSON], value: JSON, schema: JSON
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, inner in patterns.items():
            for key in filter(partial(find, pattern), value):
                yield from validator.descend(value[key], inner, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: JSON, value: JSON, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    """As jsonschema has it, told only of keys that no pattern fits."""
    from jsonschema import Draft202012Validator

    if isinstance(value, dict):
        patterns = schema.get("patternProperties", ())
        rest = {key: inner for key, inner in value.items() if not any(find(pattern, key) for pattern in patterns)}
        plain = {"properties": schema.get("properties", {})}
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, allowed, rest, plain)


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
    checker.checks("date-time", (ValueError, OverflowError))(_is_time)
    checker.checks("duration", ValueError)(_is_duration)
    checker.checks("regex", BadRegex)(_is_pattern)
    return checker


def _is_time(value: object) -> bool:
    if isinstance(value, str):
        parse_time(value)
    return True


def _is_pattern(value: object) -> bool:
    if isinstance(value, str):
        check_regex(value)
    return True


def _is_duration(value: object) -> bool:
    if isinstance(value, str):
        parse_duration(value)
    return True


def _told(error: ValidationError) -> str:
    from jsonschema.exceptions import best_match

    deepest = best_match(iter((error,))) or error
    place = _place(deepest.absolute_path)
    return _shortened(f"{place}: {_cleaned(deepest)}" if place else _cleaned(deepest))


def _cleaned(error: ValidationError) -> str:
    """The validator's message, values in it as JSON, and none that is long: inputs may be large, or secret."""
    written = _as_json(error.instance)
    shown = "the value" if len(written) > LONGEST_ECHO else written
    expected = error.validator_value
    match error.validator:
        case "type":
            message = f"{shown} is not of type {_listed(expected)}"
        case "enum":
            message = f"{shown} is not one of {_listed(expected)}"
        case "const":
            message = f"{_listed([expected])} was expected"
        case "format" if isinstance(error.cause, BadRegex):
            message = str(error.cause)
        case "format":
            message = f"{shown} is not a {_as_json(expected)}"
        case _:
            message = error.message.replace(repr(error.instance), shown)
    return _shortened(_ECHO.sub("…", message))


def _listed(values: JSON) -> str:
    return ", ".join(_as_json(value) for value in (values if isinstance(values, list) else [values]))


def _as_json(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False)


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


def _resolved(schema: JSON, target: str) -> JSON:
    """The part of a schema that a reference within it names, None where there is none."""
    if target == "#":
        return schema
    if not target.startswith("#/"):
        return _anchored(schema, target[1:])
    part = schema
    for token in target[2:].split("/"):
        name = _unescaped(token)
        if isinstance(part, Mapping) and name in part:
            part = part[name]
        elif isinstance(part, list) and name.isdecimal() and int(name[:9]) < len(part):
            part = part[int(name)]
        else:
            return None
    return part if isinstance(part, dict | bool) else None


def _anchored(schema: JSON, name: str) -> JSON:
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if name in (part.get("$anchor"), part.get("$dynamicAnchor")):
                return part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return None


def _is_unbounded(schema: JSON) -> bool:
    """Whether jsonschema would match keys with Python's regular expressions."""
    return {"unevaluatedProperties", "patternProperties"} <= _words(schema)


def _words(schema: JSON) -> set[str]:
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found.update(part)
            waiting += [inner for key, inner in part.items() if key not in _LITERALS]
        elif isinstance(part, list):
            waiting += part
    return found


def _is_endless(schema: JSON) -> bool:
    """Whether a part of a schema applies itself to the same value, directly or in a circle."""
    done: set[int] = set()
    for _, target in _references(schema):
        trail: set[int] = set()
        waiting: list[tuple[JSON, bool]] = [(_resolved(schema, target), False)]
        while waiting:
            part, leaving = waiting.pop()
            if not isinstance(part, dict):
                continue
            if leaving:
                trail.discard(id(part))
                done.add(id(part))
            elif id(part) in trail:
                return True
            elif id(part) not in done:
                trail.add(id(part))
                waiting.append((part, True))
                waiting += [(inner, False) for inner in _in_place(schema, part)]
    return False


def _in_place(schema: JSON, part: dict[str, JSON]) -> Iterator[JSON]:
    """The schemas that look at the same value as this one."""
    for key, inner in part.items():
        if key in _REFERENCES and isinstance(inner, str):
            yield _resolved(schema, inner)
        elif key in ("allOf", "anyOf", "oneOf") and isinstance(inner, list):
            yield from inner
        elif key in ("not", "if", "then", "else"):
            yield inner
        elif key == "dependentSchemas" and isinstance(inner, dict):
            yield from inner.values()


def _unescaped(token: str) -> str:
    """One token of a JSON pointer in a URI fragment (RFC 6901, section 6)."""
    from urllib.parse import unquote

    return unquote(token).replace("~1", "/").replace("~0", "~")
