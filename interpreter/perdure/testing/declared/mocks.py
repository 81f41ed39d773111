"""How calls end in a test: by the first mock that fits, or as `activities.unmocked` says.

Arguments are held against the activity's schema first, as a worker would do. Knows the mocks and the catalogue;
calls come from the virtual-time host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from perdure.activities.failure import invalid_input
from perdure.definition.load import Catalogue
from perdure.schemas import check_value
from perdure.testing.activities import Call, End, Fake, Reply
from perdure.testing.declared.generate import NotGenerated, generate
from perdure.testing.declared.names import Names
from perdure.testing.declared.observed import Observed
from perdure.testing.matching import ABSENT, fits
from perdure.testing.mocks import Written, reply_of, turn_of
from perdure.values import JSON

Real = Callable[[Call, str], Reply]
"""Calls the activity itself, with the key of the run's vault."""

HARMLESS: Final[Mapping[str, Callable[[Mapping[str, JSON]], JSON]]] = {
    "noop": lambda arguments: arguments.get("value"),
    "log": lambda arguments: None,
}
"""Built-in activities that do nothing to the world: they need no mock."""


class Unmocked(Exception):
    """A call that no mock answers, in a test that wants one for each."""


class CaseMocks:
    """The mocks of one run of a case, those of the case first; of those that fit the first counts, one of a step before
    one of an activity."""

    def __init__(
        self,
        written: Sequence[Written],
        names: Names,
        catalogue: Catalogue,
        unmocked: str,
        real: Real,
        run: Observed,
    ) -> None:
        self.written = sorted(written, key=lambda mock: "step" not in mock)
        self.names = names
        self.catalogue = catalogue
        self.unmocked = unmocked
        self.real = real
        self.run = run
        self.taken: dict[int, int] = {}

    def find(self, name: str) -> Fake:
        """The fake of an activity; every activity has one."""
        return self.say

    def find_child(self, name: str) -> Fake:
        """The fake of a child."""
        return self.say_child

    def say(self, call: Call) -> Reply:
        refused = self._refused(call)
        if refused is not None:
            return refused
        mock = self._fitting(call, "activity", call.address)
        return self._unmocked(call) if mock is None else reply_of(_spelled(turn_of(mock, self.taken)), call)

    def say_child(self, call: Call) -> Reply:
        label = self.run.child_label(call)
        mock = self._fitting(call, "workflow", label)
        if mock is None:
            raise Unmocked(f"{label} starts the child {call.name}, and no mock says how it ends")
        return reply_of(_spelled(turn_of(mock, self.taken)), call)

    def post(self, call: Call) -> Reply:
        """How something that is sent fares; without a mock it arrives."""
        sent = (call.name, call.address)
        mock = next((one for one in self.written if one.get("send", ABSENT) in sent and self._takes(one, call)), None)
        return Reply() if mock is None else reply_of(_spelled(turn_of(mock, self.taken)), call)

    def _fitting(self, call: Call, kind: str, label: str) -> Written | None:
        for mock in self.written:
            named = self.names.means(mock["step"], label) if "step" in mock else mock.get(kind) == call.name
            if named and self._takes(mock, call):
                return mock
        return None

    def _takes(self, mock: Written, call: Call) -> bool:
        return "with" not in mock or fits(mock["with"], self.run.shown(call.arguments))

    def _refused(self, call: Call) -> Reply | None:
        """What a worker says to arguments that do not fit."""
        declared = self.catalogue.get(call.name)
        problems = (
            [] if declared is None else check_value(declared.get("arguments") or {}, self.run.shown(call.arguments))
        )
        if not problems:
            return None
        failure = invalid_input(call.name, problems)
        return Reply(End(error=failure.error, retryable=failure.retryable))

    def _unmocked(self, call: Call) -> Reply:
        if self.unmocked == "real":
            return self.real(call, self.run.harness.state.secrets.key)
        if call.name in HARMLESS:
            return Reply(End(HARMLESS[call.name](call.arguments)))
        if self.unmocked == "error":
            raise Unmocked(f"{call.address} calls {call.name}, and no mock says how it ends")
        if call.name not in self.catalogue:
            raise Unmocked(f"{call.address} calls {call.name}, which is not installed: nothing says what it returns")
        try:
            return Reply(End(generate(self.catalogue[call.name].get("result", {}))))
        except NotGenerated as problem:
            raise Unmocked(f"{call.address} calls {call.name}: {problem}; give it a mock") from None


def _spelled(said: Written) -> Written:
    """An end that says nothing returns null."""
    return said if "raise" in said or "return" in said else {**said, "return": None}
