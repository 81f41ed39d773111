"""What is told about the thing under the pointer, as Markdown: activities, steps, names, keys, rules, times.

Says what the tables, catalogues and schemas say; nothing where they say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from perdure.cron import clock_note, next_after
from perdure.cron import parse as parse_cron
from perdure.definition.grammar import Leaf
from perdure.definition.marks import Path, at
from perdure.definition.rules import RULES, Rule
from perdure.definition.types import ANY, describe
from perdure.editor.analysis import Analysis
from perdure.editor.answers import Shown
from perdure.editor.continuing import is_bare
from perdure.editor.cursor import Spotted, comment_before, offset_in, spotted, written_at
from perdure.editor.expressions import Name, name_at
from perdure.editor.known import called_schema, told_type
from perdure.editor.names import ABOUT, Scope, summed
from perdure.editor.shapes import key_at, leaves, shape_at
from perdure.editor.text import Text
from perdure.expressions import FILTERS, FUNCTIONS, TESTS
from perdure.values import JSON, format_duration, parse_duration, parse_time, to_datetime

LONGEST: Final = 8_000
"""Characters of one hover."""

_CODE: Final = re.compile(r"WF\d{3}|[a-z]+(?:-[a-z]+)+")
_DURATIONS: Final = frozenset(("duration", "interval", "jitter", "span"))
_SHOWN_TIMES: Final = 3


def hover(analysis: Analysis, index: int) -> Shown | None:
    """What is told about what stands at an index."""
    found = spotted(analysis.source, index)
    if found is None or found.role == "nothing":
        return _of_comment(analysis.text, index)
    shown = _of_key(analysis, found) if found.role == "key" else _of_value(analysis, found, index)
    if shown is None:
        return None
    markdown, start, end = shown
    return Shown(markdown[:LONGEST], start, end)


def rule_page(rule: Rule) -> str:
    """A rule in words, with its examples."""
    return (
        f"**{rule.code}** {rule.name} ({rule.severity}, {rule.group})\n\n{rule.summary[:1].upper()}{rule.summary[1:]}. "
        f"{rule.why}\n\nInstead of\n```yaml\n{rule.bad}\n```\nwrite\n```yaml\n{rule.good}\n```\n"
    )


def activity_page(name: str, entry: dict[str, Any]) -> str:
    """An activity: what it does, takes and gives."""
    parts = [f"**{name}**"]
    if entry.get("deprecated") is not None:
        parts.append(f"*Deprecated:* {entry['deprecated']}")
    parts.append(str(entry.get("doc") or entry.get("summary") or ""))
    parts.append(_fields("takes", entry.get("arguments")))
    result = entry.get("result")
    parts.append(_fields("gives", result) if isinstance(result, dict) and result.get("properties") else _gives(result))
    return "\n\n".join(part for part in parts if part)


def _gives(schema: JSON) -> str:
    return f"gives: `{told_type(schema)}`" if schema else ""


def _fields(verb: str, schema: JSON) -> str:
    """The fields of an object, one a line."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not properties:
        return f"{verb} nothing" if verb == "takes" else ""
    required = schema.get("required") or ()
    lines = [f"{verb}:"]
    for name, one in list(properties.items())[:40]:
        said = one.get("description") if isinstance(one, dict) else None
        fallback = f", default `{one['default']}`" if isinstance(one, dict) and "default" in one else ""
        optional = "" if name in required or verb == "gives" else " (optional)"
        lines.append(f"- `{name}`: {told_type(one)}{fallback}{optional}{f' — {said}' if said else ''}")
    return "\n".join(lines)


def _of_comment(text: str, index: int) -> Shown | None:
    """The rule whose code stands in a comment that ignores it."""
    start, end = Text(text).line_around(index)
    comment = comment_before(text[start:end])
    if comment is None or "perdure:" not in comment:
        return None
    for found in _CODE.finditer(text, start, end):
        if found.start() <= index <= found.end():
            rule = next((one for one in RULES.values() if found[0] in (one.code, one.name)), None)
            return None if rule is None else Shown(rule_page(rule), found.start(), found.end())
    return None


def _of_key(analysis: Analysis, found: Spotted) -> tuple[str, int, int] | None:
    path = found.path
    name = str(path[-1])
    if path[-2:-1] == ("with",):
        part = (called_schema(analysis, path[:-2]).get("properties") or {}).get(name)
        if isinstance(part, dict):
            said = f" — {part['description']}" if "description" in part else ""
            return f"**{name}**: {told_type(part)}{said}", found.start, found.end
    key = key_at(analysis.language, analysis.source.value, path)
    if key is None:
        return None
    parts = [f"**{name}**" + (f": {key.about}" if key.about else "")]
    parts += [f"*{text}*" for text in _forms(analysis, path)]
    if key.required:
        parts.append("required")
    return "\n\n".join(parts), found.start, found.end


def _forms(analysis: Analysis, path: Path) -> Iterator[str]:
    """What the single values that may stand there look like."""
    for leaf in leaves(analysis.language, shape_at(analysis.language, analysis.source.value, path)):
        said = leaf.schema.get("description")
        if isinstance(said, str):
            yield said
        elif isinstance(words := leaf.schema.get("enum"), list):
            yield ", ".join(f"`{word}`" for word in words)


