"""`perdure fmt`: which files, what it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from cli_project import document

ROOT = Path(__file__).parents[2]
SLOPPY = "workflow:   a\nsteps:\n- wait: 3d   # long\n  id: one\n"
NEAT = "workflow: a\n\nsteps:\n  - id: one\n    wait: 3d # long\n"


@pytest.fixture
def sloppy(project: Path) -> Path:
    """The project's only definition, and a test beside it."""
    for file in (project / "definitions").iterdir():
        file.unlink()
    found = project / "definitions" / "a.yaml"
    found.write_text(SLOPPY)
    found.with_suffix(".test.yaml").write_text("test:   ./a.yaml\ncases:\n- {name: x,   input: {}}\n")
    return found


def test_definitions_and_tests_are_written_anew_in_place(sloppy: Path, perdure):
    sloppy.chmod(0o640)
    (sloppy.parent / "values.yaml").write_text("a:   1\n")
    (sloppy.parent / "b.json").write_text('{"workflow":   "b", "steps": []}')
    told = perdure("fmt")
    assert told.exit_code == 0
    assert told.stdout == "formatted definitions/a.test.yaml\nformatted definitions/a.yaml\n"
    assert sloppy.read_text() == NEAT
    assert stat.S_IMODE(sloppy.stat().st_mode) == 0o640
    assert sloppy.with_suffix(".test.yaml").read_text() == "test: ./a.yaml\n\ncases:\n  - {name: x, input: {}}\n"
    assert (sloppy.parent / "values.yaml").read_text() == "a:   1\n"
    assert sorted(file.name for file in sloppy.parent.iterdir()) == ["a.test.yaml", "a.yaml", "b.json", "values.yaml"]
    before = sloppy.stat().st_mtime_ns
    again = perdure("fmt")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "2 files unchanged\n")
    assert sloppy.stat().st_mtime_ns == before


def test_check_names_what_would_change_and_changes_nothing(sloppy: Path, perdure):
    told = perdure("fmt", "--check", "definitions/a.yaml")
    assert (told.exit_code, told.stdout) == (1, "would format definitions/a.yaml\n")
    assert told.stderr == "1 file would be formatted\n"
    assert sloppy.read_text() == SLOPPY
    assert document(perdure("fmt", "--check", "-o", "json"))["files"][1] == {
        "file": "definitions/a.yaml",
        "change": "formatted",
    }
    sloppy.write_text(NEAT)
    assert perdure("fmt", "--check", "definitions/a.yaml").exit_code == 0


def test_diff_shows_what_would_change(sloppy: Path, perdure):
    told = perdure("fmt", "--diff", "definitions/a.yaml")
    assert told.exit_code == 0
    assert told.stdout.startswith("--- definitions/a.yaml\n+++ definitions/a.yaml\n@@ ")
    assert "-workflow:   a\n+workflow: a\n" in told.stdout
    assert sloppy.read_text() == SLOPPY
    assert perdure("fmt", "--diff", "--check").exit_code == 1


def test_standard_input_goes_to_standard_output(project: Path, perdure):
    told = perdure("fmt", "-", input=SLOPPY)
    assert (told.exit_code, told.stdout, told.stderr) == (0, NEAT, "")
    assert perdure("fmt", "-", "--check", input=SLOPPY).exit_code == 1
    assert perdure("fmt", "-", "--check", input=NEAT).exit_code == 0
    wrong = perdure("fmt", "-", input="a: [\n")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "<stdin>:2:1: WF101" in wrong.stderr
    assert perdure("fmt", "-", "definitions", input=SLOPPY).exit_code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"workflow: a\n\tsteps: []\n", "WF101"),
        (b"workflow: a\nsteps: [{wait: {{ x }}}]\n", "WF103"),
        (b"workflow: a\nworkflow: b\n", "WF102"),
        (b"workflow: \xff\n", "WF107"),
        (b"\xff\xfew\x00o\x00", "WF107"),
        (b"workflow: a\x1b[2J\n", "WF108"),
        (b"workflow: a\n---\nworkflow: b\n", "WF109"),
        (b"", "WF110"),
        (b"workflow: " + b"a" * 1_100_000, "WF112"),
        (b"a: &a [x, x]\n" + b"".join(b"b%d: &b%d [*b%d]\n" % (n, n, n) for n in range(9)), "WF116"),
        (b"workflow: a\na: " + b"[" * 300 + b"]" * 300, "nested more than 200 deep"),
    ],
)
def test_a_file_that_cannot_be_formatted_is_named_and_left_alone(sloppy: Path, perdure, content: bytes, said: str):
    broken = sloppy.parent / "broken.yaml"
    broken.write_bytes(content)
    told = perdure("fmt", "definitions/broken.yaml", "definitions/a.yaml")
    assert told.exit_code == 1
    assert said in told.stderr
    assert "broken.yaml" in told.stderr
    assert broken.read_bytes() == content
    assert sloppy.read_text() == NEAT


def test_a_byte_order_mark_goes_and_carriage_returns_stay(sloppy: Path, perdure):
    sloppy.write_bytes(b"\xef\xbb\xbf" + SLOPPY.replace("\n", "\r\n").encode())
    assert perdure("fmt").exit_code == 0
    assert sloppy.read_bytes() == NEAT.replace("\n", "\r\n").encode()


def test_a_link_goes_on_pointing_at_its_file(sloppy: Path, perdure):
    link = sloppy.parent / "link.yaml"
    link.symlink_to("a.yaml")
    assert perdure("fmt", "definitions/link.yaml").exit_code == 0
    assert link.is_symlink()
    assert sloppy.read_text() == NEAT


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_left_alone(sloppy: Path, perdure):
    sloppy.chmod(0o444)
    told = perdure("fmt")
    assert told.exit_code == 2
    assert "may not be written" in told.stderr
    assert sloppy.read_text() == SLOPPY


def test_what_is_not_there_or_is_no_yaml_is_said(project: Path, perdure):
    assert perdure("fmt", "missing.yaml").exit_code == 3
    (project / "a.json").write_text("{}")
    assert "fmt lays out files .yaml and .yml" in perdure("fmt", "a.json").stderr
    (project / "empty").mkdir()
    assert perdure("fmt", "empty").exit_code == 2


def test_what_this_repository_ships_is_formatted(perdure):
    shipped = [str(ROOT / "definitions"), str(ROOT / "interpreter/perdure/cli/project/definitions")]
    told = perdure("fmt", "--check", *shipped)
    assert (told.exit_code, told.stdout) == (0, "")


def test_there_is_a_hook_for_it():
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text()
    found = re.search(r"- id: perdure-fmt\n(?:  .*\n)*?  entry: (.*)\n(?:  .*\n)*?  files: (.*)\n", hooks)
    assert found is not None
    assert found[1] == "perdure fmt"
    assert re.search(found[2], "definitions/a.test.yaml")
    assert not re.search(found[2], "docs/a.yaml")


def test_five_hundred_steps_are_formatted(sloppy: Path, perdure):
    step = "  # about it\n  - activity: mail.send   # why\n    id: s{n}\n    with: {{to: '{{{{ input.to }}}}'}}\n"
    sloppy.write_text("workflow: a\nsteps:\n" + "".join(step.format(n=n) for n in range(500)))
    assert perdure("fmt").exit_code == 0
    assert sloppy.read_text().count("# about it\n  - id: s") == 500
