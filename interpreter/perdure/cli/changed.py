"""What has changed since a git revision: the files, and definitions that changed and kept their version label.

Knows no store, and nothing of what is deployed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure.cli.checked import Checked
from perdure.cli.repository import Repository
from perdure.errors import InvalidInput

if TYPE_CHECKING:
    from perdure.definition import Diagnostic


@dataclass(frozen=True, slots=True)
class Base:
    """A revision of a repository; `changed` are the files that differ from it."""

    repository: Repository
    commit: str
    changed: frozenset[Path]

    def touches(self, checked: Checked) -> bool:
        """Whether a definition, or a file that it imports, has changed."""
        return any(Path(file).resolve() in self.changed for file in checked.sources)

    def value_of(self, file: str) -> Any:
        """What a file held at the revision; None where it was not there, or was no YAML."""
        from perdure.definition.reader import read

        text = self.repository.content(self.commit, Path(file))
        return None if text is None else read(text, file=file).value


def base_of(revision: str) -> Base:
    """A revision of the repository around the current directory; InvalidInput where there is none."""
    try:
        repository = Repository.around(Path.cwd())
        commit = repository.commit(revision)
    except InvalidInput as problem:
        raise InvalidInput(f"--changed-since: {problem}") from None
    return Base(repository, commit, repository.changed_since(commit))


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
