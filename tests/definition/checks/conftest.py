"""A definition is inspected, and what is found compared with what its comments expect; see `marked`."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from marked import Holds, Inspected, actual, expected

from perdure.definition import Diagnostic, inspect


@pytest.fixture
def diagnose(tmp_path: Path) -> Inspected:
    """All diagnostics of a definition; further files by name, as imports find them."""

    def run(text: str, *, catalogue: Any = None, **files: str) -> list[Diagnostic]:
        for name, content in {"main": text, **files}.items():
            (tmp_path / f"{name}.yaml").write_text(dedent(content).lstrip("\n"))
        return inspect(tmp_path / "main.yaml", catalogue=catalogue).diagnostics

    return run


@pytest.fixture
def holds(diagnose: Inspected) -> Holds:
    """Compares the diagnostics of a definition with those its comments expect, all of them and no others."""

    def run(text: str, *, catalogue: Any = None, **files: str) -> None:
        found = diagnose(text, catalogue=catalogue, **files)
        texts = {f"{name}.yaml": dedent(content).lstrip("\n") for name, content in {"main": text, **files}.items()}
        assert actual(texts, found) == expected(texts)

    return run
