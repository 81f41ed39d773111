"""pytest collects files of tests with nothing configured; each case is an item of its own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DEFINITION = """
workflow: it
steps:
  - {id: work, activity: shop.work, with: {n: 1}}
output: "{{ steps.work }}"
"""
CASES = """
test: ./it.yaml
activities: {unmocked: real}
cases:
  - name: it works for real
    expect: {output: 2}
  - name: it says what is wrong
    mocks: [{step: work, return: 3}]
    expect: {output: 4}
"""
ACTIVITIES = """
from perdure import activity

@activity("shop.work")
def work(n: int) -> int:
    return n + 1
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """pytest as a process in a project where Perdure is installed, as its metadata say."""
    metadata = tmp_path / "site" / "perdure_here-0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: perdure-here\nVersion: 0\n")
    (metadata / "entry_points.txt").write_text("[pytest11]\nperdure = perdure.testing.pytest_plugin\n")
    project = tmp_path / "project"
    (project / "definitions").mkdir(parents=True)
    (project / "perdure.toml").write_text('activities = ["shop_work.py"]\n')
    (project / "shop_work.py").write_text(ACTIVITIES)
    (project / "definitions" / "it.yaml").write_text(DEFINITION)
    (project / "definitions" / "it.test.yaml").write_text(CASES)

    def call(*words: str, **files: str) -> tuple[int, str]:
        for name, text in files.items():
            (project / "definitions" / f"{name}.test.yaml").write_text(text)
        path = [str(tmp_path / "site"), str(ROOT / "interpreter")]
        code = f"import sys; sys.path[:0] = {path!r}; import pytest; sys.exit(pytest.main())"
        command = [sys.executable, "-c", code, "-p", "no:cacheprovider", *words]
        ended = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    return call


def test_the_plugin_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"perdure": "perdure.testing.pytest_plugin"}


def test_cases_are_collected_and_run(run: Run) -> None:
    code, out = run("definitions/", "-v")
    assert "definitions/it.test.yaml::it works for real PASSED" in out
    assert "definitions/it.test.yaml::it says what is wrong FAILED" in out
    assert code == 1


def test_a_failure_is_the_report_and_no_traceback(run: Run) -> None:
    _, out = run("definitions/")
    assert (
        "definitions/it.test.yaml:7: it says what is wrong\n"
        "  definitions/it.test.yaml:9: expect.output\n"
        "    expected 4\n"
        "    found    3\n"
        "  path: work\n"
    ) in out
    assert "Traceback" not in out
    assert "pytest_plugin.py" not in out


def test_cases_are_picked_as_any_tests_are(run: Run) -> None:
    code, out = run("definitions/", "-q", "-k", "real")
    assert (code, "1 passed, 1 deselected" in out) == (0, True)


def test_a_file_that_cannot_be_used_is_an_error_of_collection(run: Run) -> None:
    code, out = run("definitions/", broken="test: ./it.yaml\ncases: [{nam: it}]\n")
    assert "broken.test.yaml:2:10: WF201 unknown-key" in out
    assert "Traceback" not in out
    assert code == 2


def test_files_of_other_tools_are_left_alone(run: Run) -> None:
    code, out = run("definitions/", "-q", "-k", "real", other="suite: of another tool\n")
    assert (code, "other" in out) == (0, False)


def test_a_project_without_such_files_pays_almost_nothing() -> None:
    code = (
        "import sys, perdure.testing.pytest_plugin; print([name for name in sys.modules if name.startswith('perdure')])"
    )
    path = f"import sys; sys.path.insert(0, {str(ROOT / 'interpreter')!r}); "
    out = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "['perdure', 'perdure.testing', 'perdure.testing.pytest_plugin']"
