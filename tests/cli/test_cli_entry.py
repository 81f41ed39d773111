"""The outermost group: help, suggestions, options, errors, start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from cli_project import PERDURE, document

from perdure.cli.entry import COMMANDS, main
from perdure.cli.lazy import LazyGroup

HEAVY = ("rich", "pydantic", "jsonschema", "jinja2", "yaml", "aiosqlite", "asyncio", "croniter", "logging")


ASK_FOR_HELP = f"""
import sys
from perdure.cli import main
try:
    main(["--help"])
except SystemExit:
    print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_help_imports_nothing_that_is_slow():
    told = subprocess.run([sys.executable, "-c", ASK_FOR_HELP], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "[]"


CHECK = """
import atexit, gc, sys
from perdure.cli import main
atexit.register(lambda: print(sorted(name for name in {heavy!r} if name in sys.modules), gc.get_freeze_count() > 0))
main()
"""
UNUSED = (
    "rich", "pydantic", "pydantic_core", "jsonschema", "aiosqlite", "sqlite3", "asyncio", "croniter", "zoneinfo",
    "perdure.program.nodes", "socket", "importlib.metadata", "email", "perdure.core", "perdure.stores",
    "perdure.engine",
)  # fmt: skip
ORDINARY = """\
workflow: ordinary
input: {properties: {n: {type: integer}}}
steps:
  - id: ask
    if: "input.n > 1"
    activity: http.request
    with: {url: "https://example.com/{{ input.n }}", method: GET}
"""


def test_validate_imports_nothing_that_an_ordinary_definition_does_not_need(tmp_path):
    """What is left when it ends goes back to the system without being looked through for cycles."""
    (tmp_path / "ordinary.yaml").write_text(ORDINARY)
    code = CHECK.format(heavy=UNUSED)
    told = subprocess.run(
        [sys.executable, "-c", code, "validate", "ordinary.yaml"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (told.stdout.splitlines()[-1:], told.returncode) == (["[] True"], 0), told.stderr


INTRICATE = """\
from dataclasses import dataclass
from perdure import activity
@dataclass
class Order:
    id: str
    parts: dict[str, "Order"]
@activity("shop.order")
async def order(order: Order) -> Order:
    return order
"""


def test_activities_that_a_definition_does_not_call_are_not_described(tmp_path):
    (tmp_path / "perdure.toml").write_text('activities = ["shop.py"]\n')
    (tmp_path / "shop.py").write_text(INTRICATE)
    (tmp_path / "ordinary.yaml").write_text(
        ORDINARY + "    catch: [{errors: [Timeout, http.4*], steps: [{return: 1}]}]\n"
    )
    code = CHECK.format(heavy=("pydantic",))
    called = [sys.executable, "-c", code, "validate", "ordinary.yaml"]
    told = subprocess.run(called, capture_output=True, text=True, cwd=tmp_path)
    assert (told.stdout.splitlines()[-1:], told.returncode) == (["[] True"], 0), told.stderr
    (tmp_path / "calls.yaml").write_text(ORDINARY.replace("http.request", "shop.order"))
    told = subprocess.run([*called[:-1], "calls.yaml"], capture_output=True, text=True, cwd=tmp_path)
    assert told.stdout.splitlines()[-1:] == ["['pydantic'] True"], told.stderr


def _groups(command: click.Command, path: str = "perdure"):
    if isinstance(command, LazyGroup):
        yield path, command
        for name in command.places:
            yield from _groups(command.get_command(click.Context(command), name), f"{path} {name}")


def test_every_command_is_there_and_has_the_help_that_its_group_promises():
    for path, group in _groups(main):
        for name, place in group.places.items():
            command = group.get_command(click.Context(group), name)
            assert command is not None, f"{path} {name}"
            assert command.name == name
            assert command.help, f"{path} {name}"
            assert place.summary.endswith(".")


def test_no_words_show_the_help(perdure):
    result = perdure()
    assert result.exit_code == 2
    assert all(name in result.output for name in COMMANDS)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["explan"], "explain"),
        (["runs", "lst"], "list"),
        (["run", "x", "--detatch"], "--detach"),
        (["validate", "--selct", "WF1"], "--select"),
        (["--stor", "x"], "--store"),
        (["explain", "unknown-stp"], "unknown-step"),
        (["activities", "show", "payments.chrge"], "payments.charge"),
        (["run", "book-tripp"], "book-trip"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_nearest(perdure, words, meant):
    result = perdure(*words)
    assert result.exit_code in (2, 3)
    assert meant in result.stderr
    assert "ean" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "words", [["-o", "json", "runs", "list"], ["runs", "-o", "json", "list"], ["runs", "list", "-o", "json"]]
)
def test_global_options_may_stand_anywhere(perdure, words):
    assert document(perdure(*words)) == {"format_version": 1, "runs": []}


def test_the_later_of_option_environment_and_configuration_wins(project: Path, perdure, monkeypatch):
    (project / "perdure.toml").write_text('store = "of-config.db"\nactivities = ["shop_activities.py"]\n')
    words = ("run", "question", "--detach", "--id", "q")
    assert perdure(*words).exit_code == 0
    monkeypatch.setenv("PERDURE_STORE", "of-environment.db")
    assert perdure(*words).exit_code == 0
    assert perdure(*words, "--store", "sqlite:///of-option.db").exit_code == 0
    stores = sorted(file.name for file in project.glob("*.db"))
    assert stores == ["of-config.db", "of-environment.db", "of-option.db"]
    assert not (project / ".perdure").exists()


def test_a_store_in_the_configuration_is_relative_to_the_project(project: Path, perdure, monkeypatch):
    (project / "perdure.toml").write_text('store = "sqlite:///runs of all.db"\n')
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    assert perdure("run", "question", "--detach").exit_code == 0
    assert (project / "runs of all.db").exists()


def test_the_default_store_lies_in_the_project_and_version_control_ignores_it(project: Path, perdure):
    assert perdure("run", "question", "--detach").exit_code == 0
    assert (project / ".perdure" / "runs.db").exists()
    assert (project / ".perdure" / ".gitignore").read_text() == "*\n"


def test_looking_creates_no_store(project: Path, perdure):
    assert perdure("runs", "list").stdout == "no runs\n"
    assert perdure("runs", "show", "x").exit_code == 3
    assert not (project / ".perdure").exists()
    missing = perdure("runs", "list", "--store", "sqlite:///missing.db")
    assert (missing.exit_code, missing.stderr) == (5, "error: there is no store at missing.db\n")
    assert not (project / "missing.db").exists()


def test_a_store_that_is_none_has_exit_code_5(project: Path, perdure):
    (project / "text.db").write_text("this is not a database, whatever its name says" * 100)
    result = perdure("runs", "list", "--store", "text.db")
    assert result.exit_code == 5
    assert "Traceback" not in result.stderr
    assert perdure("runs", "list", "--store", "postgresql://somewhere/x").exit_code == 5
    assert perdure("runs", "list", "--store", "nonsense").exit_code == 5


def test_a_wrong_configuration_is_a_usage_error_without_traceback(project: Path, perdure):
    (project / "perdure.toml").write_text("activities = 3\n")
    result = perdure("activities", "list")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    (project / "perdure.toml").write_text("this is [no toml")
    assert perdure("run", "book-trip").exit_code == 2
    (project / "perdure.toml").write_text('store = ["x.db"]\n')
    result = perdure("runs", "list")
    said = f"error: {project / 'perdure.toml'}:1: store must be a URL or a path, not ['x.db']\n"
    assert (result.exit_code, result.stderr) == (2, said)
    (project / "perdure.toml").write_text('stroe = "x.db"\n')
    result = perdure("runs", "list")
    said = f"error: {project / 'perdure.toml'}:1: there is no setting 'stroe'; did you mean store?\n"
    assert (result.exit_code, result.stderr) == (2, said)


def test_a_store_whose_directories_are_mistyped_makes_none(project: Path, perdure):
    result = perdure("run", "question", "--detach", "--store", "sqlite:///rusn/of/shop.db")
    assert result.exit_code == 5
    assert "there is no directory" in result.stderr
    assert not (project / "rusn").exists()


def test_activities_that_do_not_import_are_a_usage_error(project: Path, perdure):
    (project / "shop_activities.py").write_text("import nothing_of_this_name\n")
    result = perdure("validate")
    assert result.exit_code == 2
    assert "nothing_of_this_name" in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback(perdure, monkeypatch):
    assert "Traceback" in perdure("--debug", "runs", "show", "x").stderr
    assert "Traceback" in perdure("runs", "show", "x", "--debug").stderr
    monkeypatch.setenv("PERDURE_DEBUG", "1")
    assert "Traceback" in perdure("runs", "show", "x").stderr


def test_a_fault_of_ours_is_one_line(perdure, monkeypatch):
    monkeypatch.setattr("perdure.definition.schema.text", lambda: 1 / 0)
    result = perdure("schema")
    assert result.exit_code == 1
    assert result.stderr == "error: a fault in Perdure: ZeroDivisionError: division by zero (--debug shows where)\n"


def test_a_reader_that_goes_away_is_no_error(project: Path):
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([*PERDURE, "schema"], stdout=write, stderr=subprocess.PIPE, text=True, cwd=project)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["schema"], ["--help"], ["explain"]])
def test_output_that_cannot_be_written_has_exit_code_5(project: Path, words):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([*PERDURE, *words], stdout=full, stderr=subprocess.PIPE, text=True, cwd=project)
    assert (ended.returncode, ended.stderr) == (5, "error: the output cannot be written: No space left on device\n")


