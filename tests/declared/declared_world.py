"""What tests of the tool have in common: what a session complains of, in few words."""

from __future__ import annotations

from perdure.testing.declared.session import Session


def told(session: Session) -> list[str]:
    """What failed, as `what: expected … found …`, or what could not be used."""
    problems = [f"{one.code} {one.message}" for suite in session.suites for one in suite.diagnostics]
    for result in session.results:
        for failure in result.failures:
            told = f"{failure.what}: {failure.expected!r} {failure.found!r}" if failure.compares else failure.what
            problems.append(told + (f" ({failure.reason})" if failure.reason else ""))
    return problems
