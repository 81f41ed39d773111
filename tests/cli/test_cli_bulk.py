"""Queries and actions on many runs at once: what is picked, what is asked, what is told, and how they refuse."""

from __future__ import annotations

import json
import os

import pytest
from cli_project import TRIP, document, eventually, followed
from click.testing import CliRunner
from test_cli_terminal import Terminal

from perdure.cli.lazy import command
from perdure.cli.runs.selection import Action, Selection, act, selecting
from perdure.errors import RunConflict


@pytest.fixture
def shop(perdure) -> None:
    """Three runs that wait, `a0` to `a2`, and two that have ended."""
    for number in range(3):
        words = ("--id", f"a{number}", "--label", f"customer={('ann', 'bob')[number % 2]}")
        followed(perdure, "run", "approval", *words)
    assert perdure("run", "book-trip", *TRIP, "-i", "card=4000", "--id", "failed").exit_code == 1
    assert perdure("run", "book-trip", *TRIP, "-i", "card=4242", "--id", "done").exit_code == 0


def ids(perdure, *words: str) -> list[str]:
    return [run["id"] for run in document(perdure("runs", "list", "-o", "json", *words))["runs"]]


def statuses(perdure) -> dict[str, str]:
    return {run["id"]: run["status"] for run in document(perdure("runs", "list", "-o", "json"))["runs"]}


def test_runs_are_listed_by_a_query(perdure, shop):
    assert ids(perdure, "--query", "labels.customer = 'ann'") == ["a2", "a0"]
    assert ids(perdure, "--query", "workflow = book-trip or id = a1") == ["done", "failed", "a1"]
    assert ids(perdure, "--query", "workflow = book-trip or id = a1", "--status", "running") == ["a1"]
    assert ids(perdure, "--query", "id = a1 or id = a2", "--workflow", "approval", "--limit", "1") == ["a2"]
    assert ids(perdure, "--workflow", "o'hara") == []
    assert ids(perdure, "--query", " ") == ["done", "failed", "a2", "a1", "a0"]


def test_a_query_that_does_not_read_is_a_usage_error_that_shows_where(perdure, shop):
    for words in (("list",), ("cancel", "--yes")):
        result = perdure("runs", *words, "--query", "status = runing")
        assert result.exit_code == 2
        assert "at character 10: runs are never runing; did you mean running?" in result.stderr
        assert "\n  status = runing\n           ^" in result.stderr


def test_an_action_on_many_runs_is_told_run_by_run(perdure, shop):
    result = perdure("runs", "terminate", "--query", "labels.customer = ann", "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "RUN  WORKFLOW  OUTCOME",
        "a2   approval  is asked to end at once",
        "a0   approval  is asked to end at once",
    ]
    perdure("run", "approval", "--id", "a0")
    perdure("run", "approval", "--id", "a2")
    assert statuses(perdure) == {
        "a0": "terminated", "a1": "running", "a2": "terminated", "done": "completed", "failed": "failed",
    }  # fmt: skip


def test_an_action_picks_only_runs_it_can_be_done_to(perdure, shop):
    found = document(perdure("runs", "cancel", "--query", "id != a0", "--dry-run", "-o", "json"))
    assert (found["action"], found["dry_run"]) == ("cancel", True)
    assert [run["run"] for run in found["runs"]] == ["a2", "a1"]
    found = document(perdure("runs", "delete", "--query", "", "--dry-run", "-o", "json"))
    assert [run["run"] for run in found["runs"]] == ["done", "failed"]
    lines = perdure("runs", "pause", "--query", "id in (a1, done)", "--dry-run", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["run"] for line in lines] == ["a1"]
    assert set(statuses(perdure).values()) == {"running", "completed", "failed"}


