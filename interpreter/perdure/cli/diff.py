"""`perdure diff`: what differs between two versions of a definition, step by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, Final

import click

from perdure.cli.checking import refused
from perdure.cli.exits import CHANGED, OK
from perdure.cli.lazy import command
from perdure.cli.output import emit
from perdure.cli.revisions import inspected
from perdure.cli.settings import settings

if TYPE_CHECKING:
    from perdure.definition import Document, Inspection
    from perdure.definition.changes import Change

SIGNS: Final = {"added": "+", "removed": "-", "renamed": "=", "moved": ">", "changed": "~"}
LONGEST: Final = 60
AROUND: Final = 20
"""Characters that are shown of what two long values begin with alike."""


@command("diff")
@click.argument("old", metavar="A")
@click.argument("new", metavar="[B]", required=False)
@click.option("--format", "form", type=click.Choice(("text", "markdown")), default="text", show_default=True)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 where there are changes.")
def diff(old: str, new: str | None, form: str, detailed_exitcode: bool) -> int:
    """Show what has changed from the definition A to B: steps, policies, schemas, not lines.

    Each is a file, or a file in a revision of git: HEAD~1:definitions/order.yaml. Without B, the file A is compared
    with what it was in HEAD.
    """
    from perdure.definition.changes import changes

    first, second = (f"HEAD:{old}", old) if new is None else (old, new)
    before, after = _holding(first), _holding(second)
    found = changes(_document(before), _document(after))
    shown = {"text": _text, "markdown": _markdown}[form](found, _titles(before, after))
    emit(settings().output, {"old": first, "new": second, "changes": [_plain(change) for change in found]}, shown)
    return CHANGED if found and detailed_exitcode else OK


def _holding(given: str) -> Inspection:
    found = inspected(given)
    if found.definition is None:
        raise refused(given, found, "compared")
    return found


def _document(found: Inspection) -> Document:
    assert found.document is not None
    return found.document


def _titles(before: Inspection, after: Inspection) -> str:
    names = []
    for found in (before, after):
        assert found.definition is not None
        version = found.definition.version or found.definition.digest[:12]
        names.append(f"{found.definition.name} {version}")
    return " → ".join(names)


def _text(found: Sequence[Change], title: str) -> str:
    if not found:
        return f"{title}: no difference"
    lines = [f"  {SIGNS[change.what]} {_told(change, str)}" for change in found]
    return "\n".join([title, *lines])


def _markdown(found: Sequence[Change], title: str) -> str:
    if not found:
        return f"**{title}**: no difference"
    lines = [f"- **{change.what}** {_told(change, _code)}" for change in found]
    return "\n".join([f"### {title}", "", *lines])


def _told(change: Change, quoted: Callable[[str], str]) -> str:
    subject = quoted(change.subject)
    if change.breaking is not None:
        return f"{quoted(str(change.key))} {change.new} ({change.breaking})"
    match change.what:
        case "added" | "removed":
            value = change.new if change.what == "added" else change.old
            return f"{subject} {quoted(_brief(value))}"
        case "renamed":
            return f"{subject}, which was {quoted(str(change.old))}" if change.old else f"{subject}, which had no id"
        case "moved":
            return f"{subject}: from {change.old} to {change.new}"
    place = subject if change.key is None else f"{subject} {change.key}"
    old, new = _apart(change.old, change.new)
    return f"{place}: {quoted(old)} → {quoted(new)}"


def _code(words: str) -> str:
    fence = "``" if "`" in words else "`"
    return f"{fence}{words}{fence}"


def _apart(old: Any, new: Any) -> tuple[str, str]:
    """Both values, brief, each from shortly before the place where they differ."""
    words = [_words(old), _words(new)]
    if words[0] == words[1]:
        words = [json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False)]
    alike = len(commonprefix(words)) if max(map(len, words)) > LONGEST else 0  # noqa: RUF071 — of texts, not paths
    start = max(0, alike - AROUND)
    return _cut(words[0], start), _cut(words[1], start)


def _brief(value: Any) -> str:
    return _cut(_words(value))


def _words(value: Any) -> str:
    if value is None:
        return "nothing"
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(words.split())


def _cut(words: str, start: int = 0) -> str:
    left = f"…{words[start:]}" if start else words
    return left if len(left) <= LONGEST else f"{left[: LONGEST - 1]}…"


def _plain(change: Change) -> dict[str, Any]:
    return {
        "what": change.what,
        "subject": change.subject,
        "key": change.key,
        "old": change.old,
        "new": change.new,
        "breaking": change.breaking,
    }
