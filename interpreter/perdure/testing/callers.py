"""Clients that send updates to a run: each is accepted, refused, or told to wait until those before it are done.

Keeps what they were told. Knows a run only by the three things it may ask of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from perdure.core.commands import ReplyUpdate
from perdure.values import JSON

Verdict = tuple[str, str | None]
"""accepted, later or refused, with the reason."""


@dataclass(slots=True)
class Callers:
    """`consider` judges an update by its name and data, `accept` hands it over with its id; `replies` are what was
    said: {update, id} with `value`, `error` or, where it was never accepted or is left over, `refused`."""

    consider: Callable[[str, JSON], Verdict]
    accept: Callable[[str, JSON, str], None]
    replies: list[dict[str, JSON]] = field(default_factory=list)
    knocking: list[tuple[str, JSON, str]] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def send(self, name: str, data: JSON, id: str | None) -> None:
        letter = id or f"update-{len(self._names)}"
        self._names[letter] = name
        self.knocking.append((name, data, letter))
        self.admit()

    def admit(self) -> None:
        """Take the updates that can be taken now, refuse those that cannot, and keep those that others come before."""
        knocking, self.knocking = self.knocking, []
        for name, data, id in knocking:
            verdict, reason = self.consider(name, data)
            if verdict == "accepted":
                self.accept(name, data, id)
            elif verdict == "later":
                self.knocking.append((name, data, id))
            else:
                self.refuse(id, reason or "")

    def hear(self, reply: ReplyUpdate) -> None:
        said: dict[str, JSON] = {"value": reply.value} if reply.error is None else {"error": reply.error}
        self.replies.append({"update": self._names[reply.id], "id": reply.id, **said})

    def refuse(self, id: str, reason: str) -> None:
        self.replies.append({"update": self._names[id], "id": id, "refused": reason})

    def refuse_all(self, ids: Collection[str], reason: str) -> None:
        """What is left when a run has ended."""
        for id in sorted(ids):
            self.refuse(id, reason)

    @property
    def refused(self) -> list[str]:
        """The refusals as people read them."""
        return [f"{reply['update']}: {reply['refused']}" for reply in self.replies if "refused" in reply]
