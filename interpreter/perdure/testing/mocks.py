"""Mocks as they are written in YAML cases, made into fake activities, children and letters.

`{slot: key, by, limit, at, held}` is another run that wants a slot, from then on and for so long once it has it.
`{activity | step | workflow | send, return | raise | sequence, after, hang, cancelled, queued, silent}`; an activity or
a child without a mock returns its argument `value`, or else its own name. A `send` names what is sent, or the run it
goes to; a `workflow` with `deployed: false` cannot be started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from perdure.testing.activities import Call, End, Fake, Reply
from perdure.values import JSON, parse_duration

Written = Mapping[str, JSON]

SUBJECTS = frozenset(("activity", "step", "workflow", "send"))
KEYS = SUBJECTS | {"times", "return", "raise", "sequence", "after", "hang", "cancelled", "deployed", "queued", "silent"}
SLOT_KEYS = frozenset(("slot", "by", "limit", "at", "held"))


class Mocks:
    """The mocks of one case. A mock of the step wins over one of the activity; of equals the first."""

    def __init__(self, written: Sequence[Written]) -> None:
        self.slots = [mock for mock in written if "slot" in mock]
        written = [mock for mock in written if "slot" not in mock]
        for mock in self.slots:
            if set(mock) - SLOT_KEYS:
                raise ValueError(f"a slot has {', '.join(sorted(SLOT_KEYS))}: {dict(mock)}")
        for mock in written:
            unknown = set(mock) - KEYS
            if unknown or len(SUBJECTS & set(mock)) != 1:
                raise ValueError(f"a mock is of one of {', '.join(sorted(SUBJECTS))}: {dict(mock)}")
        self.written = written
        self.taken: dict[int, int] = {}

    def find(self, name: str) -> Fake:
        """The fake of an activity; every activity has one."""
        return self.say

    def find_child(self, name: str) -> Fake | None:
        """The fake of a child; None where a mock says that the workflow is not deployed."""
        mock = self._fitting(("workflow", name))
        if mock is not None and mock.get("deployed") is False:
            return None
        return lambda call: self._say(call, ("workflow", call.name))

    def post(self, call: Call) -> Reply:
        """How a letter fares; without a mock it arrives."""
        return self._say(call, ("send", call.address), ("send", call.name))

    def say(self, call: Call) -> Reply:
        return self._say(call, ("step", call.address), ("activity", call.name))

    def _say(self, call: Call, *fitting: tuple[str, str]) -> Reply:
        mock = self._fitting(*fitting)
        if mock is None:
            arguments = call.arguments if isinstance(call.arguments, dict) else {}
            return Reply(End(arguments.get("value", call.name)))
        return reply_of(turn_of(mock, self.taken), call)

    def _fitting(self, *fitting: tuple[str, str]) -> Written | None:
        for key, name in fitting:
            for mock in self.written:
                if mock.get(key) == name:
                    return mock
        return None


def turn_of(mock: Written, taken: dict[int, int]) -> Written:
    """What this call of a sequence gets; the last entry goes on for ever. `taken` counts the calls so far, by mock."""
    if "sequence" not in mock:
        return mock
    before = taken.get(id(mock), 0)
    taken[id(mock)] = before + 1
    for entry in mock["sequence"]:
        before -= entry.get("times", 1)
        if before < 0:
            break
    return entry  # type: ignore[no-any-return]


def reply_of(said: Written, call: Call) -> Reply:
    """How a call goes, as a mock or one entry of its sequence says."""
    on_cancel = said.get("cancelled", {})
    found = Reply(
        _end(said, call),
        parse_duration(said.get("after", 0)),
        said.get("hang", False),
        queued=parse_duration(said.get("queued", 0)),
        silent=said.get("silent"),
    )
    if on_cancel == "ignore":
        return replace(found, on_cancel="ignore")
    found = replace(found, cleanup=parse_duration(on_cancel.get("after", 0)))
    if "return" in on_cancel or "raise" in on_cancel:
        found = replace(found, on_cancel="end", cancelled=_end(on_cancel, call))
    return found


def _end(said: Written, call: Call) -> End:
    if "raise" not in said:
        return End(said.get("return", call.name))
    raised = said["raise"] if isinstance(said["raise"], dict) else {"type": said["raise"]}
    error = {key: value for key, value in raised.items() if key != "retryable"}
    return End(error=error, retryable=raised.get("retryable", True))
