"""What earlier releases have recorded: every history still comes to what it came to then, under the text it had.

`record.py` adds a folder at each release. A state may have gained fields since; none that was recorded may differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import record

import perdure
from perdure.core import outstanding, wire
from perdure.core.events import Migrated
from perdure.core.machine import migrated, step
from perdure.engine.replay import replay_run
from perdure.engine.transfer import Reading, read_run
from perdure.stores import MemoryStore
from perdure.values import encode

HISTORIES = sorted(file for file in Path(__file__).parent.glob("*/*.jsonl") if not file.name.endswith(".states.jsonl"))
NAMES = [f"{file.parent.name}/{file.stem}" for file in HISTORIES]

each_history = pytest.mark.parametrize("file", HISTORIES, ids=NAMES)


def recorded(file: Path) -> tuple[Reading, list[dict[str, Any]]]:
    lines = file.read_bytes().splitlines()
    states = file.with_name(f"{file.stem}.states.jsonl").read_text(encoding="utf-8").splitlines()
    return read_run(lines), [json.loads(line) for line in states]


def agrees(recorded: Any, found: Any) -> bool:
    """Whether all that was recorded is there; mappings may have gained keys."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        return all(key in found and agrees(value, found[key]) for key, value in recorded.items())
    if isinstance(recorded, list) and isinstance(found, list):
        return len(recorded) == len(found) and all(map(agrees, recorded, found))
    return type(recorded) is type(found) and bool(recorded == found)


@each_history
def test_every_prefix_comes_to_the_same_state_and_commands(file: Path) -> None:
    run, rows = recorded(file)
    assert len(rows) == len(run.events)
    for row in rows:
        state, program = record.folded(run, row["seq"])
        assert state.status == row["status"]
        told = [record.told(command) for command in outstanding(program, state)]
        assert agrees(row["outstanding"], told), (row["seq"], told)
        if "state" in row:
            kept = {key: value for key, value in row["state"].items() if key != "format"}
            assert agrees(kept, json.loads(wire.state_to_bytes(state))), row["seq"]


@each_history
def test_a_stored_snapshot_goes_on_to_the_same_end(file: Path) -> None:
    run, rows = recorded(file)
    whole, _ = record.folded(run, len(run.events))
    snapshots = [row for row in rows if "state" in row]
    assert snapshots
    for row in snapshots:
        _, program = record.folded(run, row["seq"])
        state = wire.state_from_bytes(program, encode(row["state"]))
        told = [record.told(command) for command in outstanding(program, state)]
        assert agrees(row["outstanding"], told)
        following = iter(run.programs[run.programs.index(program) + 1 :])
        for event in run.events[row["seq"] :]:
            if isinstance(event, Migrated):
                program = next(following)
                state = migrated(program, event)
            else:
                step(program, state, event)
        assert wire.state_to_bytes(state) == wire.state_to_bytes(whole)


@each_history
async def test_an_old_export_is_taken_in_and_replays(file: Path) -> None:
    lines = file.read_bytes().splitlines()
    header = json.loads(lines[0])
    async with perdure.open(MemoryStore(), work=False) as engine:
        run = await engine.import_run(lines)
        info = await run.describe()
        assert (info.id, info.status) == (header["run"]["id"], header["run"]["status"])
        assert [row["seq"] for row in await run.history()] == list(range(1, len(recorded(file)[1]) + 1))
        assert (await replay_run(engine, run.id, None)).verdict == "valid"


def test_every_shipped_definition_has_histories_of_this_release() -> None:
    folder = Path(__file__).parent / perdure.__version__
    found = {json.loads(file.read_bytes().splitlines()[0])["run"]["workflow"] for file in folder.glob("*.jsonl")
             if not file.name.endswith(".states.jsonl")}  # fmt: skip
    assert found == {file.stem for file in record.DEFINITIONS.glob("*.yaml") if not file.stem.endswith(".test")}


def test_what_differs_is_noticed() -> None:
    assert agrees({"a": [1, {"b": None}]}, {"a": [1, {"b": None, "c": 2}], "d": 0})
    assert not agrees({"a": 1}, {"b": 1})
    assert not agrees({"a": 1}, {"a": True})
    assert not agrees([1], [1, 2])
