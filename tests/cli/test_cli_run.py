"""`perdure run`, and what other processes do with the run meanwhile."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from cli_project import TRIP, document, eventually, followed

RUN = ("run", "definitions/book-trip.yaml", *TRIP)


def notes(project: Path) -> list[str]:
    file = project / "notes.txt"
    return file.read_text().splitlines() if file.exists() else []


def gate(run: str, *more: str) -> tuple[str, ...]:
    return ("run", "gate", "-i", "notes=notes.txt", "-i", "gate=gate.txt", "--id", run, *more)


def test_a_run_that_completes_prints_one_object(perdure):
    result = perdure(*RUN, "-i", "card=4242", "-o", "json", "--id", "trip")
    assert result.exit_code == 0
    assert document(result) == {
        "format_version": 1,
        "run": "trip",
        "status": "completed",
        "output": {"flight": "F-LH1", "receipt": "R-4242"},
        "undone": [],
    }


def test_a_run_that_fails_says_what_was_undone(perdure):
    result = perdure(*RUN, "-i", "card=4000", "-o", "json", "--id", "trip")
    assert result.exit_code == 1
    found = document(result)
    assert found["error"].pop("cause") is None
    assert found == {
        "format_version": 1,
        "run": "trip",
        "status": "failed",
        "error": {
            "type": "payments.Declined",
            "message": "the card was declined",
            "details": None,
            "step": "charge",
            "attempt": 1,
        },
        "undone": ["hotel", "flight"],
    }


def test_plain_lines_tell_what_happens(perdure):
    result = perdure(*RUN, "-i", "card=4000", "--id", "trip")
    assert result.stdout == ""
    assert [line for line in result.stderr.splitlines() if "a line from" not in line] == [
        "flight  completed",
        "hotel  completed",
        "charge  failed  payments.Declined: the card was declined",
        "hotel  undone",
        "flight  undone",
        "error: run trip failed: payments.Declined: the card was declined (step charge)",
        "undone: hotel, flight",
    ]


def test_nothing_but_the_result_is_on_standard_output_whatever_activities_print(spawn):
    code, out, err = spawn(*RUN, "-i", "card=4242", "-o", "jsonl").ended()
    assert code == 0
    assert json.loads(out)["status"] == "completed"
    assert len(out.splitlines()) == 1
    assert "a line from an activity" in err
    assert "a line from a child process" in err


def test_quiet_says_nothing_but_the_result(perdure):
    result = perdure(*RUN, "-i", "card=4242", "-q", "--id", "trip")
    assert json.loads(result.stdout) == {"flight": "F-LH1", "receipt": "R-4242"}
    assert result.stderr in ("", "a line from an activity\n")


def test_yaml_is_written_too(perdure):
    result = perdure(*RUN, "-i", "card=4242", "-o", "yaml", "--id", "trip")
    assert result.stdout.startswith("format_version: 1\nrun: trip\nstatus: completed\noutput:\n")


def test_a_workflow_is_found_by_its_name(project: Path, perdure):
    (project / "definitions" / "other-file.yaml").write_text("workflow: by-name\nsteps:\n  - id: s\n    set: {a: 1}\n")
    assert perdure("run", "by-name", "-o", "json").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "nowhere.yaml"), 3, "there is no file nowhere.yaml"),
        (("run", "nothing"), 3, "no workflow"),
        (("run", "book-trip"), 2, "flight"),
        (("run", "book-trip", *TRIP, "-i", "card:=4242"), 2, "card"),
        (("run", "book-trip", *TRIP, "-i", "card"), 2, "key=value"),
        (("run", "book-trip", "--input", "@nowhere.json"), 2, "nowhere.json"),
        (("run", "question", "--id", ""), 2, "run id"),
        (("run", "question", "--id", "a\nb"), 2, "run id"),
        (("run", "question", "--timeout", "soon"), 2, "duration"),
        (("run", "question", "--id", "-x"), 2, "cannot begin with a hyphen: -x"),
        (("run", "question", "--detach", "--store", "memory://"), 2, "memory:// keeps nothing"),
    ],
)
def test_what_cannot_be_started_is_refused_before_anything_runs(project: Path, perdure, words, code, said):
    result = perdure(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_definition_with_errors_is_shown_with_its_lines(project: Path, perdure):
    (project / "wrong.yaml").write_text("workflow: wrong\nsteps:\n  - id: x\n    set: {a: '{{ steps.y }}'}\n")
    result = perdure("run", "wrong.yaml")
    assert result.exit_code == 1
    assert "WF301" in result.stderr
    assert "^" in result.stderr
    assert not (project / ".perdure").exists()


def test_the_same_id_again_gives_the_result_without_running_anything(perdure):
    words = (*RUN, "-i", "card=4242", "--id", "trip", "-o", "json")
    first = document(perdure(*words))
    assert document(perdure(*words)) == first
    assert document(perdure("run", "book-trip", "--id", "trip", "-o", "json")) == first
    assert len(document(perdure("runs", "list", "-o", "json"))["runs"]) == 1


def test_the_same_id_with_another_input_or_definition_is_a_conflict(project: Path, perdure):
    assert perdure(*RUN, "-i", "card=4242", "--id", "trip").exit_code == 0
    assert perdure(*RUN, "-i", "card=1", "--id", "trip").exit_code == 7
    assert perdure("run", "question", "--id", "trip").exit_code == 7


def test_a_wait_that_times_out_leaves_the_run_open(perdure):
    result = followed(perdure, "run", "approval", "--id", "a", "-o", "json")
    assert document(result)["status"] == "running"
    assert "approval  waiting  for signal approve" in result.stderr
    assert "  to answer: perdure runs signal a approve\n" in result.stderr
    assert "perdure run definitions/approval.yaml --id a" in result.stderr
    assert document(perdure("runs", "show", "a", "-o", "json"))["status"] == "running"


def test_hints_repeat_store_and_activities(project: Path, perdure):
    (project / "perdure.toml").write_text("")
    given = ("--store", "my runs.db", "--activities", "shop_activities.py")
    repeated = "--store 'my runs.db' --activities shop_activities.py"
    said = followed(perdure, "run", "approval", "--id", "a", *given).stderr
    assert f"perdure run definitions/approval.yaml --id a {repeated} or perdure worker {repeated}\n" in said
    assert "follow it with: perdure runs watch a --store 'my runs.db'\n" in said
    assert f"started; perdure worker {repeated} moves it\n" in perdure("run", "question", "--detach", *given).stderr


def test_a_run_that_nothing_keeps_is_not_said_to_be_kept(perdure):
    result = perdure("run", "approval", "--id", "a", "--timeout", "200ms", "--store", "memory://")
    assert result.exit_code == 6
    assert result.stderr.endswith("run a is lost: memory:// keeps nothing\n")
    assert "is kept" not in result.stderr
    assert "to answer" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_process_detaches_and_the_run_goes_on_later(project: Path, spawn, number):
    process = spawn("run", "approval", "--id", "a", "-o", "json")
    process.line("to answer")
    process.send(number)
    code, out, err = process.ended()
    assert code == 130
    assert json.loads(out) == {"format_version": 1, "run": "a", "status": "running", "undone": []}
    assert "perdure run definitions/approval.yaml --id a" in err
    assert "perdure worker" in err
    assert "perdure runs cancel a" in err
    assert "Traceback" not in err
    assert spawn("runs", "signal", "a", "approve", "by=ana").ended()[0] == 0
    code, out, _ = spawn("run", "approval", "--id", "a").ended()
    assert (code, json.loads(out)) == (0, {"by": "ana"})


def test_a_second_signal_exits_at_once_and_the_step_runs_again_later(project: Path, spawn):
    process = spawn(*gate("g"))
    process.line("first  completed")
    process.send(signal.SIGINT)
    eventually(lambda: process.popen.poll() is not None or process.send(signal.SIGINT))
    assert process.ended()[0] == 130
    (project / "gate.txt").write_text("open")
    code, out, _ = spawn(*gate("g")).ended()
    assert (code, json.loads(out)) == (0, "open")
    assert notes(project) == ["first", "last"]


def test_after_kill_9_the_same_command_goes_on_where_it_was(project: Path, spawn):
    process = spawn(*gate("g"))
    process.line("first  completed")
    process.popen.kill()
    assert process.ended()[0] == -signal.SIGKILL
    (project / "gate.txt").write_text("open")
    code, out, _ = spawn("run", "gate", "--id", "g", "-o", "json").ended()
    assert (code, json.loads(out)["output"]) == (0, "open")
    assert notes(project) == ["first", "last"]


def test_a_second_process_with_the_same_id_follows_and_takes_over_when_the_first_dies(project: Path, spawn):
    first = spawn(*gate("g"))
    first.line("first  completed")
    second = spawn("run", "gate", "--id", "g")
    second.line("first  completed")
    first.popen.kill()
    first.ended()
    (project / "gate.txt").write_text("open")
    code, out, err = second.ended()
    assert (code, json.loads(out)) == (0, "open")
    assert "Traceback" not in err
    assert notes(project) == ["first", "last"]


def test_a_run_works_on_itself_only(project: Path, spawn, perdure):
    assert perdure("run", "book-trip", *TRIP, "-i", "card=1", "--id", "other", "--detach").exit_code == 0
    assert spawn(*RUN, "-i", "card=4242", "--id", "own").ended()[0] == 0
    assert document(perdure("runs", "show", "other", "-o", "json"))["status"] == "running"


def test_three_processes_share_one_store(project: Path, spawn):
    detached = spawn("run", "approval", "--id", "a", "--detach", "-o", "json").ended()
    assert (detached[0], json.loads(detached[1])) == (0, {"format_version": 1, "run": "a", "status": "running"})
    worker = spawn("worker", "-v")
    worker.line("worker ")
    watch = spawn("runs", "watch", "a")
    watch.line("before  completed")
    assert spawn("runs", "signal", "a", "approve", '{"by": "ana"}').ended()[0] == 0
    code, out, _ = watch.ended()
    assert (code, json.loads(out)) == (0, {"by": "ana"})
    worker.send(signal.SIGTERM)
    code, out, err = worker.ended()
    assert (code, out) == (0, "")
    assert "Traceback" not in err


def test_a_worker_lets_running_activities_end_within_its_grace(project: Path, spawn):
    assert spawn(*gate("g", "--detach")).ended()[0] == 0
    worker = spawn("worker", "--grace", "60s")
    eventually(lambda: notes(project))
    worker.send(signal.SIGINT)
    worker.line("stopping")
    (project / "gate.txt").write_text("open")
    assert worker.ended()[0] == 0
    code, out, _ = spawn("run", "gate", "--id", "g").ended()
    assert (code, json.loads(out)) == (0, "open")
    assert notes(project) == ["first", "last"]


def test_the_second_signal_stops_a_worker_at_once(project: Path, spawn):
    assert spawn(*gate("g", "--detach")).ended()[0] == 0
    worker = spawn("worker", "--grace", "1h")
    eventually(lambda: notes(project))
    worker.send(signal.SIGINT)
    worker.line("stopping")
    worker.send(signal.SIGTERM)
    assert worker.ended()[0] == 130


def test_a_worker_takes_over_from_one_that_was_killed(project: Path, perdure, spawn):
    assert spawn(*gate("g", "--detach")).ended()[0] == 0
    first = spawn("worker")
    eventually(lambda: "ActivityCompleted" in perdure("runs", "history", "g", "-o", "json").stdout)
    first.popen.kill()
    first.ended()
    (project / "gate.txt").write_text("open")
    second = spawn("worker")
    code, out, _ = spawn("runs", "result", "g").ended()
    assert (code, json.loads(out)) == (0, "open")
    second.send(signal.SIGTERM)
    assert second.ended()[0] == 0
    assert notes(project) == ["first", "last"]


def test_a_run_is_started_for_later_and_labelled(perdure):
    words = ("--id", "later", "--delay", "3d", "--label", "team=blue", "--label", "note=a=b")
    result = perdure("run", "approval", *words, "--timeout", "100ms")
    assert result.exit_code == 6
    assert "it begins at 20" in result.stderr
    found = document(perdure("runs", "show", "later", "-o", "json"))
    assert (found["status"], found["labels"]) == ("scheduled", {"team": "blue", "note": "a=b"})
    assert found["begins_at"] is not None
    assert "begins:   20" in perdure("runs", "show", "later").stdout
    detached = perdure("run", "approval", "--at", "2099-01-01T00:00:00Z", "--detach", "-o", "json")
    assert document(detached)["status"] == "scheduled"
    assert perdure("run", "approval", "--at", "2020-01-01T00:00:00Z", "--timeout", "100ms", "-q").exit_code == 6
    for words in (("--at", "soon"), ("--label", "x"), ("--at", "2099-01-01T00:00:00Z", "--delay", "1h")):
        assert perdure("run", "approval", *words).exit_code == 2
    assert perdure("runs", "cancel", "later").exit_code == 0
    assert perdure("run", "approval", "--id", "later").exit_code == 1


def test_a_used_id_is_attached_to_reused_or_refused(perdure):
    trip = ("run", "book-trip", *TRIP, "--id", "trip")
    assert perdure(*trip, "-i", "card=4000").exit_code == 1
    assert perdure(*trip, "-i", "card=4242").exit_code == 7
    assert perdure(*trip, "-i", "card=4242", "--reuse", "reject").exit_code == 7
    assert perdure(*trip, "-i", "card=4242", "--reuse", "allow_failed").exit_code == 0
    assert perdure(*trip, "-i", "card=4242", "--reuse", "allow_failed").exit_code == 7
    assert perdure(*trip, "-i", "card=4000", "--reuse", "allow").exit_code == 1
    runs = document(perdure("runs", "list", "-o", "json"))["runs"]
    assert [(run["id"], run["status"]) for run in runs] == [
        ("trip", "failed"), ("trip~2", "completed"), ("trip~1", "failed"),
    ]  # fmt: skip


def test_an_open_id_is_refused_or_ended(perdure):
    wait = ("run", "approval", "--id", "a", "--timeout", "100ms")
    assert perdure(*wait).exit_code == 6
    assert perdure(*wait, "--conflict", "reject").exit_code == 7
    assert perdure(*wait, "-i", "file=x").exit_code == 7
    assert perdure(*wait, "-i", "file=x", "--conflict", "terminate").exit_code == 6
    runs = document(perdure("runs", "list", "-o", "json"))["runs"]
    assert [(run["id"], run["status"]) for run in runs] == [("a", "running"), ("a~1", "terminated")]
