"""`--watch` of `test` and `validate`: the same command again in a fresh process, whenever a file of the project has
changed.

Looks at the times of files, a few times a second: the same on every system and every file system.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from perdure.cli.exits import OK, complain
from perdure.cli.settings import Settings
from perdure.testing.declared.session import SKIPPED

SUFFIXES: Final = frozenset((".yaml", ".yml", ".json", ".py", ".toml"))
PAUSE: Final = 0.3
"""Seconds between two looks."""

MOST_FILES: Final = 20_000
"""Files that are looked at; a larger directory is hardly a project of definitions."""

Times = Mapping[Path, int]


def watching(chosen: Settings, words: Sequence[str] | None = None) -> int:
    """Run the command now and after every change, until interrupted."""
    words = sys.argv[1:] if words is None else words
    command = [sys.executable, "-m", "perdure.cli", *(word for word in words if word != "--watch")]
    folders = [*dict.fromkeys((Path.cwd().resolve(), chosen.root.resolve()))]
    try:
        while True:
            before = times(folders)
            subprocess.run(command, check=False)
            if not chosen.quiet:
                complain("waiting for a change; Ctrl-C ends it", label=False)
            while times(folders) == before:
                time.sleep(PAUSE)
    except KeyboardInterrupt:
        return OK


def times(folders: Sequence[Path]) -> Times:
    """When each file that matters was changed last."""
    found: dict[Path, int] = {}
    for folder in folders:
        for file in _files(folder):
            try:
                found[file] = file.stat().st_mtime_ns
            except OSError:
                continue
            if len(found) >= MOST_FILES:
                return found
    return found


def _files(folder: Path) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        try:
            entries = sorted(waiting.pop().iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in SKIPPED or entry.is_symlink():
                continue
            if entry.is_dir():
                waiting.append(entry)
            elif entry.suffix in SUFFIXES:
                yield entry
