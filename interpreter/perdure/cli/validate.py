"""`perdure validate`: every problem of every definition, in one pass.

Finds the files, picks the findings, renders them and judges; what a problem is, `definition` knows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from perdure.cli.definitions import FOLDER, definition_files, is_definition_name, top_key
from perdure.cli.exits import FAILED, OK, NotFound, complain
from perdure.cli.lazy import command
from perdure.cli.output import write
from perdure.cli.settings import Settings, settings
from perdure.errors import InvalidInput

if TYPE_CHECKING:
    from perdure.definition import Diagnostic

FORMATS: Final = ("text", "concise", "json", "jsonl", "yaml", "github")
WEIGHTS: Final = {"error": 3, "warning": 2, "info": 1, "off": 0}


@dataclass(slots=True)
class Findings:
    """What was found in all files together; `lines` are the sources' lines by file."""

    files: int = 0
    diagnostics: list[Diagnostic] = field(default_factory=list)
    lines: dict[str, Sequence[str]] = field(default_factory=dict)


@command("validate")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How findings are written; text by default.")
@click.option("--select", multiple=True, metavar="CODES", help="Only these codes, prefixes (WF5) or names.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Not these codes, prefixes or names.")
@click.option(
    "--fail-on",
    type=click.Choice(("error", "warning", "never")),
    default="error",
    show_default=True,
    help="The weight from which findings give exit code 1.",
)
@click.option("--no-activities", is_flag=True, help="Do not look at which activities are installed.")
def validate(
    paths: tuple[str, ...],
    form: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    no_activities: bool,
) -> int:
    """Check definitions and show every problem in them.

    PATHS are files, directories (searched for definitions) or - for standard input; without any,
    definitions/ if it is there, else the current directory. Files *.test.yaml are not definitions.
    """
    chosen = settings()
    selected, ignored = _words(select), _words(ignore)
    form = form or ("text" if chosen.output == "table" else chosen.output)
    catalogue = None if no_activities else _catalogue(chosen)
    findings = Findings()
    files = _files(paths)
    if not files:
        raise InvalidInput(f"no definitions found in {', '.join(paths or _usual())}")
    for path in files:
        _inspect(path, catalogue, findings)
    shown = picked(findings.diagnostics, selected, ignored)
    _show(shown, findings, form, chosen)
    if not chosen.quiet:
        complain(_summary(shown, findings.files), label=False)
    heaviest = max((WEIGHTS[found.severity] for found in shown), default=0)
    return FAILED if fail_on != "never" and heaviest >= WEIGHTS[fail_on] else OK


def _files(paths: Sequence[str]) -> list[str]:
    """The files to check in order, each once; `-` stays."""
    found: dict[str, None] = {}
    for given in paths or _usual():
        path = Path(given)
        if given == "-":
            found[given] = None
        elif path.is_dir():
            found.update(dict.fromkeys(str(file) for file in definition_files(path)))
        elif not path.exists():
            raise NotFound(f"there is no file {given}")
        elif is_definition_name(path) or not path.name.endswith((".test.yaml", ".test.yml", ".test.json")):
            found[given] = None
    return list(found)


def _usual() -> Sequence[str]:
    return (FOLDER if Path(FOLDER).is_dir() else ".",)


def _inspect(path: str, catalogue: Any, findings: Findings) -> None:
    from perdure.definition import inspect

    findings.files += 1
    if path == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if _binary() else sys.stdin.read()
        inspection = inspect(text if "\n" in text else f"{text}\n", catalogue=catalogue, file="<stdin>")
    elif top_key(Path(path)) == "fragments":
        _inspect_fragments(path, findings)
        return
    else:
        inspection = inspect(Path(path), catalogue=catalogue)
    findings.diagnostics += inspection.diagnostics
    for file, source in inspection.sources.items():
        findings.lines[file] = source.lines


def _inspect_fragments(path: str, findings: Findings) -> None:
    """A file that others import: its shape is checked on its own, its steps with each file that uses them."""
    from perdure.definition.reader import read
    from perdure.definition.shape import check_shape
    from perdure.definition.suppression import suppress

    source = read(Path(path).read_bytes(), file=path)
    found = list(source.diagnostics)
    if not any(diagnostic.severity == "error" for diagnostic in found):
        found += check_shape(source, fragments_only=True)
    findings.diagnostics += suppress(source, found)
    findings.lines[path] = source.lines


def _catalogue(chosen: Settings) -> Any:
    from perdure.activities import Registry

    return Registry.load(chosen.activities).catalogue()


def _words(given: Iterable[str]) -> set[str]:
    """Codes, prefixes and names, separated by commas or given one by one; each must mean some rule."""
    from perdure.cli.explain import no_such_rule
    from perdure.definition.rules import RULES

    words = {word.strip() for part in given for word in part.split(",") if word.strip()}
    for word in words:
        if not any(code.startswith(word) or rule.name == word for code, rule in RULES.items()):
            raise click.UsageError(no_such_rule(word))
    return words


def picked(found: Iterable[Diagnostic], selected: set[str], ignored: set[str]) -> list[Diagnostic]:
    """Each finding once, by place. Rules that are off count only when selected, as warnings then."""
    from perdure.definition.diagnostics import in_order

    picked = []
    for diagnostic in in_order(found):
        if _is_among(diagnostic, ignored) or (selected and not _is_among(diagnostic, selected)):
            continue
        if diagnostic.severity == "off":
            if not selected:
                continue
            diagnostic = replace(diagnostic, severity="warning")
        picked.append(diagnostic)
    return picked


def _is_among(found: Diagnostic, words: set[str]) -> bool:
    return any(found.code.startswith(word) or found.name == word for word in words)


def _show(shown: Sequence[Diagnostic], findings: Findings, form: str, chosen: Settings) -> None:
    from perdure.definition import render

    colour = form in ("text", "concise") and chosen.colourful(sys.stdout)
    write(render.FORMATS[form](shown, findings.lines, colour=colour))
    if form == "github" and shown:  # GitHub shows ten annotations a step: the log has all of them
        full = render.FORMATS["concise"](shown, findings.lines, colour=False)
        complain(full, label=False)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(f"```text\n{full}```\n")


def _summary(shown: Sequence[Diagnostic], files: int) -> str:
    counts = {weight: sum(found.severity == weight for found in shown) for weight in WEIGHTS}
    told = [_plural(counts[weight], word) for weight, word in (("error", "error"), ("warning", "warning"))]
    if counts["info"]:
        told.append(_plural(counts["info"], "note"))
    return f"{_plural(files, 'file')} checked: " + (", ".join(told) if shown else "no problems")


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _binary() -> bool:
    return hasattr(sys.stdin, "buffer")
