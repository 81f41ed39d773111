"""`runs update`, `query`, `pause` and `resume`, and following runs that send, receive, restart and have children."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_project import document, eventually, followed

CART = """
workflow: cart
queries:
  size: state.size
steps:
  - publish: {size: 0}
  - id: cart
    receive:
      state: {items: []}
      on:
        - update: add
          input: {type: object, required: [sku]}
          accept: (state.items | length) < 2
          steps: [{publish: {size: "{{ (state.items | length) + 1 }}"}}]
          set: {items: "{{ state.items + [message.sku] }}"}
          reply: "{{ state.items | length }}"
        - update: spoil
          async: true
          steps: [{fail: {type: cart.Spoilt, message: it is spoilt}}]
        - signal: buy
          stop: true
      timeout: 1h
output: "{{ steps.cart.items }}"
"""

COUNTDOWN = """
workflow: countdown
input: {type: object, properties: {n: {type: integer}}}
steps:
  - id: go
    wait: {signal: go, timeout: 1h}
  - if: input.n > 0
    restart: {input: {n: "{{ input.n - 1 }}"}}
output: "{{ input.n }}"
"""


@pytest.fixture
def cart(project: Path, spawn) -> str:
    """A run with an open cart that another process moves."""
    (project / "definitions" / "cart.yaml").write_text(CART.lstrip())
    spawn("run", "cart", "--id", "c").line("waiting")
    return "c"


@pytest.fixture
def idle(project: Path, perdure) -> str:
    """A run with an open cart that nobody moves."""
    (project / "definitions" / "cart.yaml").write_text(CART.lstrip())
    followed(perdure, "run", "cart", "--id", "c")
    return "c"


def test_an_update_prints_its_reply(perdure, cart):
    assert perdure("runs", "update", "c", "add", "sku=tea").stdout == "1\n"
    second = perdure("runs", "update", "c", "add", '{"sku": "cup"}', "--id", "u2", "-o", "json")
    assert document(second) == {"format_version": 1, "run": "c", "update": "u2", "status": "completed", "reply": 2}
    again = perdure("runs", "update", "c", "add", "sku=cup", "--id", "u2", "-o", "json")
    assert document(again) == document(second)
    assert perdure("runs", "update", "c", "add", "sku=cup", "--id", "u2", "--wait", "accepted").stdout == "u2\n"
    assert perdure("runs", "query", "c", "size").stdout == "2\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add",), 'the update was refused: null is not of type "object"'),
        (("add", "name=tea"), "the update was refused: 'sku' is a required property"),
        (("none",), "the update was refused: nothing receives it"),
        (("spoil",), "the update failed: cart.Spoilt: it is spoilt"),
    ],
)
def test_an_update_that_is_refused_or_fails_has_exit_code_1(perdure, cart, words, reason):
    result = perdure("runs", "update", "c", *words)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"error: {reason}\n")


def test_an_update_that_nobody_handles_is_waited_for_only_so_long(perdure, idle):
    result = perdure("runs", "update", "c", "add", "sku=tea", "--id", "u", "--timeout", "50ms")
    assert (result.exit_code, result.stdout) == (6, "")
    assert result.stderr == "error: the update waits to be handled; ask again with --id u\n"
    followed(perdure, "run", "cart", "--id", "c", until="run  update received  add")
    assert perdure("runs", "update", "c", "add", "sku=cup", "--id", "u", "--timeout", "10s").stdout == "1\n"


def test_an_update_of_a_run_that_has_ended_is_a_conflict(perdure, idle):
    perdure("runs", "signal", "c", "buy")
    assert perdure("run", "cart", "--id", "c").stdout == "[]\n"
    assert perdure("runs", "update", "c", "add", "sku=tea").exit_code == 7
    assert document(perdure("runs", "query", "c", "size", "-o", "json")) == {
        "format_version": 1, "run": "c", "query": "size", "value": 0,
    }  # fmt: skip


def test_a_query_that_the_definition_does_not_have_names_those_it_has(perdure, idle):
    result = perdure("runs", "query", "c", "price")
    assert (result.exit_code, result.stderr) == (2, "error: cart has no query price (it has: size)\n")


@pytest.mark.parametrize(
    "words", [("update", "x", "u"), ("query", "x", "q"), ("pause", "x"), ("resume", "x")], ids=lambda words: words[0]
)
def test_an_unknown_run_has_exit_code_3(perdure, idle, words):
    result = perdure("runs", *words)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "Traceback" not in result.stderr


def test_a_run_is_paused_and_resumed(perdure, idle):
    assert perdure("runs", "pause", "c", "--note", "stocktaking").exit_code == 0
    perdure("runs", "signal", "c", "buy")
    told = followed(perdure, "run", "cart", "--id", "c", until="run  paused  stocktaking\n")
    assert "perdure runs resume c" in told.stderr
    assert [run["id"] for run in document(perdure("runs", "list", "--status", "paused", "-o", "json"))["runs"]] == ["c"]
    assert perdure("runs", "resume", "c").exit_code == 0
    told = perdure("run", "cart", "--id", "c")
    assert (told.exit_code, told.stdout) == (0, "[]\n")
    assert "run  resumed\n" in told.stderr
    assert perdure("runs", "pause", "c").exit_code == 7
    assert perdure("runs", "resume", "c").exit_code == 7


def test_what_a_receive_takes_is_said_once_it_waits(perdure, idle):
    told = followed(perdure, "runs", "watch", "c").stderr
    assert "cart  waiting  for update add or update spoil or signal buy\n" in told
    assert "perdure runs signal c buy\n" in told
    assert "perdure runs update c add VALUE\n" in told


def test_a_run_is_followed_over_its_restarts(project: Path, perdure, spawn):
    (project / "definitions" / "countdown.yaml").write_text(COUNTDOWN.lstrip())
    process = spawn("run", "countdown", "--id", "d", "-i", "n=2")
    for _ in range(3):
        process.line("waiting")
        assert perdure("runs", "signal", "d", "go").exit_code == 0
    code, out, err = process.ended()
    assert (code, out) == (0, "0\n")
    assert err.endswith("go  completed\n")
    statuses = {run["id"]: run["status"] for run in document(perdure("runs", "list", "-o", "json"))["runs"]}
    assert statuses == {"d": "completed", "d~1": "continued", "d~2": "continued"}
    listed = document(perdure("runs", "list", "--status", "continued", "-o", "json"))["runs"]
    assert [run["id"] for run in listed] == ["d~2", "d~1"]
    part = perdure("runs", "result", "d~1")
    assert (part.exit_code, part.stdout, part.stderr) == (0, "", "run d~1 was restarted; it went on as d\n")


def test_children_are_moved_by_the_process_that_runs_their_parent(project: Path, perdure):
    (project / "definitions" / "kid.yaml").write_text(
        "workflow: kid\ninput: {type: object, properties: {n: {type: integer}}}\nsteps:\n"
        "  - id: say\n    activity: text.say\n    with: {text: 'kid {{ input.n }}'}\n    timeout: 5s\n"
        "output: '{{ steps.say }}'\n"
    )
    (project / "definitions" / "mum.yaml").write_text(
        "workflow: mum\nsteps:\n  - id: kids\n    foreach: '[1, 2]'\n    concurrency: 2\n    steps:\n"
        "      - id: kid\n        workflow: kid\n        with: {n: '{{ item }}'}\n"
    )
    result = perdure("run", "mum", "--id", "m", "-o", "json")
    assert document(result)["output"] == ["kid 1", "kid 2"]
    lines = result.stderr.splitlines()
    assert [line for line in lines if line.startswith("kids[0]/kid")] == [
        f"kids[0]/kid  started  run {child_of(perdure, 'kid 1')}", "kids[0]/kid  completed",
    ]  # fmt: skip


def child_of(perdure, output: str) -> str:
    """The id of the child with this output."""
    runs = document(perdure("runs", "list", "--workflow", "kid", "-o", "json"))["runs"]
    [child] = [run["id"] for run in runs if run["output"] == output]
    return child


def test_a_paused_run_that_another_process_moves_begins_nothing(perdure, cart):
    perdure("runs", "pause", "c")
    eventually(lambda: document(perdure("runs", "show", "c", "-o", "json"))["status"] == "paused")
    assert perdure("runs", "update", "c", "add", "sku=tea", "--id", "u", "--timeout", "100ms").exit_code == 6
    perdure("runs", "resume", "c")
    assert perdure("runs", "update", "c", "add", "sku=tea", "--id", "u", "--timeout", "20s").stdout == "1\n"
