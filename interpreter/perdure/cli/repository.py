"""The git repository around a directory: its revisions, what has changed since one, and what its files held.

Asks `git`; every word that comes from outside stands where git takes it for no option. Knows no definitions.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.errors import InvalidInput
from perdure.record import record

if TYPE_CHECKING:
    import subprocess


@record
class Repository:
    """`top` is the working tree's directory."""

    top: Path

    @classmethod
    def around(cls, place: Path) -> Repository:
        """Raises InvalidInput where there is none, or no git."""
        told = _git("rev-parse", "--show-toplevel", at=place)
        if told.returncode != 0:
            why = told.stderr.decode(errors="replace").strip()
            known = "not a git repository" in why
            raise InvalidInput(f"there is no git repository around {place}" if known else f"git refuses: {why}")
        return cls(Path(told.stdout.decode().rstrip("\n")).resolve())

    def commit(self, revision: str) -> str:
        """The full name of the commit that a revision means. Raises InvalidInput."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        told = _git(*words, at=self.top)
        if told.returncode != 0:
            raise InvalidInput(f"git knows no revision {revision!r}; in CI, fetch it first")
        return told.stdout.decode().strip()

    def within(self, path: Path) -> str:
        """A path as git writes it. Raises ValueError for one outside."""
        return path.resolve().relative_to(self.top).as_posix()

    def changed_since(self, commit: str) -> frozenset[Path]:
        """The files that differ from a commit, those that git does not know yet among them."""
        changed = self._names("diff", "--name-only", "-z", "--no-renames", commit, "--")
        new = self._names("ls-files", "-z", "--others", "--exclude-standard")
        return frozenset((self.top / name).resolve() for name in (*changed, *new))

    def content(self, commit: str, path: Path) -> bytes | None:
        """What a file held; None where it was not there, or is outside."""
        if not path.resolve().is_relative_to(self.top):
            return None
        told = _git("show", f"{commit}:{self.within(path)}", at=self.top)
        return told.stdout if told.returncode == 0 else None

    def extract(self, commit: str, endings: Sequence[str], folder: Path) -> None:
        """Write all files of a commit whose names end so into a folder."""
        names = self._names("ls-tree", "-r", "--name-only", "-z", commit)
        globs = [f":(glob)**/*{ending}" for ending in endings if any(name.endswith(ending) for name in names)]
        if not globs:
            return
        packed = _git("archive", "--format=tar", commit, "--", *globs, at=self.top)
        if packed.returncode != 0:
            raise InvalidInput(f"git refuses: {packed.stderr.decode(errors='replace').strip()}")
        import tarfile

        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")

    def _names(self, *words: str) -> list[str]:
        told = _git(*words, at=self.top).stdout.decode("utf-8", "surrogateescape")
        return [name for name in told.split("\0") if name]


def _git(*words: str, at: Path) -> subprocess.CompletedProcess[bytes]:
    import subprocess

    try:
        return subprocess.run(["git", *words], cwd=at, capture_output=True, check=False)
    except FileNotFoundError:
        raise InvalidInput("git is not installed") from None
