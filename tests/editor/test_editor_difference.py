"""The edit between two texts: it leads from one to the other, and leaves alone what is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.editor.difference import difference

TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "\n", "c\r\n", "\x85", "d"]), max_size=8).map("".join)


@settings(derandomize=True, deadline=None, database=None)
@given(TEXTS, TEXTS)
def test_the_edit_makes_one_text_of_the_other(before: str, after: str) -> None:
    edit = difference(Path("a.yaml"), before, after)
    if edit is None:
        assert before == after
    else:
        assert before[: edit.start] + edit.text + before[edit.end :] == after


@pytest.mark.parametrize(
    ("before", "after", "start", "end", "text"),
    [
        ("a\nb\nc\n", "a\nx\nc\n", 2, 4, "x\n"),
        ("a\nc\n", "a\nb\nc\n", 2, 2, "b\n"),
        ("a\na\n", "a\n", 2, 4, ""),
        ("a", "a\n", 0, 1, "a\n"),
        ("", "a\n", 0, 0, "a\n"),
    ],
)
def test_lines_that_are_the_same_stay(before: str, after: str, start: int, end: int, text: str) -> None:
    edit = difference(Path("a.yaml"), before, after)
    assert edit is not None
    assert (edit.start, edit.end, edit.text) == (start, end, text)
