"""`diff`: two files, two revisions of git, what is written and which exit code it gives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

OLD = "workflow: d\ninput: {type: object}\nsteps:\n  - id: a\n    wait: 1s\n"
NEW = OLD.replace("1s", "2s").replace("{type: object}", "{type: object, required: [n]}")


@pytest.fixture
def files(perdure) -> None:
    Path("old.yaml").write_text(OLD)
    Path("new.yaml").write_text(NEW)


def git(*words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


def test_two_files_are_compared(perdure, files) -> None:
    result = perdure("diff", "old.yaml", "new.yaml")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        "  ~ input.n is required now (breaking for callers)",
        "  ~ a wait: 1s → 2s",
    ]
    assert perdure("diff", "old.yaml", "old.yaml", "--detailed-exitcode").exit_code == 0
    assert perdure("diff", "old.yaml", "new.yaml", "--detailed-exitcode").exit_code == 10
    assert (
        "- **changed** `a` wait: `1s` → `2s`" in perdure("diff", "old.yaml", "new.yaml", "--format", "markdown").stdout
    )
    found = json.loads(perdure("diff", "old.yaml", "new.yaml", "-o", "json").stdout)
    assert [change["subject"] for change in found["changes"]] == ["input", "a"]


def test_long_values_are_shown_from_shortly_before_they_differ(perdure) -> None:
    old = "workflow: d\nsteps:\n  - id: a\n    activity: mail.send\n    with: {text: " + 100 * "x" + " one}\n"
    Path("old.yaml").write_text(old)
    Path("new.yaml").write_text(old.replace("one", "two"))
    [_, line] = perdure("diff", "old.yaml", "new.yaml").stdout.splitlines()
    assert f"…{19 * 'x'} one" in line
    assert f" → …{19 * 'x'} two" in line


def test_values_that_differ_in_spaces_or_quotes_alone_are_told_apart(perdure) -> None:
    old = "workflow: d\nsteps:\n  - id: a\n    set: {n: '1 2'}\nvars: {n: 0}\n"
    Path("old.yaml").write_text(old)
    Path("new.yaml").write_text(old.replace("1 2", "1  2"))
    [_, line] = perdure("diff", "old.yaml", "new.yaml").stdout.splitlines()
    assert line.endswith('"1 2" → "1  2"')


def test_a_file_is_compared_with_what_it_was_in_git(perdure, files) -> None:
    Path("old.yaml").write_text("workflow: d\nimports: {parts: ./parts.yaml}\nsteps:\n  - use: parts.one\n")
    Path("parts.yaml").write_text("fragments:\n  one:\n    steps: [{wait: 1s}]\n")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    assert perdure("diff", "old.yaml").stdout.endswith("no difference\n")
    Path("old.yaml").write_text("workflow: d\nimports: {parts: ./parts.yaml}\nsteps:\n  - wait: 5s\n")
    lines = perdure("diff", "old.yaml").stdout.splitlines()
    assert lines[1:] == ["  + wait wait 5s", "  - parts.one use parts.one"]
    assert perdure("diff", "HEAD:old.yaml", "HEAD:old.yaml").stdout.endswith("no difference\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("none.yaml", "new.yaml"), 3, "there is no file none.yaml"),
        (("old.yaml", "broken.yaml"), 1, "WF"),
        (("nope:old.yaml", "new.yaml"), 2, "git"),
    ],
)
def test_what_cannot_be_compared_is_said(perdure, files, words: tuple[str, ...], code: int, said: str) -> None:
    Path("broken.yaml").write_text("workflow: d\nsteps: 3\n")
    result = perdure("diff", *words)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr


def test_a_file_outside_of_the_repository_is_in_no_revision(perdure, files, tmp_path) -> None:
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    result = perdure("diff", "HEAD:../../elsewhere.yaml", "new.yaml")
    assert (result.exit_code, "outside of the repository" in result.stderr) == (3, True)


def test_without_git_it_is_said_how_to_compare(perdure, files) -> None:
    result = perdure("diff", "old.yaml")
    assert result.exit_code == 2
    assert "HEAD:old.yaml is a file in a revision of git, but there is no git repository around" in result.stderr
    assert "without one, compare two files" in result.stderr
    assert perdure("diff", "old.yaml", "new.yaml").exit_code == 0


def test_a_repository_that_git_refuses_is_not_called_missing(perdure, files) -> None:
    git("init", "-q")
    Path(".git/config").write_text("[core\n")
    result = perdure("diff", "old.yaml")
    assert (result.exit_code, "git refuses: " in result.stderr, "config" in result.stderr) == (2, True, True)
