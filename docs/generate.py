"""Fills the parts of the documentation that the code itself says: tables, rules, signatures, pictures, the lifecycle.

    python docs/generate.py [--check]

A part stands between `<!-- generated: name -->` and `<!-- end -->`; what each name gives is in `PARTS`. With
`--check` nothing is written, and a file that would change is an error.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import fields
from inspect import Parameter, cleandoc, isfunction, signature
from pathlib import Path
from typing import Any, Final

import perdure
from perdure.activities import ActivityDescription, Registry, attempt, failure, registry
from perdure.core import turn
from perdure.core.blocks import child
from perdure.core.lifecycle import ENDED, TRANSITIONS
from perdure.definition import Document, document, files, inspect, models, reader
from perdure.definition.grammar import Key, Record
from perdure.definition.reader import read
from perdure.definition.rules import GROUPS, RULES
from perdure.engine import attempts, claims, lease, query
from perdure.expressions import FILTERS, FUNCTIONS, functions, scope, syntax
from perdure.expressions import TESTS as CONDITIONS
from perdure.expressions.builtin import Table
from perdure.pictures import outline, svg
from perdure.testing.cases import read_cases
from perdure.testing.declared.language import CALL, CASE, EXPECT, MOCK, SCRIPT, TESTS
from perdure.values import DEEPEST, LONGEST, WIDEST, format_duration

DOCS: Final = Path(__file__).parent
PATTERNS: Final = DOCS.parent / "tests" / "cases" / "patterns"
DEFINITIONS: Final = DOCS.parent / "definitions"
SHOWN_KEYS: Final = frozenset((
    "schedule", "queries", "fragments", "imports", "concurrency", "labels", "defaults",
    "if", "timeout", "retry", "catch", "finally", "compensate", "queue", "priority", "lock", "cache",
))  # fmt: skip
"""The modifiers, and the top-level keys that do something."""
PATTERN: Final = re.compile(r"pattern (\d+), ([^:]+): ")
PART: Final = re.compile(r"(<!-- generated: ([^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table in Markdown; a bar inside a cell is written so that it does not end the cell."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def builtins(found: Table) -> str:
    rows = [(f"`{one.signature}`", one.summary) for one in found.values()]
    return table(("written", "gives"), rows)


def limits() -> str:
    """The fixed limits, read from the constants that enforce them."""
    rows = [
        ("a definition's file", f"{reader.LARGEST:,} bytes, {document.MOST_NODES:,} values"),
        ("files a definition imports", f"{files.MOST_FILES}"),
        ("steps, fragments put in place", f"{models.MOST_STEPS:,}"),
        ("containers inside each other, in any value", f"{DEEPEST}"),
        ("an integer", f"{WIDEST:,} bits"),
        ("a duration", format_duration(LONGEST)),
        (
            "the text of one expression",
            f"{syntax.LONGEST_EXPRESSION:,} characters, {syntax.DEEPEST_BRACKETS} brackets deep",
        ),
        ("expressions in one text", f"{syntax.MOST_EXPRESSIONS:,}"),
        ("one evaluation", f"{scope.MOST_OPERATIONS:,} operations"),
        ("the value it makes", f"{scope.MOST_ITEMS:,} items, {scope.LONGEST_TEXT:,} characters"),
        ("the value of a template, with what it has read", f"{scope.MOST_PARTS:,} items, as many characters"),
        ("`range()`", f"{functions.LONGEST_RANGE:,} numbers"),
        ("transitions one event may cause", f"{turn.MOST_TRANSITIONS:,}"),
        ("an activity's result", f"{registry.LARGEST_RESULT:,} bytes of JSON"),
        ("details of a heartbeat", f"{attempt.LARGEST_HEARTBEAT:,} bytes of JSON"),
        ("details of an error", f"{failure.LARGEST_DETAILS:,} bytes of JSON"),
        ("a cancelled activity's time to stop", f"{attempts.GRACE:g}s"),
        ("runs inside each other, parents and children", f"{child.DEEPEST}"),
        ("a query of runs", f"{query.LONGEST:,} characters, {query.MOST} comparisons, {query.DEEPEST} brackets deep"),
        ("a worker's lease", format_duration(lease.LEASE)),
        ("deaths of a run's worker in a row, before it is stuck", f"{claims.MOST_RECOVERIES}"),
    ]
    return table(("what", "at most"), rows)


def rules() -> str:
    """Every rule of `perdure validate`, by group."""
    parts = []
    for digit, group in GROUPS.items():
        found = [rule for rule in RULES.values() if rule.code[2] == digit]
        if found:
            parts.append(f"\n## {digit}xx: {group}\n")
        for rule in found:
            parts.append(f"\n### {rule.code} {rule.name}\n\n*{rule.severity}*: {rule.summary}.\n\n{rule.why}\n")
            parts += [f"\n{word}:\n\n```yaml\n{text}\n```\n" for word, text in (("Bad", rule.bad), ("Good", rule.good))]
    return "".join(parts) + "\n"


def lifecycle() -> str:
    """The statuses of a run as a diagram."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> scheduled", "    [*] --> running"]
    lines += [f"    {a} --> {b}: {way}" for a, ways in TRANSITIONS.items() for way, b in ways.items()]
    lines += [f"    {status} --> [*]" for status in TRANSITIONS if status in ENDED]
    return "\n".join([*lines, "```", ""])


