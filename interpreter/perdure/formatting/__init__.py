"""Formatting: the same document, laid out as the house does it, with every comment.

`parse` reads the text with its comments, `order` arranges the keys of steps, `write` lays it out; `format` puts them
together and refuses what would not be the same document afterwards.
"""

from perdure.formatting.format import UnformattableError, formatted

__all__ = ["UnformattableError", "formatted"]
