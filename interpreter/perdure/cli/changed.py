"""What has changed since a git revision: the files, and definitions that changed and kept their version label.

Asks `git`; knows no store, and nothing of what is deployed.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure.cli.checked import Checked
from perdure.errors import InvalidInput

if TYPE_CHECKING:
    from perdure.definition import Diagnostic


@dataclass(frozen=True, slots=True)
class Base:
    """A revision, `top` being the working tree's directory; `changed` are the files that differ from it."""

    commit: str
    top: Path
    changed: frozenset[Path]

    def touches(self, checked: Checked) -> bool:
        """Whether a definition, or a file that it imports, has changed."""
        return any(Path(file).resolve() in self.changed for file in checked.sources)

    def value_of(self, file: str) -> Any:
        """What a file held at the revision; None where it was not there, or was no YAML."""
        from perdure.definition.reader import read

        within = Path(file).resolve().relative_to(self.top).as_posix()
        told = _git("show", f"{self.commit}:{within}", at=self.top)
        return read(told.stdout, file=file).value if told.returncode == 0 else None


def base_of(revision: str) -> Base:
    """A revision of the repository around the current directory; InvalidInput where there is none."""
    here = Path.cwd()
    top = _git("rev-parse", "--show-toplevel", at=here)
    if top.returncode != 0:
        raise InvalidInput("--changed-since: this is no git repository")
    root = Path(top.stdout.decode().rstrip("\n")).resolve()
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", at=root)
    if commit.returncode != 0:
        raise InvalidInput(f"--changed-since: git knows no revision {revision!r}; in CI, fetch it first")
    base = commit.stdout.decode().strip()
    lists = (
        _git("diff", "--name-only", "-z", "--no-renames", base, "--", at=root),
        _git("ls-files", "-z", "--others", "--exclude-standard", at=root),
    )
    names = [name for told in lists for name in told.stdout.decode("utf-8", "surrogateescape").split("\0") if name]
    return Base(base, root, frozenset((root / name).resolve() for name in names))


def same_label(checked: Checked, base: Base) -> list[Diagnostic]:
    """The problem of a definition that says something else than at the revision, under the same version label."""
    from perdure.definition.suppression import silence

    main = checked.main
    now, before = main.value, base.value_of(main.file)
    if not isinstance(now, dict) or not isinstance(before, dict) or "version" not in now:
        return []
    if any(now.get(key) != before.get(key) for key in ("workflow", "version")):
        return []
    for file, source in checked.sources.items():
        if Path(file).resolve() in base.changed and base.value_of(file) != source.value:
            message = f"the definition has changed since {base.commit[:12]}, its version label has not"
            found = main.report("WF801", message, ("version",), "give it a new label")
            return silence(main, [found])
    return []


def _git(*words: str, at: Path) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *words], cwd=at, capture_output=True, check=False)
    except FileNotFoundError:
        raise InvalidInput("--changed-since needs git, which is not installed") from None
