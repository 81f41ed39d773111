"""What an answer may need besides the text: other files, as the editor has them, and what the project has.

Plain data and a way to read; the server fills it in, tests make their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perdure.definition.files import Fetch, content
from perdure.definition.language import DEFINITION, LIBRARY, SHAPES
from perdure.editor.shapes import Language

DEFINITIONS = Language("definition", DEFINITION, SHAPES)
FRAGMENTS = Language("library", LIBRARY, SHAPES)


@dataclass(frozen=True, slots=True)
class Home:
    """Where an activity is written; lines count from 1."""

    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The project around a file.

    `catalogue` are the activities as `definition.load` takes them, with their `doc` beside; `homes` says where those
    are written that are in files; `workflows` are the definitions by name. `now` is the time in microseconds.
    """

    catalogue: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    homes: Mapping[str, Home] = field(default_factory=dict)
    workflows: Mapping[str, Path] = field(default_factory=dict)
    fetch: Fetch = content
    tests: Language | None = None
    now: int = 0
