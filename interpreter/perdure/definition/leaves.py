"""The single values of a definition: names, durations, counts, choices, conditions, schemas.

Each leaf says its rule twice, as a check with exact messages and as JSON Schema; a property test holds
the two together. A text with `{{` is accepted wherever a value may come from an expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Final, TypeAlias

from perdure.cron import fires, parse
from perdure.definition.diagnostics import did_you_mean, quoted
from perdure.definition.grammar import Fault, Leaf, called
from perdure.program.queues import MOST_PRIORITY, QUEUE_NAME
from perdure.schemas import schema_problems
from perdure.values import DAY, JSON, SECOND, parse_duration, parse_time

Check: TypeAlias = Callable[[JSON], Iterable[Fault]]

_TEMPLATE: Final = {"type": "string", "pattern": r"\{\{"}
_ID: Final = r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$"
_DOTTED: Final = r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$"
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
_SIGNAL: Final = r"^(?!.*\{\{)\S(.{0,198}\S)?$"
_GLOB: Final = r"^(?!.*\{\{)\S+$"
_DURATION: Final = r"\{\{|^\s*[Pp]|^\s*[0-9]+(\.[0-9]+)?\s*(us|ms|s|m|h|d|w)"
_CRON: Final = r"^\s*(@[A-Za-z]+|[^\s@]+(\s+\S+){4})\s*$"
_OVERLAPS: Final = ("skip", "buffer_one", "buffer_all", "cancel_running", "terminate_running", "allow")
_SHARE: Final = r"^(100|[0-9]{1,2})(\.[0-9]+)?%$"
_RESERVED: Final = frozenset(
    ("input", "steps", "vars", "index", "error", "message", "state", "run", "secrets",
     "now", "today", "uuid", "random",
     "true", "false", "none", "null", "and", "or", "not", "in", "is", "if", "else")
)  # fmt: skip


def is_template(value: object) -> bool:
    """Whether a value is a text that holds an expression in braces."""
    return isinstance(value, str) and "{{" in value


def _wrong(says: str, value: JSON) -> tuple[Fault, ...]:
    return (Fault("WF203", f"must be {says}, not {called(value)}"),)


def _or_template(name: str, says: str, schema: Mapping[str, JSON], check: Check) -> Leaf:
    def checked(value: JSON) -> Iterable[Fault]:
        return () if is_template(value) else check(value)

    return Leaf(
        name,
        checked,
        {"if": _TEMPLATE, "else": schema, "description": f"{says}, or an expression in {{{{ }}}}"},
    )


def _written_out(name: str, check: Check, schema: Mapping[str, JSON]) -> Leaf:
    """What must be known before any run, and so is no template."""

    def checked(value: JSON) -> Iterable[Fault]:
        if is_template(value):
            return (Fault("WF210", "must be written out, without {{ }}", "only input: and match: are expressions"),)
        return check(value)

    return Leaf(name, checked, schema)


def _typed(name: str, says: str, types: tuple[type, ...], schema: Mapping[str, JSON]) -> Leaf:
    """A value of these types, texts not empty; a boolean is no number."""

    def check(value: JSON) -> Iterable[Fault]:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            return _wrong(says, value)
        if isinstance(value, str) and not value.strip():
            return (Fault("WF213", "is empty"),)
        return ()

    return Leaf(name, check, schema)


def _named(name: str, says: str, pattern: str) -> Leaf:
    """A name that checks rely on: written out, and made of the right characters."""
    matcher = re.compile(pattern)

    def check(value: JSON) -> Iterable[Fault]:
        if not isinstance(value, str):
            hint = "put it in quotes" if isinstance(value, int | float) else None
            return (Fault("WF203", f"must be a name, not {called(value)}", hint),)
        if is_template(value):
            return (Fault("WF210", "must be written out, without {{ }}", "choose between names with a branch"),)
        if matcher.fullmatch(value) is None:
            return (Fault("WF209", f"{quoted(value)} is no valid name", f"use {says}", whole=True),)
        return ()

    return Leaf(name, check, {"type": "string", "pattern": pattern})


def word(name: str, *words: str) -> Leaf:
    """One of a few words, written out."""
    says = " or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} or {words[-1]}"

    def check(value: JSON) -> Iterable[Fault]:
        if isinstance(value, str) and value in words:
            return ()
        if isinstance(value, str):
            return (Fault("WF211", f"must be {says}, not {quoted(value)}", did_you_mean(value, words)),)
        return _wrong(says, value)

    return Leaf(name, check, {"enum": list(words)})


def choice(name: str, *words: str) -> Leaf:
    """One of a few words, or a template."""
    plain = word(name, *words)
    return _or_template(name, " or ".join(words), plain.schema, plain.check)


def number(name: str, says: str, least: float, most: float | None = None, *, whole: bool = True) -> Leaf:
    """A number within limits, or a template."""

    def check(value: JSON) -> Iterable[Fault]:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            return _wrong(says, value)
        if value < least or (most is not None and value > most):
            return (Fault("WF212", f"must be {says}, not {str(value)[:20]}"),)
        return ()

    schema: dict[str, JSON] = {"type": "integer" if whole else "number", "minimum": least}
    if most is not None:
        schema["maximum"] = most
    return _or_template(name, says, schema, check)


def _duration(value: JSON) -> Iterable[Fault]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value == 0:
            return ()
        shown = str(value)[:20]
        return (Fault("WF206", f"has no unit: {shown}", f"write {shown}s, {shown}m or {shown}h"),)
    if not isinstance(value, str):
        return _wrong("a duration such as 90s or 1h30m", value)
    try:
        parse_duration(value)
    except ValueError as wrong:
        return (Fault("WF206", f"is no duration: {quoted(value)}", _reason(wrong)),)
    return ()


def _time(value: JSON) -> Iterable[Fault]:
    if not isinstance(value, str):
        return _wrong("an ISO 8601 time", value)
    try:
        parse_time(value, UTC)
    except (ValueError, OverflowError) as wrong:
        hint = 'write an ISO 8601 time, or an expression as "{{ … }}"'
        return (
            Fault(
                "WF207",
                f"is no time: {quoted(value)}",
                hint if "not an ISO" in str(wrong) else _reason(wrong),
            ),
        )
    return ()


def _reason(wrong: Exception) -> str:
    return "write 90s, 5m, 1h30m, 3d or ISO 8601" if "not a duration" in str(wrong) else str(wrong)


def _zone(value: JSON) -> Iterable[Fault]:
    if not isinstance(value, str):
        return _wrong("a time zone such as Europe/Berlin", value)
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        hint = did_you_mean(value, available_timezones()) or "use an IANA name such as Europe/Berlin"
        return (Fault("WF218", f"is no time zone: {quoted(value)}", hint),)
    return ()


def _jitter(value: JSON) -> Iterable[Fault]:
    faults = tuple(_duration(value))
    if not faults and parse_duration(value) > DAY:
        return (Fault("WF212", f"must be at most 1d, not {value}"),)
    return faults


def _overlap(value: JSON) -> Iterable[Fault]:
    if not isinstance(value, str):
        return _wrong("a word such as skip", value)
    if value in _OVERLAPS:
        return ()
    hint = did_you_mean(value, _OVERLAPS) or f"use {', '.join(_OVERLAPS)}"
    return (Fault("WF211", f"is no way to treat overlapping runs: {quoted(value)}", hint),)


def _cron(value: JSON) -> Iterable[Fault]:
    if not isinstance(value, str):
        return _wrong('a cron expression such as "0 9 * * mon-fri"', value)
    try:
        parsed = parse(value)
    except ValueError as wrong:
        hint = 'write every: with a span such as "30s"' if "seconds" in str(wrong) else str(wrong)
        return (Fault("WF507", f"is no cron expression: {quoted(value)}", hint),)
    if not fires(parsed):
        return (Fault("WF508", f"never fires: {quoted(value)}", "no month has such a day"),)
    return ()


def _interval(value: JSON) -> Iterable[Fault]:
    faults = tuple(_duration(value))
    if not faults and parse_duration(value) < SECOND:
        return (Fault("WF212", f"must be at least 1s, not {value}"),)
    return faults


def _join(value: JSON) -> Iterable[Fault]:
    if isinstance(value, str):
        if value in ("all", "any"):
            return ()
        hint = did_you_mean(value, ("all", "any"))
        return (Fault("WF211", f"must be all, any or a number, not {quoted(value)}", hint),)
    return COUNT.check(value)


def _tolerate(value: JSON) -> Iterable[Fault]:
    says = 'a number or a share such as "10%"'
    if isinstance(value, str):
        return () if re.fullmatch(_SHARE, value) else (Fault("WF211", f"must be {says}, not {quoted(value)}"),)
    if isinstance(value, bool) or not isinstance(value, int):
        return _wrong(says, value)
    return () if value >= 0 else (Fault("WF212", f"must be at least 0, not {str(value)[:20]}"),)


def _variable(value: JSON) -> Iterable[Fault]:
    faults = tuple(IDENTIFIER.check(value))
    if not faults and value in _RESERVED:
        return (Fault("WF209", f"{quoted(value)} is a reserved name", "choose another", whole=True),)
    return faults


def _schema(value: JSON) -> Iterable[Fault]:
    if not isinstance(value, dict):
        return _wrong("a JSON Schema", value)
    return tuple(
        Fault("WF215" if found.remote else "WF214", found.message, None, found.path) for found in schema_problems(value)
    )


def _form(value: JSON) -> Iterable[Fault]:
    """A schema some of whose values may come from expressions, such as an `enum`."""
    return tuple(fault for fault in _schema(value) if not is_template(_at(value, fault.path)))


def _at(value: JSON, path: tuple[str | int, ...]) -> JSON:
    for part in path:
        value = value[part]
    return value


ANY: Final = Leaf("value", lambda value: (), {})
TEXT: Final = _typed("text", "a text", (str,), {"type": "string", "pattern": r"\S"})
CONDITION: Final = _typed("condition", "a condition", (str, bool), {"type": ["string", "boolean"], "pattern": r"\S"})
EXPRESSION: Final = _typed("expression", "an expression", (str,), {"type": "string", "pattern": r"\S"})
COLLECTION: Final = _typed(
    "collection", "an expression or a list", (str, list), {"type": ["string", "array"], "pattern": r"\S"}
)
ARGUMENTS: Final = _typed("arguments", "a mapping", (dict,), {"type": "object"})
LABEL: Final = _typed(
    "label",
    "a text, a number or a boolean",
    (str, int, float, bool),
    {"type": ["string", "number", "boolean"], "pattern": r"\S"},
)
VERSION: Final = _typed(
    "version", "a text or a number", (str, int, float), {"type": ["string", "number"], "pattern": r"\S"}
)
KEY: Final = _typed(
    "key",
    "a text, a number, a boolean, a list or a mapping",
    (str, int, float, bool, list, dict),
    {"type": ["string", "number", "boolean", "array", "object"], "pattern": r"\S"},
)
SWITCH: Final = _typed("switch", "true or false", (bool,), {"type": "boolean"})
TRUE: Final = Leaf(
    "true",
    lambda value: () if value is True else (Fault("WF211", "must be true, or a list of steps"),),
    {"const": True},
)

ID: Final = _named("id", "letters, digits, _ and -, starting with a letter or _", _ID)
DOTTED: Final = _named("dotted", "names of letters, digits, _ and -, joined by dots", _DOTTED)
SIGNAL: Final = _named("signal", "a text of one line, at most 200 characters", _SIGNAL)
ERROR_TYPE: Final = _named("error_type", "an error's type, or a glob, without spaces", _GLOB)
IDENTIFIER: Final = _named("identifier", "letters, digits and _, starting with a letter or _", _VARIABLE)
BINDING: Final = Leaf("binding", _variable, {**IDENTIFIER.schema, "not": {"enum": sorted(_RESERVED)}})
PATH: Final = _named("path", "the path of a file", r"^(?!.*\{\{)\S(.*\S)?$")

_QUEUE: Final = _named("queue", "letters, digits, _ . / and -, starting with a letter or _", f"^{QUEUE_NAME}$")
QUEUE: Final = _or_template("queue", "the name of a queue", _QUEUE.schema, _QUEUE.check)
PRIORITY: Final = number(
    "priority", f"a whole number from -{MOST_PRIORITY:,} to {MOST_PRIORITY:,}", -MOST_PRIORITY, MOST_PRIORITY
)

COUNT: Final = number("count", "a whole number from 1", 1)
FACTOR: Final = number("factor", "a number from 1", 1, whole=False)
FRACTION: Final = number("fraction", "a number from 0 to 1", 0, 1, whole=False)
TEMPLATED: Final = _or_template(
    "templated", "an expression", {"not": {}}, lambda value: _wrong("an expression in {{ }}", value)
)
DURATION: Final = _or_template(
    "duration",
    "a duration such as 90s or 1h30m",
    {"if": {"type": "string"}, "then": {"pattern": _DURATION}, "else": {"const": 0}},
    _duration,
)
TIME: Final = _or_template("time", "an ISO 8601 time", {"type": "string", "pattern": r"^\s*[0-9]{4}"}, _time)
ZONE: Final = _or_template("zone", "an IANA time zone such as Europe/Berlin", {"type": "string"}, _zone)
CRON: Final = _written_out("cron", _cron, {"type": "string", "pattern": _CRON})
OVERLAP: Final = _written_out("overlap", _overlap, {"enum": list(_OVERLAPS)})
INTERVAL: Final = _written_out(
    "interval", _interval, {"type": "string", "pattern": _DURATION, "not": {"pattern": r"\{\{"}}
)
JITTER: Final = _written_out("jitter", _jitter, DURATION.schema["else"])
SPAN: Final = _written_out("span", DURATION.check, DURATION.schema["else"])
MOMENT: Final = _written_out("moment", TIME.check, TIME.schema["else"])
PLACE: Final = _written_out("place", ZONE.check, ZONE.schema["else"])
JOIN: Final = _or_template(
    "join",
    "all, any or a number",
    {"if": {"type": "string"}, "then": {"enum": ["all", "any"]}, "else": {"type": "integer", "minimum": 1}},
    _join,
)
TOLERATE: Final = _or_template(
    "tolerate",
    'a number or a share such as "10%"',
    {"if": {"type": "string"}, "then": {"pattern": _SHARE}, "else": {"type": "integer", "minimum": 0}},
    _tolerate,
)
SCHEMA: Final = Leaf("schema", _schema, {"type": "object", "$ref": "https://json-schema.org/draft/2020-12/schema"})
FORM: Final = _or_template("form", "a JSON Schema", {"type": "object"}, _form)
