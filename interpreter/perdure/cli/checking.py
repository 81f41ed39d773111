"""A definition as commands that use it need it: checked with the project's activities, its findings shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perdure.cli.exits import complain
from perdure.cli.settings import Settings
from perdure.errors import DefinitionError

if TYPE_CHECKING:
    from perdure.definition import Definition, Inspection


def checked(file: Path, chosen: Settings, purpose: str) -> Definition:
    """The definition; its findings are shown with their lines, and errors end the command: it cannot be `purpose`."""
    from perdure.activities import Registry
    from perdure.definition import inspect
    from perdure.definition.render import as_text

    inspection = inspect(file, catalogue=Registry.load(chosen.activities).catalogue())
    if inspection.definition is None:
        raise refused(str(file), inspection, purpose)
    shown = [found for found in inspection.diagnostics if found.severity in ("error", "warning")]
    if shown and not chosen.quiet:
        lines = {name: source.lines for name, source in inspection.sources.items()}
        complain(as_text(shown, lines), label=False)
    return inspection.definition


def refused(file: str, inspection: Inspection, purpose: str) -> DefinitionError:
    """That a definition with errors cannot be `purpose`, with these errors and their lines."""
    from perdure.definition.render import as_text

    errors = [found for found in inspection.diagnostics if found.severity == "error"]
    lines = {name: source.lines for name, source in inspection.sources.items()}
    return DefinitionError(errors, f"{file} cannot be {purpose}\n\n{as_text(errors, lines)}")
