"""Where a key stands in a TOML text: what its parser does not say, and messages about settings should.

Looks at lines only; a key it does not find has the line of the last one above it that it does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_HEAD: Final = re.compile(r"\s*\[\[?\s*([^\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[\w-]+|"[^"\n]*"|'[^'\n]*'))*)\s*=""")
_PART: Final = re.compile(r"""[\w-]+|"[^"\n]*"|'[^'\n]*'""")


def line_of(text: str, path: Sequence[str]) -> int:
    """The line, from 1, on which the key at the path is given, or the nearest table around it; 1 if nothing is."""
    best, deepest = 1, 0
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if head := _HEAD.match(line):
            table = _parts(head[1])
            depth = _shared(table, path)
            complete = depth == len(table)
        elif key := _KEY.match(line):
            own = [*table, *_parts(key[1])]
            depth = _shared(own, path)
            complete = depth == len(own)
            inline = line[key.end() :]
            while (
                complete
                and depth < len(path)
                and re.search(rf"[{{,\s][\"']?{re.escape(path[depth])}[\"']?\s*=", inline)
            ):
                depth += 1
        else:
            continue
        if complete and depth > deepest:
            best, deepest = number, depth
    return best


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
