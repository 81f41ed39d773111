"""`--queue` and `--secrets`, their environment and their settings."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from cli_project import eventually

SHOUT = """
workflow: shout
steps:
  - {id: say, activity: text.say, with: {text: "key {{ secrets.token }}"}, timeout: 30s}
"""

QUEUED = """
workflow: queued
steps:
  - {id: here, activity: files.note, with: {file: notes, text: here}, timeout: 30s}
  - {id: there, activity: files.note, with: {file: notes, text: there}, queue: gpu, timeout: 5m}
"""


@pytest.fixture
def shout(project: Path) -> Path:
    (project / "definitions" / "shout.yaml").write_text(SHOUT.lstrip())
    (project / "definitions" / "queued.yaml").write_text(QUEUED.lstrip())
    (project / "safe").mkdir()
    (project / "safe" / "token").write_text("from-a-file\n")
    return project


def test_a_secret_comes_from_the_environment_and_is_masked(shout: Path, perdure, monkeypatch):
    monkeypatch.setenv("PERDURE_SECRET_TOKEN", "sk-4711-live")
    result = perdure("run", "shout", "-o", "json", "--id", "a")
    assert result.exit_code == 0, result.stderr
    assert "key ***" in result.stdout
    shown = [result, perdure("runs", "history", "a", "-o", "json"), perdure("runs", "show", "a")]
    assert not any("sk-4711" in one.stdout + one.stderr for one in shown)


def test_a_secret_that_is_missing_is_named_with_the_way_to_set_it(shout: Path, perdure):
    result = perdure("run", "shout")
    assert result.exit_code == 1
    assert "PERDURE_SECRET_TOKEN" in result.stderr


@pytest.mark.parametrize("way", ["option", "url", "environment", "configuration"])
def test_secrets_come_from_a_directory(shout: Path, perdure, monkeypatch, way: str):
    options: tuple[str, ...] = ()
    match way:
        case "option":
            options = ("--secrets", "safe")
        case "url":
            options = ("--secrets", f"file://{shout}/safe")
        case "environment":
            monkeypatch.setenv("PERDURE_SECRETS", "safe")
        case "configuration":
            (shout / "perdure.toml").write_text('activities = ["shop_activities.py"]\nsecrets = "safe"\n')
    result = perdure("run", "definitions/shout.yaml", "-o", "json", *options)
    assert result.exit_code == 0, result.stderr
    assert "key ***" in result.stdout
    assert "from-a-file" not in result.stdout + result.stderr


@pytest.mark.parametrize("place", ["no/such/directory", "vault://x"])
def test_a_place_of_secrets_that_is_none_is_told_at_once(shout: Path, perdure, place: str):
    result = perdure("run", "shout", "--secrets", place)
    assert result.exit_code != 0
    assert "secrets" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_worker_runs_the_activities_of_its_queues(shout: Path, perdure, spawn):
    assert perdure("run", "queued", "--detach", "--id", "q").exit_code == 0
    first = spawn("worker", "--queue", "default=5")
    eventually(lambda: (shout / "notes").exists())
    eventually(lambda: "there" in perdure("runs", "show", "q").stdout)
    second = spawn("worker", "--queue", "gpu=1", "--queue", "mail")
    eventually(lambda: "completed" in perdure("runs", "show", "q").stdout)
    assert (shout / "notes").read_text().split() == ["here", "there"]
    for worker in (first, second):
        worker.send(signal.SIGTERM)
        assert worker.ended()[0] == 0


@pytest.mark.parametrize("words", [
    ("--queue", "gpu=0"), ("--queue", "gpu=many"), ("--queue", "gpu="), ("--queue", "two words"),
    ("--queue", "a", "--queue", "a=2"),
])  # fmt: skip
def test_a_queue_that_is_none_is_refused(project: Path, perdure, words: tuple[str, ...]):
    result = perdure("worker", *words)
    assert result.exit_code == 2
    assert "queue" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("line", "said"), [
    ("queues = 3", "queues must be a list of names or a table of limits, not 3"),
    ("queues = []", "queues must be a list of names or a table of limits, not []"),
    ("queues = {gpu = 0}", "queues must be a list of names or a table of limits, not {'gpu': 0}"),
    ("secrets = 3", "secrets must be env:, file:///… or a directory, not 3"),
])  # fmt: skip
def test_wrong_settings_are_named(project: Path, perdure, line: str, said: str):
    (project / "perdure.toml").write_text(f"{line}\n")
    result = perdure("runs", "list")
    assert (result.exit_code, result.stderr) == (2, f"error: {project / 'perdure.toml'}:1: {said}\n")


@pytest.mark.parametrize("way", ["environment", "list", "table"])
def test_settings_and_environment_name_the_queues_of_a_worker(shout: Path, perdure, spawn, monkeypatch, way: str):
    settings = {"environment": "", "list": 'queues = ["other"]', "table": "queues = {other = 3}"}[way]
    (shout / "perdure.toml").write_text(f'activities = ["shop_activities.py"]\n{settings}\n')
    if way == "environment":
        monkeypatch.setenv("PERDURE_QUEUES", "other=2, more")
    assert perdure("run", "queued", "--detach", "--id", "q").exit_code == 0
    spawn("worker")
    eventually(lambda: "AttemptQueued" in perdure("runs", "history", "q", "-o", "json").stdout)
    assert not (shout / "notes").exists()
