"""`perdure dev` in a project: what it does after a change, what it survives, how it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from cli_project import Process, eventually

HELLO = """
workflow: hello
version: "{version}"
steps:
  - id: said
    activity: text.say
    with: {{text: "{text}"}}
    timeout: 30s
output: "{{{{ steps.said }}}}"
"""
TEST = """
test: ./hello.yaml
cases:
  - name: it says so
    mocks: [{activity: text.say, return: hello}]
    expect: {output: hello}
"""
WAITING = """
workflow: waiting
steps:
  - id: first
    activity: text.say
    with: {text: first}
    timeout: 30s
  - id: go
    wait: {signal: go, timeout: 1d}
  - id: second
    activity: text.say
    with: {text: second}
    timeout: 30s
output: "{{ steps.first }} {{ steps.second }}"
"""
SAY = """
from perdure import activity


@activity("text.say")
async def say(text: str) -> str:
    return "{0} " + text
"""


@pytest.fixture
def small(project: Path) -> Path:
    """A project with two definitions, a test and one activity."""
    for file in (project / "definitions").iterdir():
        file.unlink()
    (project / "definitions/hello.yaml").write_text(HELLO.format(version=1, text="hello"))
    (project / "definitions/hello.test.yaml").write_text(TEST)
    (project / "definitions/waiting.yaml").write_text(WAITING)
    (project / "shop_activities.py").write_text(SAY.format("old"))
    return project


def ended(process: Process) -> int:
    return process.ended()[0]


def test_what_changes_is_checked_tested_and_deployed(small: Path, spawn, perdure):
    process = spawn("dev")
    process.line("2 files checked")
    process.line("1 file, 1 case: 1 holds")
    process.line("deployed hello 1")
    process.line("deployed waiting")
    process.line("started")
    process.line("waiting for a change")

    file = small / "definitions/hello.yaml"
    file.write_text(HELLO.format(version=2, text="hello again"))
    process.line("definitions/hello.yaml changed")
    process.line("1 file checked")
    process.line("1 file, 1 case: 1 holds")
    process.line("deployed hello 2")
    process.line("waiting for a change")
    assert perdure("run", "hello", "--detach", "--id", "a").exit_code == 0
    assert perdure("runs", "result", "a", "--timeout", "30s").stdout == '"old hello again"\n'

    file.write_text(HELLO.format(version=3, text="{{ nothing }}"))
    process.line("WF304")
    process.line("definitions/hello.yaml is not deployed; what was deployed before stays")
    process.line("waiting for a change")
    file.unlink()
    process.line("definitions/hello.yaml changed")
    process.line("hello.yaml")
    process.line("waiting for a change")
    assert perdure("run", "hello", "--detach", "--id", "b").exit_code == 0
    assert perdure("runs", "result", "b", "--timeout", "30s").stdout == '"old hello again"\n'

    file.write_text(HELLO.format(version=4, text="repaired"))
    process.line("deployed hello 4")
    process.line("waiting for a change")
    (small / "definitions/hello.test.yaml").write_text(TEST.replace("output: hello", "output: bye"))
    process.line("fails definitions/hello.test.yaml:4: it says so")
    process.line("waiting for a change")
    process.send(signal.SIGINT)
    assert ended(process) == 0


def test_changed_activities_are_used_and_a_waiting_run_survives(small: Path, spawn, perdure):
    process = spawn("dev", "--no-tests")
    process.line("started")
    process.line("waiting for a change")
    assert perdure("run", "waiting", "--detach", "--id", "w").exit_code == 0
    eventually(lambda: "waiting" in perdure("runs", "show", "w").stdout and "go" in perdure("runs", "show", "w").stdout)

    code = small / "shop_activities.py"
    code.write_text("def broken(:\n")
    process.line("shop_activities.py changed")
    process.line("activities do not load")
    process.line("the worker keeps the code it has")
    process.line("waiting for a change")
    assert perdure("run", "hello", "--detach", "--id", "a").exit_code == 0
    assert perdure("runs", "result", "a", "--timeout", "30s").stdout == '"old hello"\n'

    code.write_text(SAY.format("new"))
    process.line("restarted")
    process.line("waiting for a change")
    assert perdure("runs", "signal", "w", "go").exit_code == 0
    assert perdure("runs", "result", "w", "--timeout", "30s").stdout == '"old first new second"\n'
    process.send(signal.SIGTERM)
    assert ended(process) == 0


def test_activities_that_do_not_load_at_first_are_waited_for(small: Path, spawn):
    code = small / "shop_activities.py"
    code.write_text("import nothing_of_this_name\n")
    process = spawn("dev")
    process.line("activities do not load")
    process.line("the worker is started once they load")
    process.line("waiting for a change")
    code.write_text(SAY.format("new"))
    process.line("1 file, 1 case: 1 holds")
    process.line("started")
    process.send(signal.SIGINT)
    assert ended(process) == 0


def test_without_a_worker_definitions_are_deployed_all_the_same(small: Path, spawn, perdure):
    process = spawn("dev", "--no-worker")
    process.line("deployed hello 1")
    assert "worker" not in process.line("waiting for a change")
    assert perdure("run", "hello", "--detach", "--id", "a").exit_code == 0
    assert perdure("runs", "result", "a", "--timeout", "100ms").exit_code == 6
    process.send(signal.SIGINT)
    assert ended(process) == 0


def test_a_worker_that_dies_is_told_of_and_started_again_with_the_next_change(small: Path, spawn):
    process = spawn("dev", "--no-tests")
    worker = int(process.line("started").split()[1])
    process.line("waiting for a change")
    os.kill(worker, signal.SIGKILL)
    process.line("the worker has ended with -9")
    (small / "definitions/hello.yaml").write_text(HELLO.format(version=2, text="hello"))
    process.line("deployed hello 2")
    process.line("started")
    process.send(signal.SIGINT)
    assert ended(process) == 0


def test_the_worker_does_not_outlive_a_dev_that_is_killed(small: Path, spawn):
    process = spawn("dev", "--no-tests")
    worker = int(process.line("started").split()[1])
    process.line("waiting for a change")
    process.send(signal.SIGKILL)
    assert ended(process) == -9

    def is_gone() -> bool:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{worker}/stat").read_text().split()[2] == "Z"

    eventually(is_gone)


def test_a_store_in_memory_is_refused(small: Path, perdure):
    told = perdure("dev", "--store", "memory://")
    assert told.exit_code == 2
    assert "outlives a process" in told.stderr


def test_a_change_concerns_what_names_it(small: Path):
    from perdure.cli.developing.affected import concerned

    parent = small / "definitions/parent.yaml"
    parent.write_text("workflow: parent\nsteps: [{workflow: hello}]\n")
    (small / "definitions/parent.test.yaml").write_text("test: ./parent.yaml\ncases: []\n")
    found = concerned([small / "definitions/hello.yaml"])
    assert found.definitions == ["definitions/hello.yaml", "definitions/parent.yaml"]
    assert found.tests == ["definitions/hello.test.yaml", "definitions/parent.test.yaml"]
    assert not found.code
    only = concerned([small / "definitions/parent.test.yaml"])
    assert (only.definitions, only.tests) == ([], ["definitions/parent.test.yaml"])
    assert not concerned([small / "data.json"])
    assert concerned([small / "shop_activities.py"]).code


def test_definitions_that_are_checked_together_are_looked_at_together(small: Path, perdure):
    for name, other in (("here", "there"), ("there", "here")):
        (small / f"definitions/{name}.yaml").write_text(f"workflow: {name}\nsteps:\n  - {{workflow: {other}}}\n")
    wanted = {"definitions": ["definitions/here.yaml", "definitions/there.yaml"], "tests": [], "code": False}

    told = perdure("dev", "--round", input=json.dumps(wanted))

    assert told.exit_code == 0
    assert "WF421" in told.stderr
    assert [line for line in told.stderr.splitlines() if line.startswith("deployed")] == [
        "deployed here",
        "deployed there",
    ]
