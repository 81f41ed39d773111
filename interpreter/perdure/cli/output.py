"""Results on standard output: JSON, JSON lines, YAML, or text and tables for people.

Everything for other programs carries `format_version`. Knows nothing of where results come from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from perdure.cli.showable import escaped, one_line, showable, width
from perdure.values import JSON

FORMAT_VERSION: Final = 1


def emit(output: str, document: Mapping[str, JSON], text: str, *, rows: Sequence[JSON] | None = None) -> None:
    """Write a result once: as `text` for people, else the whole document; `rows` are the lines of jsonl."""
    if output == "jsonl":
        lines = [document] if rows is None else rows
        write("".join(f"{_compact(_versioned(line))}\n" for line in lines))
    elif output == "json":
        write(as_json(_versioned(document)) + "\n")
    elif output == "yaml":
        write(_as_yaml(_versioned(document)))
    elif text:
        write(text if text.endswith("\n") else f"{text}\n")


def rendered(output: str, document: JSON) -> str:
    """A document that has a format of its own: on one line for jsonl, else as YAML."""
    return f"{_compact(document)}\n" if output == "jsonl" else _as_yaml(document)


def write(text: str) -> None:
    """To standard output, in whatever encoding it has."""
    if sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def as_json(value: JSON) -> str:
    """Indented JSON that is safe to show."""
    return escaped(json.dumps(value, ensure_ascii=not _unicode(), indent=2))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns under their names, aligned; cells on one line each."""
    cells = [[name.upper() for name in header], *([_cell(value) for value in row] for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        padded = (cell + " " * (wide - width(cell)) for cell, wide in zip(row[:-1], widths[:-1], strict=True))
        lines.append("  ".join([*padded, row[-1]]).rstrip())
    return "\n".join(lines) + "\n"


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values below each other; what is empty is left out, a long value is indented below its name."""
    shown = [(name, _fact(value)) for name, value in pairs if value not in (None, [], {}, "")]
    wide = max((len(name) for name, _ in shown), default=0)
    lines = []
    for name, value in shown:
        if "\n" in value:
            lines.append(f"{name}:")
            lines += [f"  {line}" for line in value.split("\n")]
        else:
            lines.append(f"{name + ':':<{wide + 1}} {value}")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, str):
        return one_line(value)
    return "" if value is None else one_line(_compact(value))


def _fact(value: object) -> str:
    if isinstance(value, str):
        return showable(value)
    short = _compact(value)
    return short if len(short) <= 80 else as_json(value)


def _versioned(document: JSON) -> JSON:
    return {"format_version": FORMAT_VERSION, **document}


def _compact(value: JSON) -> str:
    return escaped(json.dumps(value, ensure_ascii=not _unicode()))


def _as_yaml(value: JSON) -> str:
    import yaml

    text: str = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)
    if showable(text) != text:
        text = yaml.safe_dump(value, allow_unicode=False, sort_keys=False, width=100)
    return text


def _unicode() -> bool:
    return sys.stdout is not None and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def number_of(count: int, one: str, several: str | None = None) -> str:
    """So many of something; the plural of most words is made with an s."""
    return f"1 {one}" if count == 1 else f"{count} {several or f'{one}s'}"
