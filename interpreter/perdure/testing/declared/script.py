"""What happens to a run from outside: the entries of a script, each put on the virtual clock.

An entry happens at a time, or some while after a step stands as it says. Knows the host, not what is expected, but
for the entries that look at the run in its course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from perdure.testing.agenda import Action
from perdure.testing.declared.expectations import check_moment
from perdure.testing.declared.failure import Failure
from perdure.testing.declared.observed import Observed
from perdure.testing.declared.reading import Case, Suite
from perdure.testing.harness import Harness
from perdure.values import JSON, parse_duration, parse_time

Entry = Mapping[str, JSON]


@dataclass(slots=True)
class Script:
    """The script of one run of a case; `failures` are those found on the way."""

    suite: Suite
    case: Case
    run: Observed
    failures: list[Failure] = field(default_factory=list)
    _left: dict[int, Entry] = field(default_factory=dict)

    def plan(self) -> None:
        """Put every entry on the clock."""
        for number, entry in enumerate(self.case.written.get("script") or ()):
            self._left[number] = entry
            action, after = self._acting(number, entry), parse_duration(entry.get("after", 0))
            if "when" in entry:
                self.run.harness.when(self._watch(entry["when"]), action, after)
            else:
                self.run.harness.at(self._span(entry.get("at", 0)) + after, action)

    def never_happened(self) -> Iterator[Failure]:
        """Entries whose moment did not come."""
        for number, entry in self._left.items():
            when = entry["when"]
            place = self.case.place("script", number, "when")
            stood = self.run.step(when["step"])["status"]
            message = f"{when['step']} was never {when.get('is', 'waiting')}, so this did not happen"
            yield Failure(place, message, reason=f"in the end it is {stood}")

    def _span(self, at: JSON) -> int:
        """Microseconds after the start; a moment before it is the start."""
        try:
            return parse_duration(at)
        except ValueError:
            return max(0, parse_time(at, self.suite.zone) - self.suite.start)

    def _watch(self, when: Mapping[str, str]) -> Callable[[Harness], bool]:
        return lambda _: self._stands(when)

    def _stands(self, when: Mapping[str, str]) -> bool:
        step = when["step"]
        return self.run.came_to(step) and self.run.step(step)["status"] == when.get("is", "waiting")

    def _acting(self, number: int, entry: Entry) -> Action:
        action = self._action(number, entry)

        def act() -> None:
            self._left.pop(number, None)
            refused = self.run.harness.refused
            before = len(refused)
            action()
            if len(refused) > before and "refused" not in (self.case.written.get("expect") or {}):
                place = self.case.place("script", number)
                self.failures += [Failure(place, f"came at the wrong time: {told}") for told in refused[before:]]
                del refused[before:]

        return act

    def _action(self, number: int, entry: Entry) -> Action:
        harness, data = self.run.harness, entry.get("with")
        match entry:
            case {"signal": name}:
                return lambda: harness.signal(name, data)
            case {"update": name}:
                return lambda: harness.update(name, data)
            case {"event": name}:
                return lambda: harness.event(name, data)
            case {"answer": step}:
                return lambda: harness.answer(self._asking(step), data, entry.get("by"))
            case {"resume": _}:
                return harness.resume
            case {"restart": down}:
                return lambda: harness.crash(parse_duration(down) if isinstance(down, str) else 0)
            case {"expect": expect}:
                path = ("script", number, "expect")
                return lambda: self.failures.extend(check_moment(self.case, self.run, expect, path))
        return self._steering(entry)

    def _steering(self, entry: Entry) -> Action:
        harness = self.run.harness
        steering: Mapping[str, Callable[[str | None], None]] = {
            "cancel": harness.cancel, "terminate": harness.terminate, "pause": harness.pause,
        }  # fmt: skip
        kind = next(key for key in entry if key in steering)
        why = entry[kind] if isinstance(entry[kind], str) else None
        return lambda: steering[kind](why)

    def _asking(self, step: str) -> str:
        """The address under which a question of this step is open, or else the step's name."""
        asked = (ask.address for ask in self.run.harness.open.asks.values())
        return next((address for address in asked if self.run.names.means(step, address)), step)
