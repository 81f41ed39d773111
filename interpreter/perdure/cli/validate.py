"""`perdure validate`: every problem of every definition, in one pass.

Picks the findings, renders them and judges; `checked` finds the files, and what a problem is, `definition` knows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from perdure.cli.changed import against, base_of
from perdure.cli.checked import STDIN, Checked, check_file, check_together, files_of, usual_paths
from perdure.cli.exits import FAILED, OK, complain
from perdure.cli.lazy import command
from perdure.cli.options import judged
from perdure.cli.output import emit, number_of, table, write
from perdure.cli.settings import Settings, settings
from perdure.errors import InvalidInput
from perdure.record import record

if TYPE_CHECKING:
    from perdure.definition import Diagnostic
    from perdure.definition.lint import Lint

FORMATS: Final = ("text", "concise", "json", "jsonl", "yaml", "github", "sarif", "gitlab", "rdjson", "junit")
COUNTED: Final = ("text", "json", "jsonl", "yaml")
"""The formats that statistics have."""
WEIGHTS: Final = {"error": 3, "warning": 2, "info": 1, "off": 0}


@record
class Wish:
    """What one call of `validate` was asked for; `base` is a git revision."""

    paths: tuple[str, ...]
    form: str
    select: set[str]
    ignore: set[str]
    fail_on: str
    base: str | None
    counted: bool


@command("validate")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How findings are written; text by default.")
@click.option("--select", multiple=True, metavar="CODES", help="Only these codes, prefixes (WF5) or names.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Not these codes, prefixes or names.")
@judged("error")
@click.option(
    "--changed-since",
    metavar="REF",
    help="Only files that changed since a git revision, and those that import them; rules WF8 compare with it.",
)
@click.option("--statistics", "counted", is_flag=True, help="How often each rule is broken, instead of where.")
@click.option("--watch", is_flag=True, help="Again each time a file changes, until interrupted.")
def validate(
    paths: tuple[str, ...],
    form: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    no_activities: bool,
    changed_since: str | None,
    counted: bool,
    watch: bool,
) -> int:
    """Check definitions and show every problem in them.

    PATHS are files, directories (searched for definitions) or - for standard input; without any,
    definitions/ if it is there, else the current directory. Files *.test.yaml are not definitions.
    """
    chosen = settings()
    form = form or ("text" if chosen.output == "table" else chosen.output)
    wish = Wish(paths, form, _words(select), _words(ignore), fail_on, changed_since, counted)
    if counted and form not in COUNTED:
        raise click.UsageError(f"--statistics has the formats {', '.join(COUNTED)}, not {form}")
    if watch:
        return _watch(wish, chosen)
    catalogue = None if no_activities else _catalogue(chosen)
    return _validate(wish, chosen, catalogue)


def _validate(wish: Wish, chosen: Settings, catalogue: Any) -> int:
    files = files_of(wish.paths)
    if not files:
        raise InvalidInput(f"no definitions found in {', '.join(wish.paths or usual_paths())}")
    base = None if wish.base is None else base_of(wish.base)
    checked = [check_file(file, catalogue) for file in files]
    check_together(checked)
    if base is not None:
        checked = [one for one in checked if one.path != STDIN and base.touches(one)]
        for one in checked:
            one.diagnostics += against(one, base)
    found = [diagnostic for one in checked for diagnostic in one.diagnostics]
    shown = picked(found, wish.select, wish.ignore, chosen.lint, relative_to(chosen.root))
    if wish.counted:
        _count(shown, wish.form)
    else:
        _show(shown, checked, wish.form, chosen)
    if not chosen.quiet:
        complain(summary(shown, len(checked)), label=False)
    heaviest = max((WEIGHTS[found.severity] for found in shown), default=0)
    return FAILED if wish.fail_on != "never" and heaviest >= WEIGHTS[wish.fail_on] else OK


def _watch(wish: Wish, chosen: Settings) -> int:
    from perdure.cli.testing.watch import watching

    if STDIN in wish.paths:
        raise click.UsageError("--watch cannot watch standard input")
    return watching(chosen)


def relative_to(root: Path) -> Callable[[str], str]:
    """A file's path from the project's directory, with slashes."""
    return lambda file: os.path.relpath(file, root).replace(os.sep, "/")


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


def picked(
    found: Iterable[Diagnostic],
    selected: set[str],
    ignored: set[str],
    lint: Lint | None = None,
    named: Callable[[str], str] = str,
) -> list[Diagnostic]:
    """Each finding once, by place, as the project weighs it. Rules that are off count only when selected, as warnings
    then."""
    from perdure.definition.lint import Lint, is_among
    from perdure.definition.rules import RULES

    picked = []
    for diagnostic in (lint or Lint()).weighed(found, named):
        rule = RULES[diagnostic.code]
        if is_among(rule, ignored) or (selected and not is_among(rule, selected)):
            continue
        if diagnostic.severity == "off":
            if not selected:
                continue
            diagnostic = replace(diagnostic, severity="warning")
        picked.append(diagnostic)
    return picked


def _count(shown: Sequence[Diagnostic], form: str) -> None:
    """How often each rule is broken, the most frequent first."""
    from collections import Counter

    counts = Counter((one.code, one.name, one.severity) for one in shown)
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    told = [{"code": code, "name": name, "severity": severity, "count": n} for (code, name, severity), n in rows]
    text = table(("count", "code", "name", "severity"), [(n, *rule) for rule, n in rows]) if rows else ""
    emit("table" if form == "text" else form, {"statistics": told}, text, rows=told)


def _show(shown: Sequence[Diagnostic], checked: Sequence[Checked], form: str, chosen: Settings) -> None:
    from perdure.definition import render

    colour = form in ("text", "concise") and chosen.colourful(sys.stdout)
    lines = {file: source.lines for one in checked for file, source in one.sources.items()}
    write(render.FORMATS[form](shown, lines, colour=colour))
    if form == "github" and shown:  # GitHub shows ten annotations a step: the log has all of them
        full = render.FORMATS["concise"](shown, lines, colour=False)
        complain(full, label=False)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(f"```text\n{full}```\n")


def summary(shown: Sequence[Diagnostic], files: int) -> str:
    """How many files and findings there are."""
    counts = {weight: sum(found.severity == weight for found in shown) for weight in WEIGHTS}
    told = [number_of(counts[weight], word) for weight, word in (("error", "error"), ("warning", "warning"))]
    if counts["info"]:
        told.append(number_of(counts["info"], "note"))
    return f"{number_of(files, 'file')} checked: " + (", ".join(told) if shown else "no problems")
