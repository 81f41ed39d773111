"""The machine against the oracle: random definitions and scripts come to the same, call for call.

`PERDURE_ORACLE_PROGRAMS=100000` makes a long run of so many programs instead of the few hundred of every test run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from documented import documented
from fakes import child, fake, post
from hypothesis import assume, given, note, reject
from oracle import Oracle
from sampling import drawn
from virtual import OUTSIDE, Endless
from wider import MAIN, programs

from perdure.core import machine
from perdure.definition import Inspection, inspect
from perdure.errors import ExpressionError
from perdure.program import Program
from perdure.testing.harness import STARTED_AT, Harness

USUAL = 300
PROGRAMS = int(os.environ.get("PERDURE_ORACLE_PROGRAMS", USUAL))
INPUT = {"yes": True, "no": False, "n": 3, "text": "x"}
UNTOLD = ("running", "paused", "terminated")
"""Where errors that are still on their way out may or may not have been recorded."""
Facts = dict[str, Any]


def read(files: dict[str, Any]) -> Inspection:
    folder = Path("/definitions")
    return inspect(folder / MAIN, fetch=lambda path: json.dumps(files[str(path.relative_to(folder))]).encode())


def key(value: Any) -> str:
    return json.dumps(documented(value), sort_keys=True)


# -- the machine


def run_machine(program: Program, script: list[dict[str, Any]]) -> Facts:
    harness = Harness(program, lambda name: fake, children=lambda name: child, post=post, input=INPUT)
    queried: list[str] = []
    for number, entry in enumerate(script):
        plan_machine(harness, entry, number, queried)
    harness.begin()
    labels = labels_of(program, harness)
    harness.run()
    outcome = harness.outcome
    calls = [
        (call.name, key(call.arguments), call.address, call.attempt, call.started_at - STARTED_AT)
        for call in harness.calls
    ]
    calls += [
        (call.name, key(call.arguments), call.key.split("/", 1)[1].rsplit("/", 1)[0], 0, call.started_at - STARTED_AT)
        for call in harness.neighbours.calls
    ]
    letters = [(letter.name or letter.kind, key(letter.data), letter.to or "") for letter in harness.neighbours.sent]
    state = harness.state
    return {
        "status": harness.status,
        "output": outcome.get("output"),
        "restarts with": outcome.get("input"),
        "error": outcome.get("error"),
        "undone": outcome.get("undone", state.undone),
        "not_undone": outcome.get("not_undone", state.not_undone),
        "recorded": sorted(key(entry) for entry in outcome.get("recorded", []) if harness.status not in UNTOLD),
        "vars": dict(state.vars),
        "labels": labels,
        "published": state.published,
        "queried": queried,
        "unread": [[entry["signal"], entry["data"]] for entry in outcome.get("unread", [])],
        "replies": sorted(
            (reply["id"], how, "" if how == "refused" else key(said))
            for reply in harness.callers.replies
            for how, said in reply.items()
            if how in ("value", "error", "refused")
        ),
        "calls": sorted(calls),
        "letters": sorted(letters),
    }


def labels_of(program: Program, harness: Harness) -> dict[str, str] | None:
    """The labels that a start would give the run; None where they cannot be made, and there is no run."""
    try:
        return machine.labels(program, harness.state)
    except ExpressionError:
        return None


def plan_machine(harness: Harness, entry: dict[str, Any], number: int, queried: list[str] | None = None) -> None:
    at, heard = entry["at"], [] if queried is None else queried
    if "query" in entry:
        harness.at(at, lambda: heard.extend(answers(harness.program.queries, entry["query"], harness.query)))
    elif "signal" in entry:
        harness.at(at, lambda: harness.signal(entry["signal"], entry["with"]))
    elif "update" in entry:
        harness.at(at, lambda: harness.update(entry["update"], entry["with"], f"update-{number}"))
    elif "event" in entry:
        harness.at(at, lambda: harness.event(entry["event"], entry["with"]))
    elif "answer" in entry:
        harness.at(at, lambda: answer_machine(harness, entry))
    elif "crash" in entry:
        harness.at(at, lambda: harness.now == STARTED_AT + at and harness.crash(entry["crash"]))
    elif "cancel" in entry:
        harness.at(at, harness.cancel)
    elif "terminate" in entry:
        harness.at(at, harness.terminate)
    else:
        harness.at(at, harness.pause)
        harness.at(at + entry["pause"], harness.resume)


def answers(queries: Collection[str], name: str, query: Callable[[str], Any]) -> list[str]:
    """What somebody hears who asks this query, if there is one."""
    try:
        return [key(query(name))] if name in queries else []
    except ExpressionError:
        return ["it cannot be evaluated"]


def answer_machine(harness: Harness, entry: dict[str, Any]) -> None:
    if harness.status == "paused":
        harness._kept.append(lambda: answer_machine(harness, entry))
        return
    asks = sorted(ask.address for ask in harness.open.asks.values())
    if asks and harness.status == "running":
        harness.answer(asks[entry["answer"] % len(asks)], entry["with"], "ana")


# -- the oracle


def run_oracle(files: dict[str, Any], script: list[dict[str, Any]]) -> Facts:
    oracle = Oracle(files, fake, INPUT, STARTED_AT, post=post, child=child)
    for number, entry in enumerate(script):
        plan_oracle(oracle, entry, number)
    labels = oracle.labels()
    oracle.go()
    told = oracle.status not in UNTOLD
    ended = oracle.status not in ("running", "paused")
    letters = [(name, key(data), to) for name, data, to in oracle.letters]
    return {
        "status": oracle.status,
        "output": oracle.output if oracle.status == "completed" else None,
        "restarts with": oracle.output if oracle.status == "continued" else None,
        "error": oracle.error,
        "undone": oracle.undone,
        "not_undone": oracle.not_undone,
        "recorded": sorted(map(key, oracle.recorded)) if told else [],
        "vars": oracle.vars,
        "labels": labels,
        "published": oracle.published,
        "queried": oracle.queried,
        "unread": [[signal.name, signal.data] for signal in oracle.unread] if ended else [],
        "replies": sorted((id, how, "" if how == "refused" else key(value)) for id, how, value in oracle.replies),
        "calls": sorted(
            (name, key(data), address, attempt, at - STARTED_AT) for name, data, address, attempt, at in oracle.calls
        ),
        "letters": sorted(letters),
    }


def plan_oracle(oracle: Oracle, entry: dict[str, Any], number: int) -> None:
    at = STARTED_AT + entry["at"]

    def act() -> None:
        if "signal" in entry:
            oracle.signal(entry["signal"], entry["with"])
        elif "update" in entry:
            oracle.update(entry["update"], entry["with"], f"update-{number}")
        elif "event" in entry:
            oracle.event(entry["event"], entry["with"])
        elif "answer" in entry:
            oracle.answer(entry["answer"], entry["with"], "ana")
        elif "query" in entry:
            oracle.queried += answers(oracle.document.keys.get("queries", {}), entry["query"], oracle.query)
        elif "crash" in entry:
            if oracle.clock.now == at:
                oracle.crash(entry["crash"])
        elif "cancel" in entry:
            oracle.cancel()
        elif "terminate" in entry:
            oracle.terminate()
        else:
            oracle.pause()

    oracle.clock.at(at, OUTSIDE, act)
    if "pause" in entry:
        oracle.clock.at(at + entry["pause"], OUTSIDE, oracle.resume)


# -- the comparison


@drawn(PROGRAMS, USUAL)
@given(programs())
def test_the_machine_does_what_the_oracle_says(made: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    files, script = made
    inspection = read(files)
    assume(inspection.definition is not None)
    assert inspection.definition is not None
    try:
        expected = run_oracle(files, script)
    except Endless:
        reject()
    found = run_machine(inspection.definition.program, script)
    differing = [what for what in expected if documented(expected[what]) != documented(found[what])]
    if differing:
        note(json.dumps(files, indent=1))
        note("\n".join(map(json.dumps, script)))
        for what in differing:
            note(f"{what}\n  oracle:  {expected[what]}\n  machine: {found[what]}")
    assert not differing
