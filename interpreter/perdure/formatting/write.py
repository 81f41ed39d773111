"""A layout becomes text again, in the one style there is: two spaces, short collections in a line, blank lines between
the sections.

Says where everything stands; changes no value and drops no comment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from perdure.formatting.layout import BLANK, Collection, Comment, Entry, Layout, Scalar, Value, trimmed

WIDTH: Final = 120
"""Columns within which a list in `[ ]` or a mapping in `{ }` stays in its line."""

BLOCKS: Final = ("|", ">")

STEP: Final = 2
"""Spaces by which what is inside is indented."""


@dataclass(slots=True)
class Line:
    """A line; `firm` ones are never followed by a blank line that was not there."""

    text: str
    comment: Comment | None = None
    firm: bool = False


def write(layout: Layout) -> str:
    """The text of a document, with a line feed at its end."""
    lines = [Line(text) for text in layout.preface]
    if layout.marked:
        lines.append(Line("---"))
    root = layout.root
    lines += [Line(text) for text in trimmed(root.above)]
    if isinstance(root.value, Collection):
        lines += _document(root.value, root.beside)
    return "".join(f"{text}\n" for text in _joined(lines))


def _document(root: Collection, beside: list[Comment]) -> list[Line]:
    """The outermost entries; those of several lines are set off by blank lines."""
    lines = [Line(comment.text) for comment in beside]
    long = False
    for number, entry in enumerate(root.entries):
        assert entry.key is not None
        own: list[Line] = []
        _value(own, f"{_key(entry.key)}:", entry, 0)
        above = _above(entry, 0)
        if not number or lines[-1].firm:
            above = _without_start(above)
        elif (long or len(own) > 1) and not (above and above[0].text == BLANK):
            lines.append(Line(BLANK))
        lines += above
        lines += own
        long = len(own) > 1
    return lines + [Line(text) for text in root.foot]


def _block(lines: list[Line], found: Collection, indent: int, first: str | None = None) -> None:
    """The entries, one below the other; the first goes on in the line that `first` begins."""
    for number, entry in enumerate(found.entries):
        start = " " * indent
        if number and not lines[-1].firm:
            lines += _above(entry, indent)
        elif number or first is None:
            lines += _without_start(_above(entry, indent))
        else:
            start = first
        _value(lines, f"{start}{'-' if entry.key is None else f'{_key(entry.key)}:'}", entry, indent)
    lines += [_indented(text, indent) for text in found.foot]


def _value(lines: list[Line], head: str, entry: Entry, indent: int) -> None:
    """What stands behind `head`, which ends with a key or a dash in the column `indent`."""
    value, beside = entry.value, next(iter(entry.beside), None)
    if value.anchor:
        head = f"{head} {value.anchor}"
    if isinstance(value, Scalar):
        _scalar(lines, head, entry, beside, indent)
        return
    short = _in_line(entry, indent)
    if short is not None:
        lines.append(Line(f"{head} {short}", beside))
    elif _is_compact(entry):
        _block(lines, value, indent + STEP, f"{head} ")
    else:
        lines.append(Line(head, beside))
        _block(lines, value, indent + STEP)


def _scalar(lines: list[Line], head: str, entry: Entry, beside: Comment | None, indent: int) -> None:
    value, inner = entry.value, indent + STEP
    assert isinstance(value, Scalar)
    first, *others = value.lines
    behind = [_indented(text, inner) for text in others]
    if value.style in BLOCKS:
        lines.append(Line(f"{head} {first}", beside))
        lines += behind
        lines[-1].firm = value.keeps
        return
    if value.below and entry.key is not None and (others or len(head) + 1 + len(first) > WIDTH):
        lines.append(Line(head))
        head = " " * (inner - 1)
    lines.append(Line(f"{head} {first}" if first else head))
    lines += behind
    lines[-1].comment = beside


def _above(entry: Entry, indent: int) -> list[Line]:
    return [_indented(text, indent) for text in _texts(entry, indent)]


def _texts(entry: Entry, indent: int) -> list[str]:
    """The lines above an entry: its own, those that find no room beside it, and those of what shares its first line."""
    if not _is_compact(entry) or _in_line(entry, indent) is not None:
        return entry.above + [comment.text for comment in entry.beside[1:]]
    assert isinstance(entry.value, Collection)
    inner = trimmed(_texts(entry.value.entries[0], indent + STEP))
    return entry.above + [comment.text for comment in entry.beside] + inner


def _is_compact(entry: Entry) -> bool:
    """Whether the first entry of an item, when it takes several lines, stands in the line of the dash."""
    value = entry.value
    return entry.key is None and isinstance(value, Collection) and bool(value.entries) and not value.anchor


def _in_line(entry: Entry, indent: int) -> str | None:
    """A collection in brackets, where it fits behind a key or dash in the column `indent`; else None."""
    value = entry.value
    if not isinstance(value, Collection) or not (value.flow or not value.entries):
        return None
    head = (
        indent + (1 if entry.key is None else len(_key(entry.key)) + 1) + (len(value.anchor) + 1 if value.anchor else 0)
    )
    return _short(value, WIDTH - head - 1)


def _short(value: Collection, room: int) -> str | None:
    """`{…}` or `[…]` in a line of `room` columns; None where that is too short, or where comments are inside."""
    if any(value.foot):
        return None
    parts: list[str] = []
    left = room - 2
    for entry in value.entries:
        if any(entry.above) or entry.beside:
            return None
        text = _part(entry, left)
        if text is None or len(text) > left:
            return None
        parts.append(text)
        left -= len(text) + 2
    text = ", ".join(parts)
    if value.bare and not _is_empty(value.entries[0].value):
        return text
    return f"{{{text}}}" if value.mapping else f"[{text}]"


def _part(entry: Entry, room: int) -> str | None:
    """An entry between commas."""
    value = entry.value
    if isinstance(value, Scalar):
        text = value.lines[0] if len(value.lines) == 1 and value.style not in BLOCKS else None
    else:
        text = _short(value, room)
    if text is None:
        return None
    text = f"{value.anchor} {text}".strip() if value.anchor else text
    if entry.key is None:
        return text
    return f"{_key(entry.key)}: {text}" if text else _key(entry.key)


def _is_empty(value: Value) -> bool:
    return isinstance(value, Scalar) and value.lines == [""]


def _key(key: Scalar) -> str:
    anchor = f"{key.anchor} " if key.anchor else ""
    return f"{anchor}{key.lines[0]}{' ' if key.style == '*' else ''}"


def _indented(text: str, indent: int) -> Line:
    return Line(" " * indent + text if text else BLANK)


def _without_start(lines: list[Line]) -> list[Line]:
    """Without the blank lines before the first one that says something."""
    return lines[next((number for number, line in enumerate(lines) if line.text), len(lines)) :]


def _joined(lines: list[Line]) -> list[str]:
    """The lines with their comments one space behind, or in a column where they were in one."""
    texts = []
    for group in _groups(lines):
        if group[0].comment is None:
            texts.append(group[0].text)
            continue
        column = max(len(line.text) for line in group)
        texts += [line.text if line.comment is None else f"{line.text:{column}} {line.comment.text}" for line in group]
    return texts


def _groups(lines: list[Line]) -> list[list[Line]]:
    """Neighbouring lines of one indentation whose comments stood in one column; any other line is on its own."""
    groups: list[list[Line]] = []
    for line in lines:
        before = groups[-1][-1] if groups else line
        if line.comment is None or before.comment is None or before is line:
            groups.append([line])
        elif (line.comment.column, _depth(line)) == (before.comment.column, _depth(before)):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _depth(line: Line) -> int:
    """The column of a line's key."""
    return len(line.text) - len(line.text.lstrip(" -"))