def test_without_a_terminal_many_runs_need_a_yes(perdure, shop):
    result = perdure("runs", "delete", "--query", "status in (completed, failed)")
    assert result.exit_code == 2
    assert "this would delete 2 runs: say --yes, or --dry-run to see which" in result.stderr
    assert len(statuses(perdure)) == 5
    result = perdure("runs", "delete", "--query", "status in (completed, failed)", "--yes", "-q", "-o", "json")
    assert document(result)["runs"] == [
        {"run": "done", "workflow": "book-trip", "done": True, "error": None},
        {"run": "failed", "workflow": "book-trip", "done": True, "error": None},
    ]
    assert sorted(statuses(perdure)) == ["a0", "a1", "a2"]
    result = perdure("runs", "delete", "--query", "status = completed")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no runs fit\n")


@pytest.mark.parametrize(("answer", "left"), [(b"y\n", 3), (b"n\n", 5), (b"\n", 5)])
def test_on_a_terminal_the_user_is_asked(project, perdure, shop, answer: bytes, left: int):
    terminal = Terminal(project, "runs", "delete", "--query", "workflow = 'book-trip'")
    terminal.until("delete 2 runs? [y/N]")
    os.write(terminal.master, answer)
    code, _ = terminal.ended()
    assert code == 0
    assert len(statuses(perdure)) == left
    assert ("nothing was done" in terminal.shown()) == (left == 5)


def test_one_run_that_refuses_does_not_keep_the_others_from_it(perdure, shop):
    async def deed(run) -> None:
        if run.id == "a1":
            raise RunConflict("the run a1 has ended: it is completed", run=run.id)
        await run.cancel("the sale is over")

    @command("close")
    @selecting()
    def close(selection: Selection) -> int:
        return act(selection, Action("close", "is closed"), deed)

    words = ["--query", "workflow = approval", "--yes"]
    result = CliRunner().invoke(close, words, standalone_mode=False)
    assert result.stdout.splitlines()[1:] == [
        "a2   approval  is closed",
        "a1   approval  failed: the run a1 has ended: it is completed",
        "a0   approval  is closed",
    ]
    assert result.stderr == "1 run of 3 could not be dealt with\n"
    assert result.return_value == 1
    assert perdure("run", "approval", "--id", "a2").exit_code == 1
    assert "the sale is over" in perdure("runs", "show", "a2").stdout


