"""What must come of a run, held against what came: each key of `expect` has its question here.

What a test does not mention is not compared, but for three things: a run has to complete unless it says otherwise, no
message may come at the wrong time, and no update may be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from perdure.testing.declared.failure import Failure, shortened, spelled
from perdure.testing.declared.observed import Made, Observed
from perdure.testing.declared.reading import Case
from perdure.testing.matching import Difference, differences, fits, is_matcher
from perdure.values import JSON, format_duration, parse_duration

Path = tuple[str | int, ...]


def check_end(case: Case, run: Observed) -> Iterator[Failure]:
    """Everything about a run that is over, or in which nothing more can happen."""
    expect = case.written.get("expect") or {}
    yield from _status(case, expect, run)
    for key in expect:
        if key != "status":
            yield from _CHECKS[key](case, expect[key], ("expect", key), run)
    if "refused" not in expect and run.refusal is None:
        for told in run.harness.refused:
            yield Failure(case.place("script"), f"a message came at the wrong time: {told}")
    if "replies" not in expect and run.refusal is None:
        for told in run.harness.callers.refused:
            yield Failure(case.place("script"), f"an update was refused: {told}", reason="`replies` can expect that")


def check_moment(case: Case, run: Observed, expect: Mapping[str, JSON], path: Path) -> Iterator[Failure]:
    """What must hold at a moment of the script."""
    for key in expect:
        yield from _CHECKS[key](case, expect[key], (*path, key), run)


def _status(case: Case, expect: Mapping[str, JSON], run: Observed) -> Iterator[Failure]:
    ends = ("failed", "cancelled", "terminated", "refused") if "error" in expect else ("completed",)
    if "continued" in expect:
        ends = ("continued",)
    wanted = (expect["status"],) if "status" in expect else ends
    if run.status in wanted:
        return
    place = case.place("expect", "status") if "status" in expect else case.source.key_place(_at(case, "name"))
    yield Failure(place, "expect.status", wanted[0], run.status, _why(run))


def _why(run: Observed) -> str | None:
    """More about a status that was not expected."""
    error = run.outcome.get("error")
    if error:
        where = f" in {error['step']}" if error.get("step") else ""
        return f"{error['type']}{where}: {error['message']}"
    if run.status in ("running", "paused"):
        live = ", ".join(f"{label} ({doing})" for label, doing in run.harness.live().items())
        return f"nothing more happens; it is at {live}" if live else "nothing more happens"
    return f"its output is {shortened(run.outcome.get('output'), 200)}"


# -- one check for each key


def _compare(case: Case, expected: JSON, found: object, path: Path) -> Iterator[Failure]:
    for one in differences(expected, found):
        yield _told(case, one, path)


def _told(case: Case, one: Difference, path: Path) -> Failure:
    where = (*path, *one.path)
    return Failure(case.place(*where), spelled(where), one.expected, one.found, one.reason)


def _outcome(key: str, otherwise: Callable[[], JSON] = lambda: None) -> Check:
    def check(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
        yield from _compare(case, expected, run.outcome.get(key, otherwise()), path)

    return check


def _found(find: Callable[[Observed], JSON]) -> Check:
    def check(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
        yield from _compare(case, expected, find(run), path)

    return check


def _standing(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
    if expected != run.status:
        yield Failure(case.place(*path), spelled(path), expected, run.status, _why(run))


def _error(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
    error = run.outcome.get("error")
    if isinstance(expected, str):
        expected = {"type": expected}
    if isinstance(error, dict) and isinstance(expected, dict) and "type" in expected:
        # `type` is the error's own here, whatever it says
        for key, value in expected.items():
            yield from _compare(case, value, error.get(key), (*path, key))
    else:
        yield from _compare(case, expected, error, path)


def _steps(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
    for name, wanted in expected.items():
        found = run.step(name)
        reason = _why_step(found)
        for key, value in wanted.items():
            for failure in _compare(case, value, found[key], (*path, name, key)):
                yield failure if failure.reason or key != "status" else _because(failure, reason)


def _why_step(found: Mapping[str, JSON]) -> str | None:
    error = found["error"]
    return f"{error['type']}: {error['message']}" if error else None


def _because(failure: Failure, reason: str | None) -> Failure:
    return Failure(failure.place, failure.what, failure.expected, failure.found, reason)


def _queries(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
    for name, wanted in expected.items():
        yield from _compare(case, wanted, run.harness.query(name), (*path, name))


def _calls(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
    for number, wanted in enumerate(expected):
        here = (*path, number)
        made = [call for call in run.calls() if _is_about(wanted, call, run)]
        fitting = [call for call in made if "with" not in wanted or fits(wanted["with"], call.arguments)]
        if "times" in wanted:
            yield from _compare(case, wanted["times"], len(fitting), (*here, "times"))
        elif not fitting and len(made) == 1:
            yield from _compare(case, wanted["with"], made[0].arguments, (*here, "with"))
        elif not fitting:
            arguments = [call.arguments for call in made]
            said = f"calls with {shortened(arguments, 400)}" if made else "no such call"
            yield Failure(case.place(*here), spelled(here), wanted, said)


def _never(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
    for number, unwanted in enumerate(expected):
        here = (*path, number)
        for call in run.calls():
            if _is_about(unwanted, call, run) and ("with" not in unwanted or fits(unwanted["with"], call.arguments)):
                said = f"{call.label} called {call.name} with {shortened(call.arguments, 200)}"
                yield Failure(case.place(*here), spelled(here), unwanted, said)
                break
        else:
            name = unwanted.get("step")
            if (
                name is not None
                and "with" not in unwanted
                and any(run.names.means(name, one) for one in run.trace.path)
            ):
                yield Failure(case.place(*here), spelled(here), unwanted, f"{name} began")


def _is_about(written: Mapping[str, JSON], call: Made, run: Observed) -> bool:
    if "step" in written:
        return run.names.means(written["step"], call.label)
    return written.get(call.kind) == call.name


def _order(case: Case, expected: Sequence[str], path: Path, run: Observed) -> Iterator[Failure]:
    at = -1
    for number, name in enumerate(expected):
        following = (index for index, one in enumerate(run.trace.path) if index > at and run.names.means(name, one))
        found = next(following, None)
        if found is None:
            here = (*path, number)
            began = any(run.names.means(name, one) for one in run.trace.path)
            before = f" after {expected[number - 1]}" if number else ""
            said = f"{name} did not begin{before if began else ''}"
            yield Failure(case.place(*here), spelled(here), list(expected), said)
            return
        at = found


def _elapsed(case: Case, expected: JSON, path: Path, run: Observed) -> Iterator[Failure]:
    found = format_duration(run.elapsed)
    if is_matcher(expected):
        yield from _compare(case, expected, found, path)
    elif parse_duration(expected) != run.elapsed:
        yield Failure(case.place(*path), spelled(path), expected, found)


def _sent(run: Observed) -> JSON:
    letters = run.harness.neighbours.sent
    return [{key: getattr(letter, key) for key in ("kind", "to", "name", "data")} for letter in letters]


def _at(case: Case, *path: str | int) -> Path:
    return ("cases", case.index, *path)


Check = Callable[[Case, JSON, Path, Observed], Iterator[Failure]]

_CHECKS: Final[Mapping[str, Check]] = {
    "status": _standing,
    "output": _outcome("output"),
    "error": _error,
    "undone": _outcome("undone", list),
    "not_undone": _outcome("not_undone", list),
    "unread": _outcome("unread", list),
    "continued": _outcome("input"),
    "steps": _steps,
    "state": _found(lambda run: run.harness.state.published),
    "vars": _found(lambda run: dict(run.harness.state.vars)),
    "queries": _queries,
    "replies": _found(lambda run: list(run.harness.callers.replies)),
    "sent": _found(_sent),
    "refused": _found(lambda run: list(run.harness.refused)),
    "calls": _calls,
    "never": _never,
    "order": _order,
    "elapsed": _elapsed,
}
