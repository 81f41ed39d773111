"""Definitions as they are in a file, or were in a revision of git (`REVISION:FILE`)."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.cli.exits import NotFound
from perdure.errors import InvalidInput

if TYPE_CHECKING:
    from perdure.definition import Inspection


def inspected(given: str) -> Inspection:
    """What a path, or a path in a revision, has to say. Raises NotFound, InvalidInput."""
    from perdure.definition import inspect

    revision, colon, path = given.partition(":")
    if not colon or Path(given).exists():
        try:
            return inspect(Path(given))
        except FileNotFoundError:
            raise NotFound(f"there is no file {given}") from None
    with tempfile.TemporaryDirectory() as folder:
        place = _extracted(revision, path, Path(folder))
        try:
            return inspect(place)
        except FileNotFoundError:
            raise NotFound(f"there is no file {path} in {revision}") from None


def _extracted(revision: str, path: str, folder: Path) -> Path:
    """The file in a folder that holds all definitions of the revision, since it may import others."""
    root = _git("rev-parse", "--show-toplevel").decode().strip()
    inside = Path(path).resolve().relative_to(Path(root).resolve()) if _is_inside(path, root) else Path(path)
    commit = _commit(revision)
    packed = _git("-C", root, "archive", "--format=tar", commit, "--", *_globs(root, commit))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / inside


def _is_inside(path: str, root: str) -> bool:
    return Path(path).resolve().is_relative_to(Path(root).resolve())


def _commit(revision: str) -> str:
    if revision.startswith("-"):
        raise InvalidInput(f"{revision} is no revision")
    unknown = f"git knows no revision {revision}"
    return _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", says=unknown).decode().strip()


def _globs(root: str, commit: str) -> list[str]:
    """The kinds of files a definition can be; those without a file would make git refuse."""
    listed = _git("-C", root, "ls-tree", "-r", "--name-only", "-z", commit).decode().split("\0")
    return [name for name in listed if name.endswith((".yaml", ".yml", ".json"))] or ["."]


def _git(*words: str, says: str | None = None) -> bytes:
    try:
        done = subprocess.run(["git", *words], capture_output=True, check=False)
    except FileNotFoundError:
        raise InvalidInput("git is not installed: revisions cannot be read") from None
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()
        raise InvalidInput(says or f"git refuses: {told or ' '.join(words)}")
    return done.stdout
