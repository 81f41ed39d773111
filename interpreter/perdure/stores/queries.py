"""The SQL of the stores: files in `queries/`, each a list of named and described statements.

Knows nothing of connections; a store asks for the statements of its dialect once, at import.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

_BLOCK: Final = re.compile(r"^-- name: (\w+)\n(-- .+\n)+", re.MULTILINE)


def statements(dialect: str) -> dict[str, str]:
    """Every named statement of the files `queries/<dialect>_*.sql`."""
    found: dict[str, str] = {}
    for file in sorted(files("perdure.stores").joinpath("queries").iterdir(), key=lambda file: file.name):
        if not (file.name.startswith(f"{dialect}_") and file.name.endswith(".sql")):
            continue
        text = file.read_text(encoding="utf-8")
        heads = list(_BLOCK.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        for head, end in zip(heads, ends, strict=True):
            if head[1] in found:
                raise ValueError(f"two statements are called {head[1]}")
            found[head[1]] = text[head.end() : end].strip().removesuffix(";")
    return found
