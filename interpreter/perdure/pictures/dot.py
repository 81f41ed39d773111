"""A definition in the language of Graphviz."""

from __future__ import annotations

from perdure.pictures.flow import flow
from perdure.pictures.layout import States, words_of
from perdure.pictures.outline import Box


def dot(root: Box, states: States | None = None) -> str:
    """Boxes as nodes and lanes as clusters, one after another."""
    drawn = flow(root)
    lines = ["digraph {", "  compound=true", '  node [shape=box style=rounded fontname="sans-serif"]']
    for depth, kind, name, found in drawn.lines:
        indent = "  " * (depth + 1)
        if kind == "end":
            lines.append(f"{indent}}}")
        elif kind == "open":
            label = found if isinstance(found, str) else _words(found)
            lines.append(f"{indent}subgraph cluster_{name} {{ label={_quoted(label)}")
        else:
            assert isinstance(found, Box)
            state = (states or {}).get(found.address)
            width = " penwidth=3" if state else ""
            lines.append(f"{indent}{name} [label={_quoted(_words(found))}{width}]")
    lines += [f"  {edge.start} -> {edge.end}" for edge in drawn.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _words(box: Box) -> str:
    return "\n".join(words_of(box))


def _quoted(words: str) -> str:
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
