"""What holds for whatever is formatted: the same values, every comment, and nothing left to do."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from sloppy import document

from perdure.definition.reader import read, read_all
from perdure.definition.source import Source
from perdure.formatting import formatted
from perdure.formatting.format import is_same

ROOT = Path(__file__).parents[2]
SHIPPED = sorted([*(ROOT / "definitions").glob("*.yaml"), *(ROOT / "interpreter/perdure/cli/project").rglob("*.yaml")])
CASES = sorted((ROOT / "tests/cases").rglob("*.yaml"))
PAGES = sorted((ROOT / "docs").rglob("*.md"))
EXAMPLES = int(os.environ.get("PERDURE_FUZZ", "0"))
"""In CI documents are few and always the same; `PERDURE_FUZZ=10000` makes new ones."""


def is_right(source: Source) -> bool:
    return not any(found.severity == "error" for found in source.diagnostics)


def holds(source: Source) -> str:
    text = formatted(source)
    again = read(text)
    assert is_right(again)
    assert is_same(source.value, again.value)
    assert formatted(again) == text
    return text


@settings(max_examples=EXAMPLES or 100, deadline=None, derandomize=not EXAMPLES)
@given(st.integers(0, 2**32))
def test_values_and_comments_survive_and_a_second_time_changes_nothing(seed: int) -> None:
    text, comments = document(seed)
    source = read(text)
    event("read" if is_right(source) else f"refused {source.diagnostics[0].code}")
    assume(is_right(source))
    found = holds(source)
    assert sorted(re.findall(r"# c\d+", found)) == sorted(re.findall(r"# c\d+", "\n".join(comments)))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_is_shipped_is_formatted(path: Path) -> None:
    source = read(path.read_bytes(), file=str(path))
    assert formatted(source) == source.text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_the_laws_hold_for_the_cases_of_the_language(path: Path) -> None:
    sources = [read(source.text) for source in read_all(path.read_bytes())]
    right = [source for source in sources if is_right(source)]
    assert right
    for source in right:
        holds(source)


def test_the_laws_hold_for_the_examples_of_the_pages() -> None:
    found = 0
    for page in PAGES:
        for example in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            source = read(f"steps:\n{example}" if example.startswith("- ") else example)
            if is_right(source):
                found += 1
                holds(source)
    assert found > 50
