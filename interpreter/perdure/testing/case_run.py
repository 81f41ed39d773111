"""Runs a language case on the virtual-time host and compares what came of it with what was expected.

Exact for values; errors match as a subset. What a case does not mention must be empty: undone, not_undone,
recorded, unread and refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from perdure.definition import inspect
from perdure.definition.load import Definition
from perdure.testing.activities import Call
from perdure.testing.agenda import Action
from perdure.testing.cases import Case
from perdure.testing.harness import Harness
from perdure.testing.matching import equal
from perdure.testing.mocks import Mocks
from perdure.values import JSON, format_duration, parse_duration

WAYS: Final = ("plain", "restarted", "refolded")
"""How each case is run: once as it is, once through bytes after each event, once with the journal folded anew."""


def check_case(case: Case, way: str = "plain") -> None:
    """Raises AssertionError with the case's place, what was expected and what came."""
    definition = _definition(case)
    if definition is None or (case.diagnostics and not case.expect):
        return
    mocks = Mocks(case.mocks)
    harness = Harness(
        definition.program,
        mocks.find,
        children=mocks.find_child,
        post=mocks.post,
        input=case.input,
        delay=None if case.delay is None else parse_duration(case.delay),
        restart_every_event=way == "restarted",
        refold=way == "refolded",
    )
    for entry in mocks.slots:
        _occupy(harness, entry)
    for entry in case.script:
        _plan(harness, entry)
    harness.run()
    problems = list(_problems(case.expect, harness))
    if problems:
        found = f"status {harness.status}, outcome {harness.outcome}\npath {harness.path}"
        raise AssertionError(f"{case.file}:{case.line}: {case.sentence}\n" + "\n".join([*problems, found]))


def _definition(case: Case) -> Definition | None:
    """The definition where it holds. Diagnostics are exactly those expected; where none is, there is no error."""
    inspection = inspect(case.text, file=case.file)
    found = sorted((diagnostic.place.line, diagnostic.code) for diagnostic in inspection.diagnostics)
    same = found == sorted(case.diagnostics)
    if not same and (case.diagnostics or inspection.definition is None):
        told = "\n".join(map(str, inspection.diagnostics)) or "no diagnostics"
        wanted = list(case.diagnostics)
        raise AssertionError(f"{case.file}:{case.line}: expected {wanted}, and there are\n{told}")
    return inspection.definition


# -- the script


def _plan(harness: Harness, entry: Mapping[str, JSON]) -> None:
    action = _action(harness, entry)
    after = parse_duration(entry.get("after", 0))
    if "when" in entry:
        harness.when(_condition(entry["when"]), action, after)
    else:
        harness.at(parse_duration(entry.get("at", 0)) + after, action)


def _occupy(harness: Harness, entry: Mapping[str, JSON]) -> None:
    """Another run wants a slot: before this one begins, or at a time."""
    held = None if "held" not in entry else parse_duration(entry["held"])
    wanted = (entry["slot"], entry.get("by", "other"), entry.get("limit", 1), held)
    if "at" in entry:
        harness.at(parse_duration(entry["at"]), lambda: harness.slots.occupy(*wanted))
    else:
        harness.slots.occupy(*wanted)


def _action(harness: Harness, entry: Mapping[str, JSON]) -> Action:
    match entry:
        case {"signal": name}:
            return lambda: harness.signal(name, entry.get("with"))
        case {"update": {"name": name, **rest}}:
            return lambda: harness.update(name, rest.get("data"), _text(rest.get("id")))
        case {"event": {"name": name, **rest}}:
            return lambda: harness.event(name, rest.get("data"))
        case {"pause": note}:
            return lambda: harness.pause(_text(note))
        case {"resume": True}:
            return harness.resume
        case {"answer": step}:
            return lambda: harness.answer(step, entry.get("with"), entry.get("by"))
        case {"cancel": reason}:
            return lambda: harness.cancel(_text(reason))
        case {"terminate": reason}:
            return lambda: harness.terminate(_text(reason))
        case {"restart": True}:
            return harness.crash
        case {"restart": str(down)}:
            return lambda: harness.crash(parse_duration(down))
    raise ValueError(f"a script does not know {dict(entry)}")


