"""A project on disk, `perdure` called in this process, and as a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_project import ACTIVITIES, DEFINITIONS, Process
from click.testing import CliRunner, Result

from perdure.cli import main


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PERDURE_", "GITHUB_")) or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with definitions, activities and configuration; the current directory."""
    root = tmp_path / "project"
    (root / "definitions").mkdir(parents=True)
    (root / "perdure.toml").write_text('activities = ["shop_activities.py"]\n')
    (root / "shop_activities.py").write_text(ACTIVITIES)
    for name, text in DEFINITIONS.items():
        (root / "definitions" / f"{name}.yaml").write_text(text.lstrip())
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", sys.path[:])
    return root


@pytest.fixture
def perdure(project: Path) -> Callable[..., Result]:
    """`perdure` in this process, in the project."""

    def call(*words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, list(words), input=input)

    return call


@pytest.fixture
def spawn(project: Path) -> Iterator[Callable[..., Process]]:
    """Starts `perdure` as a process; what still runs at the end of the test is killed."""
    started: list[Process] = []

    def start(*words: str, **options: Any) -> Process:
        started.append(Process(project, words, **options))
        return started[-1]

    yield start
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.communicate()
