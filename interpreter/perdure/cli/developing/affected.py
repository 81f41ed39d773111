"""What a change of files concerns: which definitions are checked and deployed anew, which tests run again.

Rather too much than too little: a definition is concerned when it so much as names what has changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perdure.cli.checked import files_of, usual_paths
from perdure.cli.definitions import TEST_SUFFIXES, workflow_name

CODE: Final = (".py", ".toml")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round looks at; with `code` the activities may be others, so everything is concerned."""

    definitions: list[str]
    tests: list[str]
    code: bool

    def __bool__(self) -> bool:
        return bool(self.definitions or self.tests or self.code)


def everything() -> Round:
    """All definitions and tests of the project."""
    return Round(_definitions(), _tests(), code=True)


def concerned(changed: Iterable[Path]) -> Round:
    """What the changed files concern; nothing where they are neither code nor definitions nor tests."""
    changed = [path.resolve() for path in changed]
    if any(path.suffix in CODE for path in changed):
        return everything()
    definitions, tests = _definitions(), _tests()
    touched = {file for file in definitions if Path(file).resolve() in changed}
    gone = {path.name for path in changed if not path.exists() and not path.name.endswith(TEST_SUFFIXES)}
    words = gone | {Path(file).name for file in touched}
    words |= {name for file in touched if (name := workflow_name(Path(file)))}
    texts = {file: _text(file) for file in definitions} if words else {}
    near = _naming(words, texts) | touched
    names = {Path(file).name for file in near} | gone
    run = [
        file
        for file in tests
        if Path(file).resolve() in changed or (names and any(name in _text(file) for name in names))
    ]
    return Round([file for file in definitions if file in near], run, code=False)


def _naming(words: set[str], texts: dict[str, str]) -> set[str]:
    """The definitions whose text has one of the words, and those that name these in turn."""
    found: set[str] = set()
    while words:
        new = {file for file, text in texts.items() if file not in found and any(word in text for word in words)}
        found |= new
        words = {Path(file).name for file in new} | {name for file in new if (name := workflow_name(Path(file)))}
    return found


def _definitions() -> list[str]:
    return files_of(())


def _tests() -> list[str]:
    from perdure.testing.declared.session import test_files

    return [str(file) for file in test_files([Path(path) for path in usual_paths()])]


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
