"""Pictures of definitions: SVG with a layout of our own, Mermaid, DOT, and text."""

from perdure.pictures.dot import dot
from perdure.pictures.mermaid import mermaid
from perdure.pictures.outline import Box, Lane, outline
from perdure.pictures.svg import svg
from perdure.pictures.text import text

__all__ = ["Box", "Lane", "dot", "mermaid", "outline", "svg", "text"]
