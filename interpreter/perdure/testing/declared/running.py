"""Runs one case: the run on the virtual clock, what was expected of it, then its history once more.

Every history is replayed, and the run restarted from bytes at every event of it: what a process that dies there would
leave leads to the same. Knows no files and no reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

from perdure.activities import Registry
from perdure.activities.secrets import Source
from perdure.errors import InvalidInput, PerdureError
from perdure.testing.declared.coverage import reached_by
from perdure.testing.declared.expectations import check_end
from perdure.testing.declared.failure import Failure
from perdure.testing.declared.mocks import CaseMocks, Unmocked
from perdure.testing.declared.names import Names
from perdure.testing.declared.observed import Observed
from perdure.testing.declared.reading import Case, Suite
from perdure.testing.declared.real import RealActivities
from perdure.testing.declared.script import Script
from perdure.testing.declared.trace import Trace
from perdure.testing.harness import Harness
from perdure.testing.laws import check_replay


@dataclass(slots=True)
class Result:
    """What came of one case. `path` are the steps in the order they began, with how each ended; `reached` counts the
    points of coverage; `seconds` is real time."""

    suite: Suite
    case: Case
    failures: list[Failure] = field(default_factory=list)
    path: list[tuple[str, str]] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return not self.failures


def run_case(suite: Suite, case: Case, registry: Registry | None = None, secrets: Source | None = None) -> Result:
    """Run a case of a suite without errors; nothing is raised. Registry and secrets are for real activities."""
    began = perf_counter()
    result = Result(suite, case)
    with RealActivities(registry, secrets) as real:
        run, script = _prepared(suite, case, real)
        try:
            _go(run)
            result.failures = [*script.failures, *_judged(case, run, script)]
            result.reached = reached_by(run)
        except (Unmocked, AssertionError, PerdureError) as problem:
            result.failures = [*script.failures, Failure(case.place(), str(problem))]
        except Exception as problem:  # the cases behind this one are to be run all the same
            told = f"a fault in Perdure: {type(problem).__name__}: {problem}"
            result.failures = [*script.failures, Failure(case.place(), told)]
        result.path = [(label, run.trace.steps[label].status) for label in run.trace.path]
    result.seconds = perf_counter() - began
    return result


def _prepared(suite: Suite, case: Case, real: RealActivities) -> tuple[Observed, Script]:
    """The run before it begins, with its script on the clock."""
    assert suite.definition is not None
    program = suite.definition.program
    names, trace = Names(program), Trace(program)
    run = Observed(names, trace)
    written = [*(case.written.get("mocks") or ()), *suite.mocks]
    mocks = CaseMocks(written, names, suite.catalogue, suite.unmocked, real.call, run)
    run.harness = Harness(
        program,
        mocks.find,
        children=mocks.find_child,
        post=mocks.post,
        input=case.written.get("input"),
        start=suite.start,
        watched=trace.turn,
    )
    script = Script(suite, case, run)
    script.plan()
    return run, script


def _go(run: Observed) -> None:
    try:
        run.harness.run()
    except InvalidInput as problem:
        message = f"{problem.message}: {'; '.join(problem.problems)}"
        run.refusal = {"type": "InvalidInput", "message": message, "details": list(problem.problems)}
        return
    if run.harness.outcome:
        run.trace.lost()


def _judged(case: Case, run: Observed, script: Script) -> Iterator[Failure]:
    """What is not as expected, then what a replay of the history says."""
    if run.refusal is None:
        yield from script.never_happened()
    yield from check_end(case, run)
    if run.refusal is None:
        harness = run.harness
        try:
            check_replay(harness.program, harness.journal, harness.commands, harness.state)
        except AssertionError as problem:
            yield Failure(case.place(), f"its history does not replay: {problem}")
