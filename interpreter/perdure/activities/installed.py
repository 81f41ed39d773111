"""Whether any installed distribution may offer activities: far cheaper to see than to ask `importlib.metadata`.

Errs to one side only: what cannot be judged here (zip files, eggs, finders of others) is left to `importlib.metadata`,
which `loading` asks then.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

_METADATA: Final = (".dist-info", ".egg-info")


def may_be_offered(group: str) -> bool:
    """Whether a distribution on `sys.path` may have entry points of a group; False is certain."""
    if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
        return True
    return any(_mentions(place, group.encode()) for place in dict.fromkeys(sys.path))


def _mentions(place: str, word: bytes) -> bool:
    """Whether metadata in a place of `sys.path` hold a word, or cannot be read here."""
    if place.lower().endswith(".egg"):
        return True
    try:
        with os.scandir(place or ".") as entries:
            return any(_holds(Path(entry), word) for entry in entries if entry.name.lower().endswith(_METADATA))
    except OSError:
        return Path(place).is_file()  # such as a zip file


def _holds(metadata: Path, word: bytes) -> bool:
    try:
        return word in (metadata / "entry_points.txt").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
