"""Files that claim to be exported runs: taken in whole, or refused with the number of a line; nothing is half-done."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest
from fuzzing import VALUES, bounded, changed, exports, told
from hypothesis import given
from hypothesis import strategies as st

import perdure
from perdure.errors import InvalidInput
from perdure.stores import MemoryStore

RUNS = exports()
PIECES = st.sampled_from([line for lines in RUNS for line in lines]) | VALUES.map(lambda v: json.dumps(v).encode())


def sealed(parts: list[Any]) -> list[bytes]:
    """The lines with an end that fits, so that what is wrong in them is looked at."""
    lines = [json.dumps(part, separators=(",", ":")).encode() for part in parts]
    content = hashlib.sha256(b"".join(line + b"\n" for line in lines))
    return [*lines, json.dumps({"end": len(lines), "digest": content.hexdigest()}).encode()]


async def take_in(lines: list[bytes]) -> None:
    async with perdure.open(MemoryStore(), work=False) as engine:
        try:
            run = await engine.import_run(lines)
        except InvalidInput as problem:
            told(problem, "line ")
            assert await engine.runs() == []
        else:
            assert (await run.describe()).id == run.id
            assert await run.history()


@bounded(100)
@given(st.sampled_from(RUNS).flatmap(lambda lines: changed([json.loads(line) for line in lines[:-1]])))
def test_a_changed_run_is_taken_in_or_refused(parts: Any) -> None:
    asyncio.run(take_in(sealed(parts if isinstance(parts, list) else [parts])))


@bounded(100)
@given(st.lists(PIECES, max_size=6))
def test_lines_of_several_runs_are_no_run(lines: list[bytes]) -> None:
    asyncio.run(take_in(lines))
    asyncio.run(take_in(sealed([json.loads(line) for line in lines])))


@bounded(100)
@given(st.sampled_from(RUNS), st.data())
def test_a_file_cut_short_or_with_other_bytes_is_refused(lines: list[bytes], data: st.DataObject) -> None:
    text = b"\n".join(lines)
    place = data.draw(st.integers(0, len(text) - 2))
    other = bytes([(text[place] + data.draw(st.integers(1, 255))) % 256])
    for broken in (text[:place], text[:place] + other + text[place + 1 :]):
        asyncio.run(refused(broken.splitlines()))


async def refused(lines: list[bytes]) -> None:
    async with perdure.open(MemoryStore(), work=False) as engine:
        try:
            await engine.import_run(lines)
        except InvalidInput:
            assert await engine.runs() == []
        else:
            raise AssertionError("what was changed is taken in")


@pytest.mark.parametrize("place", [1, 2])
def test_a_migration_between_what_is_no_definition_is_refused(place: int) -> None:
    parts = [json.loads(line) for line in RUNS[1][:-1]]
    [migration] = [part["event"] for part in parts if part.get("event", [""])[0] == "migrate"]
    migration[place] = {}
    asyncio.run(refused(sealed(parts)))
