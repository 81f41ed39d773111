"""`runs`, `asks` and `activities`: what they show, what they do, and how they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_project import TRIP, document, followed

from perdure.cli.runs.listing import STATUSES
from perdure.core.lifecycle import TRANSITIONS

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"


@pytest.fixture
def waiting(perdure) -> str:
    """A run that waits for a signal."""
    followed(perdure, "run", "approval", "--id", "a")
    return "a"


@pytest.fixture
def asking(perdure) -> str:
    """A run with an open question."""
    followed(perdure, "run", "question", "--id", "q")
    return "q"


def test_runs_are_listed_newest_first_and_picked(perdure, waiting):
    perdure("run", "book-trip", *TRIP, "-i", "card=4000", "--id", "trip")
    lines = perdure("runs", "list").stdout.splitlines()
    assert lines[0].split() == ["RUN", "WORKFLOW", "VERSION", "STATUS", "STARTED", "ENDED", "ERROR"]
    assert [line.split()[0] for line in lines[1:]] == ["trip", "a"]
    assert lines[1].endswith("payments.Declined: the card was declined")

    def ids(*words: str) -> list[str]:
        return [run["id"] for run in document(perdure("runs", "list", "-o", "json", *words))["runs"]]

    assert ids() == ["trip", "a"]
    assert ids("--limit", "1") == ["trip"]
    assert ids("--workflow", "approval") == ["a"]
    assert ids("--status", "failed") == ["trip"]
    assert ids("--status", "failed", "--status", "running") == ["trip", "a"]
    assert ids("--workflow", "none") == []
    lines = [json.loads(line) for line in perdure("runs", "list", "-o", "jsonl").stdout.splitlines()]
    assert [(line["format_version"], line["id"]) for line in lines] == [(1, "trip"), (1, "a")]


def test_a_run_is_shown_with_what_it_waits_for(perdure, waiting):
    told = perdure("runs", "show", "a").stdout
    assert "status:   running" in told
    assert "approval  wait" in told
    found = document(perdure("runs", "show", "a", "-o", "json"))
    assert (found["format_version"], found["id"], found["status"]) == (1, "a", "running")
    assert [(part["address"], part["status"]) for part in found["live"]] == [("approval", "waiting")]


def test_a_history_is_shown_event_by_event(perdure, waiting):
    events = document(perdure("runs", "history", "a", "-o", "json"))["events"]
    assert [(event["seq"], event["event"], event.get("step")) for event in events] == [
        (1, "RunStarted", None),
        (2, "ActivityCompleted", "before"),
    ]
    assert "ActivityCompleted  before" in perdure("runs", "history", "a").stdout


def test_a_signal_is_kept_for_whoever_moves_the_run(perdure, waiting):
    assert perdure("runs", "signal", "a", "approve", "by=ana").exit_code == 0
    result = perdure("run", "approval", "--id", "a", "-o", "json")
    assert document(result)["output"] == {"by": "ana"}
    assert perdure("runs", "signal", "a", "approve").exit_code == 7


def test_a_signal_with_an_id_counts_once(perdure, waiting):
    for _ in range(2):
        assert perdure("runs", "signal", "a", "other", "--id", "once").exit_code == 0
    perdure("runs", "signal", "a", "approve", "by=ana")
    perdure("run", "approval", "--id", "a")
    unread = document(perdure("runs", "show", "a", "-o", "json"))["unread"]
    assert [one["signal"] for one in unread] == ["other"]


def test_questions_are_listed_and_answered(perdure, asking):
    found = document(perdure("asks", "list", "-o", "json"))["asks"]
    assert [(ask["run"], ask["step"], ask["prompt"], ask["of"]) for ask in found] == [
        ("q", "decision", "May we?", "manager")
    ]
    assert "May we?" in perdure("asks", "list", "--run", "q").stdout
    assert perdure("asks", "list", "--run", "other").exit_code == 3
    refused = perdure("asks", "answer", "q", "decision", "perhaps")
    assert (refused.exit_code, "Traceback" in refused.stderr) == (2, False)
    assert perdure("runs", "answer", "q", "other", "approve").exit_code == 7
    assert perdure("runs", "answer", "q", "decision", "approve", "--by", "ana").exit_code == 0
    output = document(perdure("run", "question", "--id", "q", "-o", "json"))["output"]
    assert (output["answer"], output["by"]) == ("approve", "ana")
    assert perdure("asks", "list").stdout == "no open questions\n"
    assert perdure("runs", "answer", "q", "decision", "approve").exit_code == 7


@pytest.mark.parametrize(("word", "status"), [("cancel", "cancelled"), ("terminate", "terminated")])
def test_a_run_is_ended_from_outside(perdure, waiting, word, status):
    assert perdure("runs", word, "a", "--reason", "no need").exit_code == 0
    result = perdure("run", "approval", "--id", "a", "-o", "json")
    assert result.exit_code == 1
    assert document(result)["status"] == status
    assert perdure("runs", word, "a").exit_code == 7
    assert document(perdure("runs", "result", "a", "-o", "json"))["status"] == status


def test_a_result_is_waited_for_only_so_long(perdure, waiting):
    result = perdure("runs", "result", "a", "--timeout", "0.1", "-o", "json")
    assert (result.exit_code, document(result)["status"]) == (6, "running")
    assert perdure("runs", "watch", "a", "--timeout", "100ms").exit_code == 6


@pytest.mark.parametrize(
    "words",
    [
        ("show", "x"), ("history", "x"), ("result", "x"), ("watch", "x"), ("signal", "x", "s"),
        ("answer", "x", "s", "v"), ("cancel", "x"), ("terminate", "x"),
    ],
)  # fmt: skip
def test_an_unknown_run_has_exit_code_3(perdure, waiting, words):
    result = perdure("runs", *words)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_no_control_character_of_a_run_reaches_the_terminal(project: Path, perdure):
    (project / "say.yaml").write_text(
        "workflow: say\ninput: {type: object, properties: {text: {type: string}}}\nsteps:\n"
        "  - id: say\n    activity: text.say\n    with: {text: '{{ input.text }}'}\n    timeout: 5s\n"
        "  - id: ask\n    ask: {prompt: '{{ input.text }}', timeout: 1d}\n"
        "  - id: end\n    fail: {type: bad, message: '{{ input.text }}'}\n"
    )
    told = [followed(perdure, "run", "say.yaml", "--id", "s", "-i", f"text={HOSTILE}")]
    told += [perdure("runs", "show", "s"), perdure("runs", "history", "s"), perdure("asks", "list")]
    perdure("runs", "answer", "s", "ask", HOSTILE, "--by", HOSTILE)
    told += [perdure("run", "say.yaml", "--id", "s"), perdure("runs", "list"), perdure("runs", "show", HOSTILE)]
    for output in ("json", "jsonl", "yaml"):
        told.append(perdure("runs", "show", "s", "-o", output))
        told.append(perdure("runs", "history", "s", "-o", output))
    for result in told:
        for letter in "\x1b\x07\x9b\u202e":
            assert letter not in result.output
    assert document(perdure("runs", "show", "s", "-o", "json"))["input"] == {"text": HOSTILE}


def test_activities_are_listed_and_shown(perdure):
    charge = next(
        line for line in perdure("activities", "list").stdout.splitlines() if line.startswith("payments.charge")
    )
    assert charge.split(maxsplit=3)[1:] == ["card,", "amount", "Charge a card."]
    names = [one["name"] for one in document(perdure("activities", "list", "-o", "json"))["activities"]]
    assert {"payments.charge", "http.request", "text.say"} <= set(names)
    assert ":charge\n" in perdure("activities", "show", "payments.charge").stdout
    shown = document(perdure("activities", "show", "payments.charge", "-o", "json"))
    assert shown["arguments"]["required"] == ["card", "amount"]
    assert perdure("activities", "show", "payments.none").exit_code == 3


def test_an_activity_is_called_once(perdure):
    words = ("activities", "call", "payments.charge", "-i", "amount=3")
    assert document(perdure(*words, "-i", "card=4242")) == {"id": "R-4242"}
    assert document(perdure(*words, "-i", "card=4242", "-o", "json")) == {
        "format_version": 1,
        "activity": "payments.charge",
        "result": {"id": "R-4242"},
    }
    declined = perdure(*words, "-i", "card=4000", "-o", "json")
    assert declined.exit_code == 1
    assert document(declined)["error"] == {
        "type": "payments.Declined",
        "message": "the card was declined",
        "details": None,
        "cause": None,
    }
    assert perdure(*words).exit_code == 1
    assert document(perdure("activities", "call", "text.say", "--input", '{"text": "hi"}')) == "hi"


def test_activities_of_an_option_come_on_top(project: Path, perdure, monkeypatch):
    (project / "more_activities.py").write_text(
        "from perdure import activity\n@activity('more.act')\nasync def act() -> int:\n    return 7\n"
    )
    assert document(perdure("activities", "call", "more.act", "--activities", "more_activities.py")) == 7
    assert document(perdure("--activities", "more_activities", "activities", "call", "more.act")) == 7
    monkeypatch.setenv("PERDURE_ACTIVITIES", "more_activities.py")
    assert document(perdure("activities", "call", "text.say", "-i", "text=1")) == "1"
    assert document(perdure("activities", "call", "more.act")) == 7


def test_every_status_that_a_run_can_have_can_be_asked_for():
    assert set(STATUSES) == set(TRANSITIONS)
