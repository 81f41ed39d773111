"""Bytes that no release of ours wrote: reading them gives an event or a state, or the one error that says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fuzzing import HISTORIES, VALUES, bounded, changed, exports, told
from hypothesis import given
from hypothesis import strategies as st

from perdure.core.events import Event
from perdure.core.state import State
from perdure.core.wire import event_from_bytes, event_to_bytes, state_from_bytes, state_to_bytes
from perdure.engine.transfer import read_run
from perdure.errors import InternalError
from perdure.program import Program
from perdure.values import decode, encode

EVENTS = [json.loads(line)["event"] for lines in exports() for line in lines if b'"event"' in line[:60]]


def states() -> list[tuple[Program, Any]]:
    """Recorded states, each with its program."""
    found = []
    for file in sorted(HISTORIES.glob("*/*.states.jsonl")):
        programs = read_run(file.with_name(file.name.replace(".states", "")).read_bytes().splitlines()).programs
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        found += [(programs[-1], row["state"]) for row in rows if row.get("state", {}).get("frames")]
    return found


STATES = states()


def read_event(text: bytes) -> Event | None:
    try:
        return event_from_bytes(1, text)
    except InternalError as problem:
        told(problem, "cannot be read")
        return None


def read_state(program: Program, text: bytes) -> State | None:
    try:
        return state_from_bytes(program, text)
    except InternalError as problem:
        told(problem, "snapshot")
        return None


@bounded(300)
@given(st.binary(max_size=80) | VALUES.map(encode) | st.sampled_from(EVENTS).flatmap(changed).map(encode))
def test_any_bytes_are_an_event_or_refused(text: bytes) -> None:
    event = read_event(text)
    assert event is None or event_from_bytes(1, event_to_bytes(event)) == event


@bounded(300)
@given(st.sampled_from(STATES).flatmap(lambda found: st.tuples(st.just(found[0]), changed(found[1]))))
def test_a_changed_state_is_read_or_refused(found: tuple[Program, Any]) -> None:
    program, stored = found
    state = read_state(program, encode(stored))
    if state is not None:
        decode(state_to_bytes(state))


@bounded(100)
@given(st.binary(max_size=80) | VALUES.map(encode))
def test_any_bytes_are_no_state(text: bytes) -> None:
    assert read_state(STATES[0][0], text) is None


@bounded(200)
@given(st.sampled_from(STATES), st.data())
def test_a_state_cut_short_or_with_other_bytes_is_refused(found: tuple[Program, Any], data: st.DataObject) -> None:
    text = encode(found[1])
    place = data.draw(st.integers(0, len(text) - 1))
    assert read_state(found[0], text[:place]) is None
    read_state(found[0], text[:place] + data.draw(st.binary(min_size=1, max_size=4)) + text[place + 1 :])


@pytest.mark.parametrize(
    "text", [b"[" * 1_000_000, b'{"format":' * 100_000, b'["start",' * 100_000, b"\xff" * 1_000_000]
)
def test_a_million_bytes_of_depth_are_refused(text: bytes) -> None:
    assert read_event(text) is None
    assert read_state(STATES[0][0], text) is None
