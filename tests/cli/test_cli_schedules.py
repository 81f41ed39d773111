"""`perdure deploy` and `perdure schedules`."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_project import document, eventually

REPORT = """
workflow: report
version: "1"
schedule: {cron: "30 2 * * *", timezone: Europe/Berlin, input: {at: "{{ schedule.time }}"}}
steps: [{set: {a: 1}}]
"""
PLACED = """
workflow: placed
schedule:
  - {id: new, event: order.placed, overlap: skip}
  - {id: hourly, every: 1h, jitter: 10m, overlap: allow}
input: {properties: {order: {type: integer}}}
steps: [{set: {a: 1}}]
"""


@pytest.fixture
def deployed(project: Path, perdure) -> None:
    (project / "definitions" / "report.yaml").write_text(REPORT.lstrip())
    (project / "definitions" / "placed.yaml").write_text(PLACED.lstrip())
    assert perdure("deploy", "report", "definitions/placed.yaml").exit_code == 0


def test_deploy_says_what_it_does_and_a_dry_run_only_says_it(project: Path, perdure) -> None:
    file = project / "definitions" / "placed.yaml"
    file.write_text(PLACED.lstrip())

    dry = perdure("deploy", "definitions/placed.yaml", "--dry-run")
    assert dry.exit_code == 0
    assert "nothing was deployed" in dry.stderr
    assert perdure("schedules", "list").stdout == "no schedules\n"

    assert document(perdure("deploy", "placed", "-o", "json"))["definitions"][0]["schedules"] == [
        {"id": "placed/new", "change": "new"},
        {"id": "placed/hourly", "change": "new"},
    ]
    file.write_text(PLACED.lstrip().replace("1h", "2h").replace("id: new", "id: fresh"))
    again = perdure("deploy", "placed", "--dry-run")
    assert "changed" in again.stdout
    assert "placed/fresh new, placed/hourly changed, placed/new removed" in again.stdout


def test_deploy_takes_a_directory_and_without_any_the_projects_definitions(project: Path, perdure) -> None:
    found = document(perdure("deploy", "-o", "json"))

    assert not found["dry_run"]
    assert {row["workflow"] for row in found["definitions"]} >= {"book-trip"}
    assert document(perdure("deploy", "definitions", "-o", "json"))["definitions"] == [
        {**row, "change": "unchanged"} for row in found["definitions"]
    ]


def test_deploy_deploys_nothing_where_one_definition_does_not_hold(project: Path, perdure) -> None:
    (project / "definitions" / "report.yaml").write_text(REPORT.lstrip())
    (project / "definitions" / "bad.yaml").write_text("workflow: bad\nschedule: {cron: x}\nsteps: [{set: {a: 1}}]\n")

    refused = perdure("deploy", "report", "definitions/bad.yaml")

    assert refused.exit_code == 1
    assert "cannot be deployed" in refused.stderr
    assert "WF507" in refused.stderr
    assert perdure("schedules", "list").stdout == "no schedules\n"


def test_deploy_of_what_is_not_there_is_an_error(project: Path, perdure) -> None:
    assert perdure("deploy", "nowhere.yaml").exit_code == 3
    (project / "empty").mkdir()
    empty = perdure("deploy", "empty")
    assert (empty.exit_code, empty.stderr) == (2, "error: no definitions found in empty\n")


@pytest.mark.usefixtures("deployed")
def test_list_shows_each_schedule_with_what_starts_it(perdure) -> None:
    shown = perdure("schedules", "list").stdout

    for part in ("placed/hourly", "every 1h", "event order.placed", "30 2 * * * Europe/Berlin", "active"):
        assert part in shown
    rows = document(perdure("schedules", "list", "--workflow", "report", "-o", "json"))["schedules"]
    assert [row["id"] for row in rows] == ["report"]


@pytest.mark.usefixtures("deployed")
def test_next_shows_local_times_with_offset_utc_and_the_clock(perdure) -> None:
    shown = perdure("schedules", "next", "report", "-n", "400").stdout

    assert shown.startswith("LOCAL TIME ")
    assert "02:30 is skipped, so it fires at 03:30" in shown
    assert "02:30 comes twice, this is the first" in shown
    assert "WITH JITTER" in perdure("schedules", "next", "placed/hourly").stdout
    assert perdure("schedules", "next", "placed/new").stdout == "no times: none is left, or events start its runs\n"
    times = document(perdure("schedules", "next", "report", "-n", "2", "-o", "json"))["times"]
    assert [set(time) for time in times] == [{"at", "local", "due", "note"}] * 2


@pytest.mark.usefixtures("deployed")
def test_pause_and_resume(perdure) -> None:
    assert perdure("schedules", "pause", "report", "--note", "holidays").stderr == "report is paused\n"
    shown = perdure("schedules", "show", "report").stdout
    assert "paused" in shown
    assert "holidays" in shown

    assert perdure("schedules", "resume", "report").stderr == "report goes on\n"
    assert document(perdure("schedules", "show", "report", "-o", "json"))["status"] == "active"


@pytest.mark.usefixtures("deployed")
def test_trigger_starts_a_run_that_a_worker_moves(perdure) -> None:
    started = perdure("schedules", "trigger", "report")
    run = started.stdout.strip()
    assert run.startswith("report/trigger/")
    assert f"runs watch {run}" in started.stderr

    assert document(perdure("runs", "show", run, "-o", "json"))["labels"] == {"schedule": "report"}
    refused = perdure("schedules", "trigger", "placed/new")
    assert (refused.exit_code, refused.stderr) == (2, "error: the schedule placed/new needs a message\n")
    placed = perdure("schedules", "trigger", "placed/new", "--message", '{"order": 7}').stdout.strip()
    assert document(perdure("runs", "show", placed, "-o", "json"))["input"] == {"order": 7}


@pytest.mark.usefixtures("deployed")
def test_backfill_starts_what_had_no_run(perdure) -> None:
    words = ("schedules", "backfill", "placed/hourly", "2026-01-01T00:00:00Z", "2026-01-01T03:00:00Z")

    assert perdure(*words).stdout.split() == [f"placed/hourly/2026-01-01T0{hour}:00:00Z" for hour in range(3)]
    again = perdure(*words)
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "every time between them has had its run\n"
    later = document(perdure("schedules", "backfill", "report", "2026-01-01", "2026-01-03", "-o", "json"))
    assert later["runs"] == ["report/2026-01-01T01:30:00Z", "report/2026-01-02T01:30:00Z"]
    assert perdure("schedules", "backfill", "report", "2026-01-03", "2026-01-01").exit_code == 2


@pytest.mark.usefixtures("deployed")
def test_a_schedule_that_is_not_there_is_not_found(perdure) -> None:
    missing = perdure("schedules", "show", "reprot")

    assert missing.exit_code == 3
    assert missing.stderr == "error: no schedule has the id reprot; did you mean report?\n"


def test_a_worker_starts_what_is_due(project: Path, perdure, spawn) -> None:
    (project / "definitions" / "often.yaml").write_text(
        "workflow: often\nschedule: {every: 1s, overlap: allow}\nsteps: [{set: {a: 1}}]\n"
    )
    assert perdure("deploy", "often").exit_code == 0
    worker = spawn("worker")
    worker.line("worker")

    def ran() -> bool:
        return "completed" in perdure("runs", "list", "--workflow", "often").stdout

    eventually(ran)
