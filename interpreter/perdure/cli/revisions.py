"""Definitions as they are in a file, or were in a revision of git (`REVISION:FILE`)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.cli.exits import NotFound
from perdure.cli.repository import Repository
from perdure.errors import InvalidInput

if TYPE_CHECKING:
    from perdure.definition import Inspection

_ENDINGS: Final = (".yaml", ".yml", ".json")
"""What a definition, and what it imports, can be called."""


def inspected(given: str) -> Inspection:
    """What a path, or a path in a revision, has to say. Raises NotFound, InvalidInput."""
    from perdure.definition import inspect

    revision, colon, path = given.partition(":")
    if not colon or Path(given).exists():
        try:
            return inspect(Path(given))
        except FileNotFoundError:
            raise NotFound(f"there is no file {given}") from None
    try:
        repository = Repository.around(Path.cwd())
    except InvalidInput as problem:
        hint = "without one, compare two files"
        raise InvalidInput(f"{given} is a file in a revision of git, but {problem.message}; {hint}") from None
    commit = repository.commit(revision)
    try:
        inside = repository.within(Path(path))
    except ValueError:
        raise NotFound(f"there is no file {path} in {revision}: it is outside of the repository") from None
    with tempfile.TemporaryDirectory() as folder:
        repository.extract(commit, _ENDINGS, Path(folder))  # all of them, since one may import others
        try:
            return inspect(Path(folder) / inside)
        except FileNotFoundError:
            raise NotFound(f"there is no file {path} in {revision}") from None
