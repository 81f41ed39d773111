"""How a path came to be: what happened on it, step by step, newest first in a chain that paths share.

A deed says what happened in words, and what a test has to bring about for it. Knows nothing of how paths are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure.program.nodes import Address
from perdure.values import JSON

if TYPE_CHECKING:
    from jinja2 import nodes

    from perdure.exploration.knowledge import Missing, Value
    from perdure.exploration.paths import Path


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that happened to a step. `kind` is what a test does about it: completed, failed, hung, message, answer,
    expired, or nothing special; `payload` is what it needs for that. Without `words` nobody is told."""

    kind: str
    step: Address
    words: str = ""
    payload: JSON = None


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """An expression, or a part of one, that came to be true or not. `path` has the names as they stood, `text` is the
    whole expression, and `whole` says whether it is that."""

    node: nodes.Expr
    holds: bool
    path: Path
    text: str
    whole: bool = True

    @property
    def demand(self) -> str:
        """What is wanted of values that lead along the path, in words: `make … hold`."""
        text = " ".join(self.text.split())
        if not self.whole:
            return f"make {text} come out as it does there"
        return f"make {text} hold" if self.holds else f"keep {text} from holding"


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A cell that was taken to have this value, or to be there at all."""

    cell: str
    value: Value | Missing


Link = Deed | Condition | Learned


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """The newest link and the trail before it."""

    link: Link
    before: Trail | None
    length: int = field(default=0)

    def __iter__(self) -> Iterator[Link]:
        """The links, oldest first."""
        links: list[Link] = []
        trail: Trail | None = self
        while trail is not None:
            links.append(trail.link)
            trail = trail.before
        return reversed(links)


def further(trail: Trail | None, link: Link) -> Trail:
    """A trail that goes on by one link."""
    return Trail(link, trail, 1 if trail is None else trail.length + 1)


def length(trail: Trail | None) -> int:
    return 0 if trail is None else trail.length


def since(trail: Trail | None, start: Trail | None) -> list[Link]:
    """The links of a trail behind an earlier point of it, oldest first."""
    links: list[Link] = []
    while trail is not None and trail is not start:
        links.append(trail.link)
        trail = trail.before
    return links[::-1]


def deeds(trail: Trail | None) -> list[Deed]:
    """What happened, without what was decided."""
    return [link for link in trail or () if isinstance(link, Deed)]


def told(trail: Trail | None) -> list[str]:
    """What happened in words."""
    return [deed.words for deed in deeds(trail) if deed.words]