def _of_value(analysis: Analysis, found: Spotted, index: int) -> tuple[str, int, int] | None:
    path, value = found.path, at(analysis.source.value, found.path)
    whole = (found.start, found.end)
    if isinstance(value, str):
        offset = offset_in(analysis.source, found.spot, index)
        name = name_at(value, offset, bare=is_bare(analysis, path))
        if name is not None:
            return _of_name(analysis, found, name, offset)
    if isinstance(value, str) and "{{" not in value:
        page = _named(analysis, path, value)
        if page is not None:
            return page, *whole
    shape = shape_at(analysis.language, analysis.source.value, path)
    for leaf in leaves(analysis.language, shape):
        page = _timed(analysis, leaf, path, value)
        if page is not None:
            return page, *whole
    return None


def _named(analysis: Analysis, path: Path, value: str) -> str | None:
    """What a value names: an activity, a fragment, a child, a step."""
    last = path[-1] if path else None
    if last == "activity":
        entry = analysis.surroundings.catalogue.get(value)
        return None if entry is None else activity_page(value, dict(entry))
    if last == "use" and (space := analysis.fragments.get(value)) is not None:
        said = space.keys.get("description")
        parts = [f"**{value}**, a fragment of {space.file}", said if isinstance(said, str) else ""]
        return "\n\n".join(part for part in (*parts, _fields("takes", space.keys.get("input"))) if part)
    if last == "workflow" and (child := analysis.child(value)) is not None:
        said = at(child.source.value, ("description",))
        parts = [f"**{value}**, {child.path.name}", said if isinstance(said, str) else ""]
        taken = _fields("takes", at(child.source.value, ("input",)))
        return "\n\n".join(part for part in (*parts, taken) if part)
    if path[-2:] == ("rollback", "to") and (step := Scope(analysis, path).step(value)) is not None:
        return f"step **{value}**: {summed(step)}"
    if analysis.is_tests and last in ("step", "answer") and analysis.subject is not None:
        for space in analysis.subject.spaces.all if analysis.subject.spaces is not None else ():
            if value in space.ids:
                return f"step **{value}**: {summed(space.ids[value][0])}"
    return None


def _of_name(analysis: Analysis, found: Spotted, name: Name, offset: int) -> tuple[str, int, int] | None:
    """A name in an expression: a filter, a function, or what is known of what it reads."""
    source, spot = analysis.source, found.spot
    keys = name.until(offset)
    last = name.keys[len(keys) - 1][2] if keys else name.end
    stretch = written_at(source, spot, name.start), written_at(source, spot, last - 1) + 1
    tables = {"filter": FILTERS, "test": TESTS, "call": FUNCTIONS}
    if name.role != "name":
        builtin = tables[name.role].get(name.root)
        return None if builtin is None else (f"`{builtin.signature}`: {builtin.summary}", *stretch)
    scope = Scope(analysis, found.path)
    if name.root not in scope.roots:
        return None
    shown = ".".join(map(str, (name.root, *keys)))
    if not keys:
        return f"**{shown}**: {scope.roots.get(name.root) or ABOUT.get(name.root, '')}", *stretch
    parts = [f"**{shown}**"]
    if name.root == "steps" and "steps" not in scope.bound:
        step = scope.step(str(keys[0]))
        if step is None:
            return None
        parts = [f"**{shown}**: {summed(step)}"] if len(keys) == 1 else parts
    kind = scope.type(name.root, keys)
    parts += [f"`{describe(kind)}`"] if kind != ANY else []
    schema = scope.schema(name.root, keys)
    if schema:
        parts.append(_fields("fields", schema) or scope.said(name.root, keys))
    elif name.root == "run":
        parts.append(scope.members(name.root, keys[:-1]).get(str(keys[-1]), ""))
    return "\n\n".join(part for part in parts if part), *stretch


def _timed(analysis: Analysis, leaf: Leaf, path: Path, value: JSON) -> str | None:
    """Durations and times in other words, schedules with their next times."""
    with suppress(ValueError, OverflowError, LookupError, OSError, TypeError):
        if leaf.name == "cron" and isinstance(value, str):
            return _firings(analysis, path, value)
        if leaf.name in _DURATIONS and isinstance(value, str) and "{{" not in value:
            span = parse_duration(value)
            ahead = to_datetime(analysis.surroundings.now + span, UTC)
            return f"{format_duration(span)}; from now that is {ahead:%Y-%m-%d %H:%M:%S} UTC"
        if leaf.name in ("time", "moment") and isinstance(value, str) and "{{" not in value:
            zone = _zone(analysis, path)
            moment = to_datetime(parse_time(value, zone), UTC)
            return f"{moment:%A, %Y-%m-%d %H:%M:%S} UTC"
    return None


def _firings(analysis: Analysis, path: Path, text: str) -> str:
    """When an expression fires next, as its zone's clock shows it."""
    cron, zone, moment = parse_cron(text), _zone(analysis, path), analysis.surroundings.now
    lines = [f"`{text}` in {zone}, next:"]
    for _ in range(_SHOWN_TIMES):
        following = next_after(cron, moment, zone)
        if following is None:
            break
        note = clock_note(cron, following, zone)
        local = to_datetime(following, zone)
        lines.append(f"- {local:%a %Y-%m-%d %H:%M %z}" + (f" ({note})" if note else ""))
        moment = following
    return "\n".join(lines) if len(lines) > 1 else f"`{text}` never fires"


def _zone(analysis: Analysis, path: Path) -> tzinfo:
    named = at(analysis.source.value, (*path[:-1], "timezone"))
    return ZoneInfo(named) if isinstance(named, str) else UTC
