"""What has changed since a git revision: the files, and what that means for version labels, callers and open runs.

Knows no store, and nothing of what is deployed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from perdure.cli.checked import Checked
from perdure.cli.repository import Repository
from perdure.errors import InvalidInput
from perdure.record import record

if TYPE_CHECKING:
    from perdure.definition import Diagnostic, Document
    from perdure.definition.source import Source

WAITING: Final = ("wait", "ask", "select", "receive", "workflow")
"""Kinds of steps in which runs stay for long."""

LONGEST: Final = 200
"""Characters of a message."""


@record
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

    def document_of(self, file: str) -> Document | None:
        """The steps that a definition had at the revision; None where there were none to be read."""
        from perdure.cli.exits import NotFound
        from perdure.cli.revisions import inspected

        try:
            return inspected(f"{self.commit}:{Path(file).resolve()}").document
        except (NotFound, InvalidInput):
            return None


def base_of(revision: str) -> Base:
    """A revision of the repository around the current directory; InvalidInput where there is none."""
    try:
        repository = Repository.around(Path.cwd())
        commit = repository.commit(revision)
    except InvalidInput as problem:
        raise InvalidInput(f"--changed-since: {problem}") from None
    return Base(repository, commit, repository.changed_since(commit))


def against(checked: Checked, base: Base) -> list[Diagnostic]:
    """What is wrong with a definition because of what it was at the revision; nothing where it was not there."""
    from perdure.definition.suppression import silence

    main = checked.main
    now, before = main.value, base.value_of(main.file)
    if not isinstance(now, dict) or not isinstance(before, dict) or now.get("workflow") != before.get("workflow"):
        return []
    touched = ((file, source) for file, source in checked.sources.items() if Path(file).resolve() in base.changed)
    if not any(base.value_of(file) != source.value for file, source in touched):
        return []
    return silence(main, [*_same_label(main, before, base), *_narrowed(main, before), *_left_behind(checked, base)])


def _same_label(main: Source, before: Any, base: Base) -> Iterator[Diagnostic]:
    if "version" in main.value and main.value["version"] == before.get("version"):
        message = f"the definition has changed since {base.commit[:12]}, its version label has not"
        yield main.report("WF801", message, ("version",), "give it a new label")


def _narrowed(main: Source, before: Any) -> Iterator[Diagnostic]:
    from perdure.definition.changes import judge

    schemas = before.get("input"), main.value.get("input")
    if all(schema is None or isinstance(schema, dict) for schema in schemas):
        for verdict in judge(*schemas):
            if verdict.breaking:
                yield main.report("WF802", f"{verdict.where} {verdict.reason}"[:LONGEST], ("input",), key=True)


def _left_behind(checked: Checked, base: Base) -> Iterator[Diagnostic]:
    """The steps in which runs may be waiting and that are not there any more."""
    old = None if checked.document is None else base.document_of(checked.main.file)
    if old is None or checked.document is None:
        return
    now = {step.address: step for step in checked.document.walk()}
    for step in old.walk():
        if step.kind not in WAITING or step.keys.get("detach"):
            continue
        found = now.get(step.address)
        if found is not None and found.kind == step.kind:
            continue
        around = step.address
        while around and around not in now:
            around = around.rpartition("/")[0]
        path = (*now[around].path, now[around].kind) if around and not now[around].shared else ("workflow",)
        what = "there is no such step now" if found is None else f"it is {found.kind} now"
        yield checked.main.report("WF803", f"runs that wait in {step.address} stay behind: {what}", path, key=True)