def test_an_environment_variable_with_no_such_choice_is_a_usage_error(perdure, monkeypatch):
    monkeypatch.setenv("PERDURE_OUTPUT", "xml")
    result = perdure("runs", "list")
    assert result.exit_code == 2
    assert "PERDURE_OUTPUT" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(perdure, shell):
    result = perdure("completion", shell)
    assert result.exit_code == 0
    assert "_PERDURE_COMPLETE" in result.stdout


def test_the_shell_is_offered_commands_and_options(project: Path):
    environment = {"_PERDURE_COMPLETE": "bash_complete", "COMP_WORDS": "perdure runs s", "COMP_CWORD": "2"}
    told = subprocess.run(PERDURE, env=environment, capture_output=True, text=True, cwd=project)
    assert told.stdout.split() == ["plain,show", "plain,signal"]


INTERRUPTED = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from perdure.cli import main
main(["validate", "--no-activities"])
"""


@pytest.mark.parametrize("name", ["click", "perdure.cli.lazy", "perdure.cli.validate", "perdure.definition", "yaml"])
def test_an_interruption_while_modules_are_imported_is_no_traceback(project, name):
    told = subprocess.run([sys.executable, "-c", INTERRUPTED.format(name=name)], capture_output=True, text=True)
    assert (told.returncode, told.stdout, "Traceback" in told.stderr) == (130, "", False)
