"""One thing about a case that is not as expected, with the place where that was written."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.definition.diagnostics import Place
from perdure.testing.matching import ABSENT
from perdure.values import JSON


@dataclass(frozen=True, slots=True)
class Failure:
    """`what` names the expectation (`expect.error.type`), or says what went wrong where nothing was compared; then
    `expected` and `found` are absent."""

    place: Place
    what: str
    expected: object = ABSENT
    found: object = ABSENT
    reason: str | None = None

    @property
    def compares(self) -> bool:
        """Whether there is something that was expected and something that was found."""
        return self.expected is not ABSENT


def spelled(path: tuple[str | int, ...]) -> str:
    """A path as people read it: `expect.calls[1].with`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shortened(value: JSON, longest: int) -> str:
    """A value as JSON, cut where it is long."""
    from perdure.values import encode

    text = encode(value).decode()
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
