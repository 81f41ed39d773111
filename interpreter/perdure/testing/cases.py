"""Language cases: YAML documents that hold a definition, what happens to it, and what must come of it.

A case is read here and run by `case_run`. Its definition keeps the lines it has in the file, so that a comment
`# expect: WF301` on a line demands exactly that diagnostic there. Of the language it knows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from perdure.definition.reader import read_all
from perdure.definition.source import Source
from perdure.errors import DefinitionError
from perdure.values import JSON

EXPECTED: Final = re.compile(r"#\s*expect:\s*((?:WF\d{3}[,\s]*)+)")
KEYS: Final = frozenset(("case", "definition", "input", "delay", "mocks", "script", "expect"))
EXPECTATIONS: Final = frozenset((
    "status", "output", "error", "undone", "not_undone", "calls", "never", "elapsed", "recorded", "unread", "live",
    "vars", "refused", "published", "queries", "replies", "sent", "children", "leaves", "continued", "queued",
    "took",
))  # fmt: skip
ENTRY_KEYS: Final = frozenset(
    (
        "at",
        "when",
        "after",
        "signal",
        "with",
        "answer",
        "by",
        "cancel",
        "terminate",
        "restart",
        "update",
        "event",
        "pause",
        "resume",
    )
)


@dataclass(frozen=True, slots=True)
class Case:
    """One document. `text` is the definition, blank lines above it; `diagnostics` are (line, code)."""

    file: str
    line: int
    sentence: str
    text: str
    input: JSON = None
    delay: str | None = None
    mocks: list[JSON] = field(default_factory=list)
    script: list[JSON] = field(default_factory=list)
    expect: dict[str, JSON] = field(default_factory=dict)
    diagnostics: tuple[tuple[int, str], ...] = ()

    @property
    def name(self) -> str:
        return f"{Path(self.file).stem}: {self.sentence}"


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a file, in order; raises DefinitionError or ValueError for one that is none."""
    for source in read_all(path.read_bytes(), file=str(path)):
        if source.value is None and not source.text.strip("-\n "):
            continue
        yield _case(source)


def _case(source: Source) -> Case:
    value = source.value
    where = f"{source.file}:{source.above + 1}"
    errors = [diagnostic for diagnostic in source.diagnostics if diagnostic.severity == "error"]
    if errors and not EXPECTED.search(source.text):
        raise DefinitionError(errors)
    if not isinstance(value, dict) or not {"case", "definition"} <= set(value) <= KEYS:
        raise ValueError(f"{where}: a case has {', '.join(sorted(KEYS))}, at least case and definition")
    expect = value.get("expect") or {}
    if not set(expect) <= EXPECTATIONS:
        raise ValueError(f"{where}: nothing is known of {set(expect) - EXPECTATIONS}")
    for entry in value.get("script") or ():
        if not set(entry) <= ENTRY_KEYS:
            raise ValueError(f"{where}: a script has no {set(entry) - ENTRY_KEYS}")
    text = _definition(source)
    return Case(
        file=source.file,
        line=source.marks.key(("case",)).line,
        sentence=str(value["case"]),
        text=text,
        input=value.get("input"),
        delay=value.get("delay"),
        mocks=value.get("mocks") or [],
        script=value.get("script") or [],
        expect=expect,
        diagnostics=tuple(_diagnostics(text)),
    )


def _definition(source: Source) -> str:
    """The lines of the `definition:` block, moved left, with blank lines for those above; a name where it has none."""
    mark = source.marks.value(("definition",))
    first, indent = mark.line, mark.column - 1
    lines = source.lines[first - 1 :]
    block = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip(" ")) < indent:
            break
        block.append(line[indent:])
    above = [""] * (first - 1)
    if "workflow" not in source.value["definition"]:
        above[-1] = "workflow: case"
    return "\n".join([*above, *block]) + "\n"


def _diagnostics(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        found = EXPECTED.search(line)
        if found is not None:
            for code in re.findall(r"WF\d{3}", found[1]):
                yield number, code
