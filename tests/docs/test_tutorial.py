"""The tutorial cannot lie: its files are written, its commands run, and they print what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?:<!-- (file|replace): ([^\n]+) -->\n)?```(\w+)\n(.*?)```\n", re.DOTALL)


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    folder = tmp_path
    for what, where, language, text in blocks():
        if what == "file":
            (folder / where).write_text(text)
        elif what == "replace":
            name, _, old = where.partition(": ")
            file = folder / name
            assert file.read_text().count(old + "\n") == 1
            file.write_text(file.read_text().replace(old + "\n", text))
        elif language == "console":
            for command, expected in commands(text):
                if command.startswith("cd "):
                    folder = folder / command[3:]
                else:
                    printed = run(command, folder)
                    assert pattern(expected).fullmatch(printed), (
                        f"$ {command}\n{printed}\n--- the page says\n{expected}"
                    )


def blocks() -> Iterator[tuple[str, str, str, str]]:
    found = list(BLOCK.finditer(PAGE.read_text(encoding="utf-8")))
    assert len(found) > 10
    for block in found:
        yield block[1] or "", block[2] or "", block[3], block[4]


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def pattern(expected: str) -> re.Pattern[str]:
    """`...` on a line of its own stands for any lines, `…` for anything within a line."""
    lines = []
    for line in expected.splitlines(keepends=True):
        plain = re.escape(line).replace("…", "[^\n]*")
        lines.append("(?:[^\n]*\n)*" if line == "...\n" else plain)
    return re.compile("".join(lines))


def run(command: str, folder: Path) -> str:
    words = command.split()
    assert words[0] == "perdure"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERDURE")}
    environment = {**kept, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "120", "NO_COLOR": "1"}
    called = [sys.executable, "-c", "from perdure.cli import main; main()", *words[1:]]
    done = subprocess.run(
        called, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    return done.stdout
