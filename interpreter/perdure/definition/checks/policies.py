"""Retries, timeouts and defaults that say something else than they seem to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Spaces
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path
from perdure.program import matches
from perdure.values import HOUR, JSON, parse_duration

JITTER: Final = 0.1
LONGEST_DELAY: Final = 1 * HOUR
"""What a retry without `jitter` and `max_delay` uses."""


def check_policies(spaces: Spaces, findings: Findings) -> None:
    """The retries and timeouts of all steps, and the defaults of the document."""
    names: set[str] = set()
    for space in spaces.all:
        for placed in space.placed:
            _check_policy(placed.step.keys, space.file, placed.path, findings)
            if placed.step.kind == "activity":
                names.add(placed.step.keys["activity"])
            elif placed.step.kind == "ask":
                _check_reminders(placed.step.keys["ask"], space.file, (*placed.path, "ask"), findings)
    defaults: Mapping[str, Mapping[str, JSON]] = spaces.main.keys.get("defaults") or {}
    for pattern, keys in defaults.items():
        path = ("defaults", pattern)
        _check_policy(keys, spaces.main.file, path, findings)
        if not any(matches((pattern,), name) for name in names):
            hint = findings.suggestion(pattern, names)
            message = f"no activity here fits {quoted(pattern)}"
            findings.add("WF506", message, spaces.main.file, path, hint, key=True)


def _check_policy(keys: Mapping[str, JSON], file: str, path: Path, findings: Findings) -> None:
    timeout, retry = keys.get("timeout"), keys.get("retry")
    limits = timeout if isinstance(timeout, dict) else {"total": timeout}
    attempt, total = _literal(limits.get("attempt")), _literal(limits.get("total"))
    if attempt is not None and total is not None and attempt >= total:
        message = "an attempt may take as long as all of them together"
        hint = "the total expires first; make it longer"
        findings.add("WF505", message, file, (*path, "timeout", "attempt"), hint)
    if isinstance(retry, dict):
        _check_retry(retry, total, file, (*path, "retry"), findings)


def _check_retry(retry: Mapping[str, JSON], total: int | None, file: str, path: Path, findings: Findings) -> None:
    if retry.get("attempts") == 1:
        for key in retry:
            if key != "attempts":
                message = f"{quoted(key)} has no effect: there is no second attempt"
                findings.add("WF502", message, file, (*path, key), key=True)
                return
    shortest = _shortest(retry)
    if total is not None and shortest is not None and shortest >= total:
        message = "the timeout always ends the step before its second attempt"
        findings.add("WF504", message, file, (*path, "delay"))
    within = _literal(retry.get("within"))
    if within is not None and shortest is not None and shortest >= within:
        message = "no second attempt: its delay is as long as all attempts may take"
        findings.add("WF514", message, file, (*path, "within"))


def _check_reminders(terms: Mapping[str, JSON], file: str, path: Path, findings: Findings) -> None:
    timeout, written = _literal(terms.get("timeout")), terms.get("reminders")
    reminders = enumerate(written) if isinstance(written, list) else [(None, written)]
    for index, reminder in reminders:
        after = _literal(reminder)
        if timeout is not None and after is not None and after >= timeout:
            at = (*path, "reminders") if index is None else (*path, "reminders", index)
            findings.add("WF513", "the question is closed before this reminder", file, at)


def _shortest(retry: Mapping[str, JSON]) -> int | None:
    """The shortest wait before the second attempt, if it is known; jitter may take away its share."""
    delay, jitter = _literal(retry.get("delay")), retry.get("jitter", JITTER)
    longest = _literal(retry["max_delay"]) if "max_delay" in retry else LONGEST_DELAY
    if delay is None or longest is None or isinstance(jitter, str):
        return None
    jittered: int = round(delay * (1 - jitter))
    return min(jittered, longest)


def _literal(duration: JSON) -> int | None:
    if not isinstance(duration, str):
        return 0 if duration == 0 and not isinstance(duration, bool) else None
    try:
        return parse_duration(duration)
    except ValueError:
        return None
