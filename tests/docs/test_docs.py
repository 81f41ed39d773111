"""The documentation cannot lie about what can be checked: generated parts, examples, links, and names."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
from collections.abc import Iterator
from dataclasses import fields
from inspect import isfunction
from pathlib import Path
from textwrap import indent

import pytest

import perdure
from perdure.activities import Registry
from perdure.definition import inspect
from perdure.definition.grammar import ByType, Items, Record, Ref, Shape, Table, Tagged
from perdure.definition.language import DEFINITION, LIBRARY, SHAPES
from perdure.testing.declared import report
from perdure.testing.declared.session import run_session

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*(?:\n[^\]\n]*)?\]\(([^)\s]+)\)")
RULES = DOCS / "reference" / "rules.md"
"""Its examples are pieces, half of them wrong on purpose."""
TUTORIAL = DOCS / "tutorial.md"
"""Its tests are run on the files it has written, by `test_tutorial`."""


def blocks(language: str, *, without: tuple[Path, ...] = ()) -> list[pytest.ParameterSet]:
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for fence in FENCE.finditer(text):
            if fence[2] == language and page not in without:
                line = text.count("\n", 0, fence.start()) + 1
                body = re.sub(f"^{fence[1]}", "", fence[3], flags=re.MULTILINE)
                found.append(pytest.param(body, id=f"{page.relative_to(ROOT)}:{line}"))
    return found


def whole(text: str) -> str | None:
    """The definition that a block shows, or that a list of steps or some top-level keys are a piece of."""
    first = next(line for line in text.splitlines() if line and not line.startswith("#"))
    if re.search(r"^workflow:", text, re.MULTILINE):
        return text
    if first.startswith("- "):
        return f"workflow: piece\nsteps:\n{indent(text, '  ')}"
    return f"workflow: piece\n{text}" if re.search(r"^steps:", text, re.MULTILINE) else None


def test_generated_parts_are_fresh() -> None:
    assert runpy.run_path(str(DOCS / "generate.py"))["stale"]() == []


@pytest.mark.parametrize("text", blocks("yaml", without=(RULES,)))
def test_definitions_in_the_documentation_load_without_a_warning(text: str) -> None:
    definition = whole(text)
    if definition is None:
        pytest.skip("not a definition")
    assert [str(found) for found in inspect(definition).diagnostics] == []


TESTS = [one for one in blocks("yaml", without=(RULES, TUTORIAL)) if "test: ./" in str(one.values[0])]


@pytest.mark.parametrize("text", TESTS)
def test_tests_in_the_documentation_hold(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    for file in (ROOT / "definitions").glob("*.yaml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "shown.test.yaml").write_text(text)
    session = run_session([tmp_path / "shown.test.yaml"], Registry.load(["definitions.activities"]))
    assert [str(found) for suite in session.suites for found in suite.diagnostics] == []
    assert [report.failed(result) for result in session.failed] == []


@pytest.mark.parametrize("text", blocks("python"))
def test_python_in_the_documentation_compiles(text: str) -> None:
    compile(text, "<documentation>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_index() -> None:
    index = DOCS / "index.md"
    linked = {(DOCS / target).resolve() for target in LINK.findall(index.read_text("utf-8"))}
    pages = set(DOCS.rglob("*.md")) - {index}
    assert sorted(str(page.relative_to(DOCS)) for page in pages - linked) == []


def keys_of(shape: Shape) -> Iterator[str]:
    """Every key that the language has, wherever it stands; `Ref`s are looked at on their own."""
    match shape:
        case Items(item=inner) | Table(value=inner):
            yield from keys_of(inner)
        case ByType(shapes=shapes):
            for inner in shapes.values():
                yield from keys_of(inner)
        case Record(keys=keys):
            for name, key in keys.items():
                yield name
                yield from keys_of(key.shape)
        case Tagged(kinds=kinds, shared=shared):
            for name, kind in kinds.items():
                yield name
                yield from keys_of(kind.value)
                for beside in (kind.beside, *(kind.beside_by or {}).values()):
                    yield from keys_of(Record(name, beside))
            yield from keys_of(Record("shared", shared))
        case Ref():
            return


def test_every_key_of_the_language_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "language.md").read_text("utf-8")
    text = "\n".join([*(fence[3] for fence in FENCE.finditer(page)), *re.findall(r"`([^`\n]+)`", FENCE.sub("", page))])
    keys = {key for shape in (DEFINITION, LIBRARY, *SHAPES.values()) for key in keys_of(shape)}
    assert len(keys) > 50
    assert sorted(key for key in keys if not re.search(rf"(^|[{{, .(]){key}($|[:,}}\]])", text, re.MULTILINE)) == []


def test_every_public_name_is_in_the_python_reference_and_none_besides() -> None:
    text = (DOCS / "reference" / "python.md").read_text("utf-8")
    documented = set(re.findall(r"^### `perdure\.(\w+)`", text, re.MULTILINE))
    assert documented == set(perdure.__all__)


@pytest.mark.parametrize(
    "name", ["Engine", "Run", "RunInfo", "Ask", "Schedules", "ScheduleInfo", "NextTime", "ScheduleChange"]
)
def test_every_public_member_is_in_the_python_reference_and_none_besides(name: str) -> None:
    text = (DOCS / "reference" / "python.md").read_text("utf-8")
    target = getattr(perdure, name)
    members = {member for member, value in vars(target).items() if isfunction(value) and not member.startswith("_")}
    assert set(re.findall(rf"^#### `{name}\.(\w+)`", text, re.MULTILINE)) == members
    if name in ("RunInfo", "Ask", "ScheduleInfo", "NextTime", "ScheduleChange"):
        section = text.partition(f"### `perdure.{name}`")[2].partition("\n### ")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {field.name for field in fields(target)}
