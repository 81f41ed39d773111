"""A definition as a Mermaid flowchart, for pages that draw those (GitHub and GitLab do)."""

from __future__ import annotations

from perdure.pictures.flow import Flow, flow
from perdure.pictures.layout import States, words_of
from perdure.pictures.outline import Box


def mermaid(root: Box, states: States | None = None) -> str:
    """Boxes as nodes and lanes as subgraphs, one after another."""
    drawn = flow(root)
    lines = ["flowchart TB", *_nodes(drawn, states or {})]
    lines += [f"  {edge.start} --> {edge.end}" for edge in drawn.edges]
    return "\n".join(lines) + "\n"


def _nodes(drawn: Flow, states: States) -> list[str]:
    lines = []
    for depth, kind, name, found in drawn.lines:
        indent = "  " * (depth + 1)
        if kind == "end":
            lines.append(f"{indent}end")
        elif isinstance(found, str):
            lines.append(f'{indent}subgraph {name}["{_quoted(found)}"]')
        elif kind == "open":
            lines.append(f'{indent}subgraph {name}["{_words(found)}"]')
        else:
            lines.append(f'{indent}{name}["{_words(found)}"]')
        if not isinstance(found, str) and kind != "end" and found.address in states:
            lines.append(f"{indent}style {name} stroke-width:3px")
    return lines


def _words(box: Box) -> str:
    return "<br/>".join(map(_quoted, words_of(box)))


def _quoted(words: str) -> str:
    """Mermaid reads quotes, brackets and its own entities inside labels; named ones are safe."""
    return "".join(_ENTITIES.get(letter, letter) for letter in words) or " "


_ENTITIES = {letter: f"#{ord(letter)};" for letter in '"#<>{}[]()|;&`'}
