"""A small project on disk, and what an editor asks of its files: `^` in a text is where the pointer stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from editor_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A project with a definition, fragments, a child and tests."""
    return World(tmp_path)