def test_a_signal_goes_to_one_run_or_to_all_that_fit(perdure, shop):
    assert perdure("runs", "signal", "a1", "approve", "by=ana").exit_code == 0
    result = perdure("runs", "signal", "approve", '{"by": "bo"}', "--query", "labels.customer = ann", "--yes")
    assert result.exit_code == 0
    for run, by in (("a0", "bo"), ("a1", "ana"), ("a2", "bo")):
        assert document(perdure("run", "approval", "--id", run, "-o", "json"))["output"] == {"by": by}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("cancel",), "name one RUN, or say which by --query"),
        (("cancel", "a0", "--query", "id = a0"), "name one RUN, or say which by --query"),
        (("signal",), "Missing argument 'RUN' and 'NAME'"),
        (("signal", "a0"), "Missing argument 'NAME'"),
        (("signal", "--query", "id = a0", "--yes"), "Missing argument 'NAME'"),
        (("cancel", "a0", "a1"), "unexpected extra argument"),
    ],
)
def test_an_action_without_one_run_or_one_query_is_a_usage_error(perdure, shop, words, told):
    result = perdure("runs", *words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert set(statuses(perdure).values()) == {"running", "completed", "failed"}


def test_a_dry_run_on_one_run_shows_it_and_does_nothing(perdure, shop):
    result = perdure("runs", "cancel", "a0", "--dry-run")
    assert result.stdout.splitlines() == ["RUN  WORKFLOW  STATUS", "a0   approval  running"]
    assert result.stderr == "would cancel 1 run\n"
    assert perdure("runs", "cancel", "nobody", "--dry-run").exit_code == 3
    assert [event["event"] for event in document(perdure("runs", "history", "a0", "-o", "json"))["events"]] == [
        "RunStarted", "ActivityCompleted",
    ]  # fmt: skip


def test_a_run_that_has_ended_is_deleted_and_an_open_one_is_not(perdure, shop):
    assert perdure("runs", "delete", "done").stderr == "done is deleted\n"
    assert perdure("runs", "show", "done").exit_code == 3
    result = perdure("runs", "delete", "a0")
    assert result.exit_code == 7
    assert "a0 is running: only one that has ended is deleted" in result.stderr
    assert perdure("runs", "delete", "done").exit_code == 3


def test_a_worker_deletes_what_ended_longer_ago_than_the_project_keeps(project, perdure, shop, spawn):
    with (project / "perdure.toml").open("a") as configuration:
        configuration.write('retention = "1ms"\n')
    spawn("worker")
    eventually(lambda: sorted(statuses(perdure)) == ["a0", "a1", "a2"])


def test_runs_that_did_not_succeed_are_retried_by_a_query_but_not_their_earlier_attempts(project, perdure):
    (project / "flaky.yaml").write_text(
        "workflow: flaky\ninput: {properties: {file: {type: string}}}\n"
        "steps:\n  - {id: say, activity: text.say, with: {text: begun}, timeout: 1m}\n"
        "  - {id: wait, activity: files.wait, with: {file: '{{ input.file }}'}, timeout: 50ms}\n"
    )
    for run in ("a", "b"):
        assert perdure("run", "flaky.yaml", "--id", run, "-i", "file=gate").exit_code == 1
    assert perdure("runs", "retry", "a").exit_code == 0
    assert perdure("run", "flaky.yaml", "--id", "a").exit_code == 1  # "a~1" has failed as well now
    dry = document(perdure("runs", "retry", "--query", "workflow = flaky", "--dry-run", "-o", "json"))
    assert [run["run"] for run in dry["runs"]] == ["a", "b"]
    result = perdure("runs", "retry", "--query", "workflow = flaky", "--yes")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 3)
    assert {statuses(perdure)[run] for run in ("a", "b")} == {"running"}


def test_one_retry_that_is_refused_does_not_keep_the_others_from_it(perdure, shop):
    perdure("runs", "cancel", "a0")
    assert perdure("run", "approval", "--id", "a0").exit_code == 1
    result = perdure("runs", "retry", "--query", "", "--yes")
    assert result.exit_code == 1
    assert "failed: steps of the run failed were undone since it failed" in result.stdout
    assert statuses(perdure)["a0"] == "running"


def test_runs_of_one_workflow_are_migrated_by_a_query(project, perdure, shop):
    text = (project / "definitions" / "approval.yaml").read_text()
    (project / "better.yaml").write_text(text.replace("timeout: 7d", "timeout: 9d"))
    followed(perdure, "run", "question", "--id", "q")
    dry = document(perdure("runs", "migrate", "better.yaml", "--query", "", "--dry-run", "-o", "json"))
    assert [run["run"] for run in dry["runs"]] == ["a2", "a1", "a0"]
    waiting = perdure("runs", "migrate", "better.yaml", "--query", "id in (a0, q)", "--yes", "--timeout", "100ms")
    assert waiting.exit_code == 1
    assert "failed: the migration waits for a process that moves the run" in waiting.stdout
    for words in ((), ("a0",), ("a0", "better.yaml", "more"), ("a0", "better.yaml", "--query", "id = a0")):
        assert perdure("runs", "migrate", *words).exit_code == 2


def test_a_worker_moves_the_runs_that_are_migrated_by_a_query(project, perdure, shop, spawn):
    text = (project / "definitions" / "approval.yaml").read_text()
    (project / "better.yaml").write_text(text.replace("steps.approval.by", "steps.approval.who"))
    spawn("worker")
    result = perdure("runs", "migrate", "better.yaml", "--query", "labels.customer = ann", "--yes")
    assert (result.exit_code, result.stdout.count("goes on with better.yaml")) == (0, 2)
    digests = {run["id"]: run["digest"] for run in document(perdure("runs", "list", "-o", "json"))["runs"]}
    assert digests["a0"] == digests["a2"] != digests["a1"]