def activities() -> str:
    """The built-in activities, from what they declare."""
    offered = Registry.load(entry_points=False)
    return "".join(_activity(offered.describe(name)) for name in offered.names())


def _activity(found: ActivityDescription) -> str:
    schema = found.arguments
    rows = []
    for name, one in schema.get("properties", {}).items():
        shown = "required" if name in schema.get("required", ()) else f"`{_json(one.get('default'))}`"
        rows.append((f"`{name}`", _type(one), shown))
    return f"### `{found.name}`\n\n{found.doc}\n\n" + table(("argument", "type", "default"), rows) + "\n"


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    return str(schema.get("type", "any value"))


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def patterns() -> str:
    """The control-flow patterns, how far each is reached, and the cases that show it."""
    known = tomllib.loads((PATTERNS / "patterns.toml").read_text("utf-8"))
    shown = _shown_patterns({int(number): name for number, name in known["reached"].items()})
    rows = []
    for number in sorted(map(int, {**known["reached"], **known["unreached"]})):
        if str(number) in known["unreached"]:
            name, why = known["unreached"][str(number)]
            support, case = f"none: {why}", ""
        else:
            name, why = known["reached"][str(number)], known["part"].get(str(number))
            support, case = f"part: {why}" if why else "full", ", ".join(shown[number])
        rows.append((str(number), name, support, case))
    part = len(known["part"])
    full, none = len(known["reached"]) - part, len(known["unreached"])
    counted = f"{full} are reached in full, {part} in part, {none} not.\n\n"
    return counted + table(("number", "pattern", "reached", "shown by"), rows)


def _shown_patterns(reached: dict[int, str]) -> dict[int, list[str]]:
    """Pattern → links to the files of its cases; every one has a case, and every case its pattern's own name."""
    shown: dict[int, list[str]] = {number: [] for number in reached}
    for path in sorted(PATTERNS.glob("*.yaml")):
        for case in read_cases(path):
            found = PATTERN.match(case.sentence)
            if found is None or reached.get(int(found[1]), "").lower() != found[2].lower():
                raise ValueError(f"{path.name}:{case.line}: not named after a pattern that is reached: {case.sentence}")
            link = f"[{path.name}](../../tests/cases/patterns/{path.name})"
            if link not in shown[int(found[1])]:
                shown[int(found[1])].append(link)
    missing = [number for number, links in shown.items() if not links]
    if missing:
        raise ValueError(f"patterns that are said to be reached and have no case: {missing}")
    return shown


def api(name: str) -> str:
    """A public class or function with its signature and docstring, and those of its public members."""
    target = getattr(perdure, name)
    if isfunction(target):
        return _signed(target, f"perdure.{name}", level=3, is_async=False)
    parts = [cleandoc(target.__doc__ or ""), "\n\n"]
    shown = [field.name for field in fields(target)] if hasattr(target, "__dataclass_fields__") else []
    if shown:
        rows = [(f"`{field.name}`", f"`{field.type}`") for field in fields(target)]
        parts.append(table(("field", "type"), rows) + "\n")
    for member in vars(target):
        value = vars(target)[member]
        if member.startswith("_") or member in shown:
            continue
        if isfunction(value):
            parts.append(_signed(value, f"{name}.{member}", level=4, is_async=_is_async(value)))
        elif isinstance(value, property):
            parts.append(f"#### `{name}.{member}`\n\n{cleandoc(value.__doc__ or '')}\n\n")
    return "".join(parts)


def keys(name: str) -> str:
    """The keys of one part of a file of tests, with what each is for."""
    shape = {"tests": TESTS, "case": CASE, "mock": MOCK, "entry": SCRIPT, "expect": EXPECT, "call": CALL}[name]
    if isinstance(shape, Record):
        found = shape.keys
    else:
        beside = {key: value for kind in shape.kinds.values() for key, value in kind.beside.items()}
        found = {kind: Key(one.value, one.about) for kind, one in shape.kinds.items()} | beside | dict(shape.shared)
    return table(("key", "says"), [(f"`{key}`", one.about) for key, one in found.items()])


