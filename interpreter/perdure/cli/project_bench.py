"""The project as a language server asks for it: how a file is checked, which activities and definitions there are.

Activities are listed by a process of their own: what they print cannot disturb the protocol, and they are those on the
disk, however long the server has been running.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from perdure.cli.checked import check_file
from perdure.cli.definitions import FOLDER, top_key, workflows_in
from perdure.cli.fmt import is_ours
from perdure.cli.settings import Settings
from perdure.cli.validate import picked
from perdure.definition import Diagnostic
from perdure.definition.files import Fetch
from perdure.definition.lint import Lint
from perdure.definition.reader import read
from perdure.editor.shapes import Language
from perdure.editor.surroundings import Home, Surroundings
from perdure.errors import PerdureError
from perdure.formatting import formatted
from perdure.testing.declared.language import SHAPES, TESTS
from perdure.testing.declared.reading import SUFFIXES, read_suite

TESTING: Final = Language("tests", TESTS, SHAPES)
PATIENCE: Final = 60.0
"""Seconds within which the project's activities must be imported."""


class ProjectBench:
    """One project. Before its activities have been listed, calls of them are not checked; where its configuration is
    wrong, what was known before goes on to hold."""

    def __init__(self, chosen: Settings) -> None:
        self.chosen = chosen
        self.catalogue: Mapping[str, Mapping[str, Any]] | None = None
        self.homes: dict[str, Home] = {}
        self.workflows: dict[str, Path] = {}
        self.lint = Lint()
        self.root = Path.cwd()

    def settle(self, root: Path) -> None:
        """Goes to the directory that the editor works in; settings are those of its project."""
        with contextlib.suppress(OSError):
            os.chdir(root)
        self.root = Path.cwd()

    def surroundings(self, fetch: Fetch) -> Surroundings:
        """What is known now."""
        now = time.time_ns() // 1000
        return Surroundings(self.catalogue or {}, self.homes, self.workflows, fetch, TESTING, now)

    def diagnose(self, path: Path, fetch: Fetch) -> list[Diagnostic]:
        """What `perdure validate` says about the file, with the weights the project gives; of tests, what is wrong with
        them."""
        if path.name.endswith(SUFFIXES):
            found = read_suite(path, self.catalogue, fetch).diagnostics
        elif top_key(path, fetch) is None:
            return []
        else:
            found = check_file(str(path), self.catalogue, fetch).diagnostics
        return picked(found, set(), set(), self.lint, self._named)

    def formatted(self, path: Path, fetch: Fetch) -> str | None:
        """What `perdure fmt` makes of the file; a text with errors is left alone, since they are shown anyway."""
        if not is_ours(path, fetch):
            return None
        source = read(fetch(path), file=str(path))
        is_broken = any(found.severity == "error" for found in source.diagnostics)
        return None if is_broken else formatted(source)

    async def learn(self) -> str | None:
        """Lists activities and definitions anew; gives why that did not work."""
        self.chosen = replace(self.chosen)  # what it has read of the configuration may have changed
        try:
            self.workflows = workflows_in(self.chosen.root / FOLDER)
            self.lint, self.root = self.chosen.lint, self.chosen.root
            listed = await self._listed()
        except (PerdureError, OSError) as problem:
            return f"{problem}"
        if isinstance(listed, str):
            return listed
        self.catalogue = {one["name"]: one for one in listed}
        self.homes = {one["name"]: Home(Path(one["file"]), one["line"]) for one in listed if one.get("file")}
        return None

    async def _listed(self) -> list[dict[str, Any]] | str:
        more = [word for name in self.chosen.more_activities for word in ("--activities", name)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "perdure.cli", "activities", "list", "-o", "json", *more),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            told, wrong = await asyncio.wait_for(process.communicate(), PATIENCE)
        except (TimeoutError, asyncio.CancelledError):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            return f"the activities could not be listed within {PATIENCE:g} seconds"
        if process.returncode:
            return wrong.decode("utf-8", "replace").strip()[-1000:] or "the activities could not be listed"
        found: list[dict[str, Any]] = json.loads(told)["activities"]
        return found

    def _named(self, file: str) -> str:
        return os.path.relpath(file, self.root).replace(os.sep, "/")
