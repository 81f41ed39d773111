"""Runs of shipped definitions forked behind every step, and taken to another store at every event, end as they did."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from shipped import FOLDER, start, until

import perdure
from perdure.core.watching import watch
from perdure.engine.copying import history_of
from perdure.engine.replay import refold, replay
from perdure.errors import RunConflict, RunFailed

RUNS: dict[str, dict[str, Any]] = {
    "book-trip": {"flight": "LH1", "hotel": "Ritz", "card": "4242"},
    "order": {"email": "ana@example.com", "card": "5000"},
    "dashboard": {},
    "campaign": {"segment": "friends", "count": 6},
    "trial-reminder": {"user": "ana", "email": "ana@example.com", "days": "20ms", "last": "20ms"},
    "expense-approval": {"employee": "bo", "amount": 120, "purpose": "train", "patience": "20ms"},
    "payment-flow": {"order": "o-1", "email": "ana@example.com", "hold": "20ms"},
}


async def outcome(run: perdure.Run) -> Any:
    try:
        return await run.result(10)
    except RunFailed as failure:
        return {**(failure.error or {}), "cause": None}


async def forked_behind(run: perdure.Run, step: str) -> perdure.Run | None:
    """None where the run ends with the step."""
    try:
        return await run.fork(step)
    except RunConflict as conflict:
        if "ends with" in conflict.message:
            return None
        raise


@pytest.mark.parametrize("name", RUNS)
async def test_a_fork_behind_any_step_ends_as_the_run_did(engine: perdure.Engine, name: str) -> None:
    run = await start(engine, name, **RUNS[name])
    expected = await outcome(run)
    found = await history_of(engine, run.id)
    steps = {end.label for seen in watch(found.programs, found.events) for end in seen.turn.ended if end.completed}  # type: ignore[union-attr]
    assert steps
    forked = 0
    for step in steps:
        fork = await forked_behind(run, step)
        if fork is not None:
            assert await outcome(fork) == expected, step
            forked += 1
    assert forked or len(found.events) <= 2


@pytest.mark.parametrize("name", [name for name in RUNS if name != "dashboard"])  # whose attempts would be lost
async def test_a_run_taken_to_another_store_at_any_event_ends_as_it_did(engine: perdure.Engine, name: str) -> None:
    run = await start(engine, name, **RUNS[name])
    expected = await outcome(run)
    lines = await run.export()
    events = sum(1 for line in lines if line.startswith('{"seq"'))
    async with perdure.open("memory://", activities=["definitions.activities"]) as other:
        for count in range(1, events):
            moved = await other.import_run(at_event(lines, count, f"{run.id}-{count}"))
            assert await outcome(moved) == expected, count


def at_event(lines: list[str], count: int, id: str) -> list[str]:
    """The export of a run as it would have been after so many events, under another id."""
    header, *events = [json.loads(line) for line in lines[: count + 1]]
    header["run"].update(id=id, status="running", closed_at=None)
    header["outcome"] = None
    events[0]["event"][1] = id
    texts = [json.dumps(part, separators=(",", ":")) for part in (header, *events)]
    digest = hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()
    return [*texts, json.dumps({"end": len(texts), "digest": digest})]


@pytest.mark.parametrize("name", RUNS)
async def test_a_history_is_valid_under_its_own_definition_and_not_under_one_without_its_steps(
    engine: perdure.Engine, name: str
) -> None:
    run = await start(engine, name, **RUNS[name])
    await outcome(run)
    found = await history_of(engine, run.id)
    assert refold(run.id, found.events, found.programs).verdict == "valid"
    assert replay(run.id, found.events, found.programs, found.programs[-1]).verdict == "valid"
    bare = perdure.load(f"workflow: {name}\nsteps: [{{id: nothing, wait: {{signal: never}}}}]\n").program
    verdict = replay(run.id, found.events, found.programs, bare)
    assert (verdict.verdict, verdict.seq) == ("differs", 1)
    assert verdict.old is not None
    assert str(FOLDER / f"{name}.yaml") in verdict.old
    assert verdict.new is not None


async def test_an_approval_is_forked_behind_its_answer(engine: perdure.Engine) -> None:
    run = await start(engine, "expense-approval", employee="bo", amount=120, purpose="train")
    await until(run, "decision")
    await run.answer("decision", "approve", by="ana")
    expected = await run.result(10)
    fork = await forked_behind(run, "decision")
    assert fork is None or await fork.result(10) == expected
