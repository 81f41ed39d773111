"""Documents as nobody should write them: random values in random spellings, indentations and comments.

A seed is a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from perdure.definition.language import STEP

PLAIN = ("a", "order", "12", "1.50", "NO", "014", "null", "~", "true", "3d", "a b", "it's", "a#b", "a:b", "x - y", "é")
QUOTED = (
    "",
    " a ",
    "{{ input.x }}",
    'say "a"',
    "it's",
    "# no comment",
    "a: b",
    "back\\slash",
    "tab\there",
    "- a",
    "é\u2014",
)
BLOCKS = ("text\n", "# no comment\nmore\n", "  ahead\nless\n", "a\n\n\nb\n", "\nlate\n", "a\n  b\nc\n", "a \n b\n")
KINDS = [kind for kind in STEP.kinds if kind != "steps"]
MODIFIERS = ["id", "if", "timeout", "retry", "catch", "output", "summary", "lock", "finally"]


@dataclass
class Sloppy:
    """Writes one document; every decision is chance."""

    random: Random
    lines: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    anchors: int = 0

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def comment(self) -> str:
        text = f"# c{len(self.told)}{self.pick(['', ' b: {', ' perdure: ignore[WF503] why', '#'])}"
        self.told.append(text)
        return text

    def tail(self) -> str:
        return f"{self.pick([' ', '   ', ' ' * 9])}{self.comment()}" if self.chance(5) else ""

    def between(self, indent: int) -> None:
        """Comments and blank lines before a line, anywhere near its indentation."""
        while self.chance(4):
            if self.chance(2):
                self.lines.append(self.pick(["", "   "]))
            else:
                self.lines.append(" " * max(0, indent + self.pick([0, 0, 0, -2, 1, 2, 4, -9])) + self.comment())

    def document(self) -> str:
        if self.chance(8):
            self.between(0)
            self.lines.append(f"---{self.tail()}")
        self.mapping(0, ["workflow", "version", "input", "vars", "steps", "output"], 0)
        self.between(0)
        return (
            self.pick(["", "\ufeff"]) + self.pick(["\n", "\n", "\r\n"]).join(self.lines) + self.pick(["", "\n", "\n\n"])
        )

    def mapping(self, indent: int, names: list[str], depth: int, first: str | None = None) -> None:
        for number, name in enumerate(self.random.sample(names, self.random.randint(1, len(names)))):
            if first is None or number:
                self.between(indent)
            head = first if first is not None and number == 0 else " " * indent
            key = self.pick([name, name, name, f'"{name}"', f"'{name}'"])
            steps = name in ("steps", "finally")
            self.value(f"{head}{key}:", indent, depth + 1, steps=steps)

    def value(self, head: str, indent: int, depth: int, *, steps: bool = False, key: bool = True) -> None:
        form = self.pick(["plain", "quoted", "block", "flow", "folded", "mapping", "list", "empty"])
        if steps and depth < 5:
            form = "list"
        anchor = ""
        if self.chance(12) and form != "empty":
            self.anchors += 1
            anchor = f" &a{self.anchors}"
        head += anchor
        wide = indent + self.pick([1, 2, 2, 2, 3, 4])
        if depth >= 5 and form in ("mapping", "list"):
            form = "flow"
        match form:
            case "plain":
                self.lines.append(f"{head} {self.pick(PLAIN)}{self.tail()}")
            case "quoted":
                self.lines.append(f"{head} {self.quoted()}{self.tail()}")
            case "empty":
                self.lines.append(f"{head}{self.tail()}")
            case "folded":
                self.folded(head, wide)
            case "block":
                self.block(head, wide)
            case "flow":
                self.flow(head, wide, depth)
            case "mapping":
                self.nested(head, indent, wide, depth, key=key, compact=not anchor)
            case "list":
                self.items(head, indent, wide, depth, steps=steps, key=key, compact=not anchor)

    def quoted(self) -> str:
        text = self.pick(QUOTED)
        if self.chance(2) and "\t" not in text:
            return "'" + text.replace("'", "''") + "'"
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'

    def folded(self, head: str, wide: int) -> None:
        pad, mark = " " * wide, self.pick(["", '"', "'"])
        if self.chance(3):
            self.lines.append(f"{head}{self.tail()}")
            self.lines.append(f"{pad}{mark}one")
        else:
            self.lines.append(f"{head} {mark}one")
        if self.chance(3):
            self.lines.append("")
        self.lines.append(f"{pad}two{self.pick(['', ' '])}")
        self.lines.append(f"{pad}three{mark}{self.tail()}")

    def block(self, head: str, wide: int) -> None:
        text, style, chomp = self.pick(BLOCKS), self.pick("|>"), self.pick(["", "-", "+"])
        digit = ""
        if text[0] in " \n":
            wide = len(head) - len(head.lstrip(" -")) + 2
            digit = "2"
        if head.lstrip().startswith("- ") or "- -" in head:
            digit and self.lines.append("")
        self.lines.append(f"{head} {style}{digit}{chomp}{self.tail()}")
        self.lines += [" " * wide + line if line else "" for line in text.removesuffix("\n").split("\n")]
        if self.chance(3):
            self.lines.append("")

    def flow(self, head: str, wide: int, depth: int) -> None:
        if self.chance(3):
            self.lines.append(f"{head} {{{self.tail()}")
            for name in ("id", "b", "activity")[: self.random.randint(0, 3)]:
                self.between(wide)
                self.lines.append(f"{' ' * wide}{name}: {self.flowing(depth + 2)},{self.tail()}")
            self.between(wide)
            self.lines.append(f"{' ' * wide}}}{self.tail()}")
        else:
            self.lines.append(f"{head} {self.flowing(depth)}{self.tail()}")

    def flowing(self, depth: int) -> str:
        form = self.pick(["plain", "quoted", "mapping", "list", "pair", "long"]) if depth < 6 else "plain"
        match form:
            case "plain":
                return str(self.pick(["a", "12", "a b", "x"]))
            case "quoted":
                return self.quoted()
            case "long":
                return "[" + ", ".join(["a very long text"] * 9) + "]"
            case "pair":
                return f"[a: {self.flowing(depth + 1)}, b]"
            case "list":
                return "[" + ", ".join(self.flowing(depth + 1) for _ in range(self.random.randint(0, 3))) + "]"
        keys = ("timeout", "id", "activity")[: self.random.randint(0, 3)]
        return "{ " + ", ".join(f"{key}: {self.flowing(depth + 1)}" for key in keys) + " }"

    def nested(self, head: str, indent: int, wide: int, depth: int, *, key: bool, compact: bool) -> None:
        names = ["a", "b", "with", "on"]
        if not key and compact and self.chance(2):
            spaces = self.pick([1, 1, 3])
            self.mapping(len(head) + spaces, names, depth, head + " " * spaces)
            return
        self.lines.append(f"{head}{self.tail()}")
        self.mapping(wide, names, depth)

    def items(self, head: str, indent: int, wide: int, depth: int, *, steps: bool, key: bool, compact: bool) -> None:
        if not key and compact and self.chance(2):
            self.value(f"{head} -", len(head) + 1, depth + 1, key=False)
            return
        self.lines.append(f"{head}{self.tail()}")
        at = indent if key and self.chance(3) else wide
        for _ in range(self.random.randint(1, 3)):
            self.between(at)
            dash = " " * at + "-"
            if steps:
                names = [self.pick(KINDS), *MODIFIERS, *(["steps"] if self.chance(3) else [])]
                self.mapping(at + 2, names, depth, f"{dash} ")
            else:
                self.value(dash, at, depth + 1, key=False)


def document(seed: int) -> tuple[str, list[str]]:
    """A text and its comments."""
    written = Sloppy(Random(seed))
    text = written.document()
    return text, written.told
