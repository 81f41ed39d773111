"""Sizes that no author should have to think about: long lists of steps, deep blocks, long loops, wide groups."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perdure.core.wire import state_from_bytes, state_to_bytes
from perdure.definition import load
from perdure.testing.harness import Harness
from perdure.values import SECOND


def run(document: dict[str, Any], **how: Any) -> Harness:
    program = load(json.dumps({"workflow": "large", **document})).program
    return Harness(program, {"echo": lambda call: call.arguments["value"]}, **how).run()


def test_ten_thousand_steps_run_one_after_another() -> None:
    steps = [{"set": {"n": "{{ vars.n + 1 }}"}}] * 9_999
    harness = run({"vars": {"n": 0}, "steps": [*steps, {"activity": "echo", "with": {"value": "{{ vars.n }}"}}]})
    assert (harness.status, harness.outcome["output"]) == ("completed", 9_999)


def test_two_thousand_activities_in_a_row_leave_no_frames() -> None:
    steps = [{"activity": "echo", "with": {"value": number}} for number in range(2_000)]
    harness = run({"steps": [*steps, {"wait": {"signal": "end"}}]})
    assert len(harness.calls) == 2_000
    assert len(harness.state.frames) == 3
    assert len(state_to_bytes(harness.state)) < 2_000


def test_blocks_nest_as_deep_as_a_text_may() -> None:
    step: dict[str, Any] = {"activity": "echo", "with": {"value": 1}}
    for _ in range(40):
        step = {"steps": [step], "timeout": "1h"}
    assert run({"steps": [step]}).outcome["output"] == 1


def nested(depth: int) -> dict[str, Any]:
    """Fragments that use fragments: the depth a text cannot have."""
    fragments: dict[str, Any] = {f"f{level}": {"steps": [{"use": f"f{level + 1}"}]} for level in range(depth)}
    fragments[f"f{depth}"] = {"steps": [{"activity": "echo", "with": {"value": "bottom"}}]}
    return {"fragments": fragments, "steps": [{"use": "f0"}]}


def test_a_thousand_blocks_inside_each_other_run_to_the_bottom() -> None:
    harness = run(nested(1_000))
    assert harness.outcome["output"] == "bottom"


def test_a_thousand_blocks_inside_each_other_are_cancelled() -> None:
    program = load(json.dumps({"workflow": "large", **nested(1_000)})).program
    harness = Harness(program, {})
    harness.begin()
    again = state_from_bytes(program, state_to_bytes(harness.state))
    assert len(again.frames) == len(harness.state.frames) > 1_000
    harness.cancel()
    harness.run()
    assert harness.status == "cancelled"


@pytest.mark.parametrize("concurrency", [1, 100])
def test_a_loop_over_ten_thousand_items_gives_ten_thousand_results(concurrency: int) -> None:
    step = {
        "foreach": "input.numbers",
        "concurrency": concurrency,
        "steps": [{"activity": "echo", "with": {"value": "{{ item + 1 }}"}}],
    }
    harness = run({"steps": [step]}, input={"numbers": list(range(10_000))})
    assert harness.outcome["output"] == list(range(1, 10_001))


def test_a_thousand_waits_at_once_end_with_the_last() -> None:
    step = {"foreach": "input.numbers", "concurrency": 1_000, "steps": [{"wait": "{{ item }}s"}]}
    harness = run({"steps": [step]}, input={"numbers": list(range(1_000))})
    assert (harness.status, harness.elapsed) == ("completed", 999 * SECOND)


def test_an_endless_loop_without_a_wait_fails_the_run_and_is_undone() -> None:
    book = {"id": "book", "activity": "echo", "with": {"value": 1}, "compensate": {"set": {"undone": True}}}
    endless = {"id": "endless", "repeat": {"while": "vars.go"}, "steps": [{"set": {"n": "{{ index }}"}}]}
    harness = run({"vars": {"go": True}, "steps": [book, endless]})
    assert harness.status == "failed"
    assert harness.outcome["error"]["type"] == "LimitExceeded"
    assert harness.outcome["undone"] == ["book"]