def _signed(function: Any, name: str, *, level: int, is_async: bool) -> str:
    written = "await " * is_async + f"{name}({_parameters(function)})" + _returned(function)
    return f"{'#' * level} `{name}`\n\n```text\n{written}\n```\n\n{cleandoc(function.__doc__ or '')}\n\n"


def _is_async(function: Any) -> bool:
    return bool(function.__code__.co_flags & 0x80)


def _parameters(function: Any) -> str:
    parts, starred = [], False
    for one in signature(function).parameters.values():
        if one.name == "self":
            continue
        if one.kind is Parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        parts.append(one.name + ("" if one.default is Parameter.empty else f"={one.default!r}"))
    return ", ".join(parts)


def _returned(function: Any) -> str:
    shown = function.__annotations__.get("return", "None")
    if shown.startswith("AsyncIterator"):
        shown = f"async context manager of {shown[14:-1]}"
    return "" if shown in ("None", "Any") else f" -> {shown}"


def shipped() -> list[Path]:
    """The shipped definitions, without their tests."""
    return sorted(path for path in DEFINITIONS.glob("*.yaml") if not path.name.endswith(".test.yaml"))


def definitions() -> str:
    """Every shipped definition: what it is for, what it shows, its picture, and where it and its tests stand."""
    parts = []
    for path in shipped():
        found, tests = _document(path), path.with_suffix(".test.yaml")
        name, cases = found.keys["workflow"], len(read(tests.read_bytes(), file=tests.name).value["cases"])
        links = f"[definition](../../definitions/{path.name}) · [tests](../../definitions/{tests.name}) ({cases} cases)"
        picture = f"![{name}, as `perdure graph` draws it](../pictures/{path.stem}.svg)"
        parts += [f"## {name}", found.keys["description"], f"Shows {_constructs(found)}.", picture, links]
    return "\n\n".join(parts) + "\n"


def _document(path: Path) -> Document:
    found = inspect(path).document
    assert found is not None
    return found


def _constructs(found: Document) -> str:
    """The kinds and modifiers a definition uses, and the top-level keys that do something, each once."""
    words: dict[str, None] = {key: None for key in found.keys if key in SHOWN_KEYS}
    for step in found.walk():
        words[step.kind] = None
        words.update((key, None) for key in step.keys if key in SHOWN_KEYS)
    return ", ".join(f"`{word}`" for word in words)


def pictures() -> dict[Path, str]:
    """The picture of every shipped definition, by the file it stands in."""
    return {DOCS / "pictures" / f"{path.stem}.svg": svg(outline(_document(path))) for path in shipped()}


PARTS: Final[dict[str, Callable[[], str]]] = {
    "filters": lambda: builtins(FILTERS),
    "functions": lambda: builtins(FUNCTIONS),
    "tests": lambda: builtins(CONDITIONS),
    "limits": limits,
    "rules": rules,
    "lifecycle": lifecycle,
    "activities": activities,
    "patterns": patterns,
    "definitions": definitions,
}


GIVEN: Final[dict[str, Callable[[str], str]]] = {"api": api, "keys": keys}


def filled(text: str) -> str:
    """The text of a page with every generated part as it should be."""

    def fill(found: re.Match[str]) -> str:
        kind, _, name = found[2].partition(" ")
        part = GIVEN[kind](name) if kind in GIVEN else PARTS[kind]()
        return f"{found[1]}{part.strip(chr(10))}\n{found[3]}"

    return PART.sub(fill, text)


def pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def written() -> dict[Path, str]:
    """What every page and picture should hold."""
    return {**{page: filled(page.read_text("utf-8")) for page in pages()}, **pictures()}


def stale() -> list[Path]:
    """The pages and pictures that differ from what they should be, and pictures of what is no definition any more."""
    should = written()
    left = [path for path in (DOCS / "pictures").glob("*.svg") if path not in should]
    return [*left, *(path for path, text in should.items() if not path.is_file() or path.read_text("utf-8") != text)]


def main(arguments: list[str]) -> int:
    found, should = stale(), written()
    for path in found:
        print(path.relative_to(DOCS.parent))
        if "--check" in arguments:
            continue
        if path in should:
            path.parent.mkdir(exist_ok=True)
            path.write_text(should[path], "utf-8")
        else:
            path.unlink()
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