def _condition(when: Mapping[str, JSON]) -> Callable[[Harness], bool]:
    match when:
        case {"live": address}:
            return lambda harness: address in harness.live()
        case {"started": activity, **rest}:
            return lambda harness: _count(harness, activity, ended=False) >= rest.get("times", 1)
        case {"ended": activity, **rest}:
            return lambda harness: _count(harness, activity, ended=True) >= rest.get("times", 1)
        case {"events": number}:
            return lambda harness: len(harness.journal) >= number
    raise ValueError(f"a script does not know when {dict(when)}")


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def _count(harness: Harness, activity: str, *, ended: bool) -> int:
    calls = [*harness.calls, *harness.neighbours.calls]
    return sum(call.name == activity and (call.ended is not None or not ended) for call in calls)


# -- the expectations


def _problems(expect: Mapping[str, JSON], harness: Harness) -> list[str]:
    outcome = harness.outcome
    problems = []

    def compare(what: str, expected: JSON, found: JSON, same: Callable[[JSON, JSON], bool] = equal) -> None:
        if not same(expected, found):
            problems.append(f"{what}: expected {expected!r}, found {found!r}")

    ends = "failed" if "error" in expect else "continued" if "continued" in expect else "completed"
    compare("status", expect.get("status", ends), harness.status)
    for key in ("undone", "not_undone", "recorded", "unread"):
        compare(key, expect.get(key, []), outcome.get(key, []), subset)
    compare("refused", expect.get("refused", []), [*harness.refused, *harness.callers.refused], _told)
    if "output" in expect:
        compare("output", expect["output"], outcome.get("output", "<none>"))
    if "error" in expect:
        compare("error", expect["error"], outcome.get("error"), subset)
    if "calls" in expect:
        compare("calls", expect["calls"], _calls(expect["calls"], harness.calls))
    if "never" in expect:
        compare("never", [], [call.name for call in harness.calls if call.name in expect["never"]])
    if "queued" in expect:
        compare("queued", expect["queued"], _queued(expect["queued"], harness.calls))
    if "elapsed" in expect:
        compare("elapsed", expect["elapsed"], format_duration(harness.elapsed), _lasts)
    if "live" in expect:
        compare("live", expect["live"], harness.live())
    if "vars" in expect:
        compare("vars", expect["vars"], harness.state.vars)
    problems.extend(_exchanged(expect, harness))
    return problems


def _exchanged(expect: Mapping[str, JSON], harness: Harness) -> Iterator[str]:
    """What went between the run and the world of runs and clients around it."""
    neighbours = harness.neighbours
    sent = [{key: getattr(letter, key) for key in ("kind", "to", "name", "data")} for letter in neighbours.sent]
    found: dict[str, tuple[JSON, Callable[[JSON, JSON], bool]]] = {
        "published": (harness.state.published, equal),
        "continued": (harness.outcome.get("input", "<none>"), equal),
        "leaves": ([entry["closing"] for entry in harness.state.children], equal),
        "children": (_calls(expect.get("children", []), neighbours.calls), equal),
        "queries": ({name: harness.query(name) for name in expect.get("queries", ())}, equal),
        "replies": (harness.callers.replies, subset),
        "sent": (sent, subset),
        "took": (harness.slots.took, equal),
    }
    for key, (value, same) in found.items():
        if key in expect and not same(expect[key], value):
            yield f"{key}: expected {expect[key]!r}, found {value!r}"


def _calls(expected: JSON, calls: Sequence[Call]) -> JSON:
    """The calls in the form of what is expected: names in order, {name: arguments} where it says so, or counts."""
    if isinstance(expected, dict):
        count = Counter(call.name for call in calls)
        return {name: count[name] for name in expected}
    found: list[JSON] = []
    for number, call in enumerate(calls):
        told = number < len(expected) and isinstance(expected[number], dict)
        found.append({call.name: call.arguments} if told else call.name)
    return found


def _queued(expected: Mapping[str, JSON], calls: Sequence[Call]) -> JSON:
    """[queue, priority] of the last call at each address expected, or just the queue."""
    found: dict[str, JSON] = {}
    for call in calls:
        if call.address in expected:
            whole = isinstance(expected[call.address], list)
            found[call.address] = [call.queue, call.priority] if whole else call.queue
    return found


def subset(expected: JSON, found: JSON) -> bool:
    """Mappings may hold more than expected; a text that ends in … matches by its beginning."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and subset(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(subset, expected, found))
    if isinstance(expected, str) and expected.endswith("…") and isinstance(found, str):
        return found.startswith(expected[:-1])
    return equal(expected, found)


def _told(expected: JSON, found: JSON) -> bool:
    return len(expected) == len(found)


def _lasts(expected: JSON, found: str) -> bool:
    if isinstance(expected, dict):
        least, most = map(parse_duration, expected["between"])
        return least <= parse_duration(found) <= most
    return parse_duration(expected) == parse_duration(found)
