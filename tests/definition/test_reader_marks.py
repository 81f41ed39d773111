"""Where things stand: keys, values, and single characters of a text through quotes and folding."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perdure.definition.marks import Mark
from perdure.definition.reader import read

TEXT = """\
# a comment
workflow: trip
steps:
  - id: one
    activity: a.b
    with: {x: [1, "two"], y: 'z'}

  - wait: |
      3d

output: last
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("workflow",), Mark(2, 1, 2, 9), Mark(2, 11, 2, 15)),
        (("steps",), Mark(3, 1, 3, 6), Mark(4, 3, 9, 9)),
        (("steps", 0), Mark(4, 5, 6, 34), Mark(4, 5, 6, 34)),
        (("steps", 0, "with"), Mark(6, 5, 6, 9), Mark(6, 11, 6, 34)),
        (("steps", 0, "with", "x", 1), Mark(6, 19, 6, 24), Mark(6, 19, 6, 24)),
        (("steps", 0, "with", "y"), Mark(6, 27, 6, 28), Mark(6, 30, 6, 33)),
        (("steps", 1, "wait"), Mark(8, 5, 8, 9), Mark(8, 11, 9, 9)),
    ],
)
def test_keys_and_values_are_marked(path: tuple[str | int, ...], key: Mark, value: Mark) -> None:
    marks = read(TEXT).marks
    assert (marks.key(path), marks.value(path)) == (key, value)


@pytest.mark.parametrize("path", [("steps", 0, "nothing"), ("steps", 0, "id", "deeper", 3), ("steps", 9), ("no",)])
def test_an_unknown_path_gives_its_nearest_ancestor(path: tuple[str | int, ...]) -> None:
    marks = read(TEXT).marks
    nearest = {"steps": ("steps",), "no": ()}[str(path[0])]
    nearest = ("steps", 0) if path[:2] == ("steps", 0) else nearest
    nearest = ("steps", 0, "id") if path[:3] == ("steps", 0, "id") else nearest
    assert marks.value(path) == marks.value(nearest)
    assert marks.key(path) == marks.value(nearest)


def test_an_empty_value_stands_behind_its_colon() -> None:
    assert read("a:\nb: 1\n").marks.value(("a",)) == Mark(1, 3, 1, 3)


def test_anchors_and_tags_are_not_part_of_a_value() -> None:
    assert read("a: &anchor value\n").marks.value(("a",)) == Mark(1, 12, 1, 17)


@pytest.mark.parametrize(
    ("text", "offset", "line", "column"),
    [
        ("a: input.x", 6, 1, 10),
        ("a: 'it''s {{ x }}'", 8, 1, 14),
        ('a: "\\u00e9\\n{{ x }}"', 2, 1, 13),
        ('a: "\\x41\\U0001f600b"', 2, 1, 19),
        ("a: |\n  one\n  {{ x }}\n", 4, 3, 3),
        ("a: |2\n    deep\n  {{ x }}\n", 7, 3, 3),
        ("a: |\n\n  one\n\n  two\n", 6, 5, 3),
        ("a: >\n  one\n  {{ x }}\n", 4, 3, 3),
        ("a: >\n  one\n\n\n  two\n", 5, 5, 3),
        ("a: >\n  one\n    more\n  two\n", 11, 4, 3),
        ("a: one\n  two\n  {{ x }}\n", 8, 3, 3),
        ("a: 'one\n\n  two'\n", 4, 3, 3),
        ('a: "one \\\n  two"\n', 4, 2, 3),
        ("a: &x !t one\n", 1, 1, 11),
        ("😀: 😀{{ x }}", 1, 1, 5),
    ],
)
def test_a_character_is_found_through_quotes_escapes_and_folding(
    text: str, offset: int, line: int, column: int
) -> None:
    key = next(iter(read(text).value))
    assert read(text).marks.inside((key,), offset) == Mark(line, column, line, column + 1)


def test_an_offset_outside_a_text_gives_its_nearest_end() -> None:
    marks = read("a: abc\n").marks
    assert [marks.inside(("a",), offset).column for offset in (-5, 0, 2, 3, 99)] == [4, 4, 6, 7, 7]


def test_the_inside_of_a_number_is_its_characters_and_of_a_list_the_list() -> None:
    marks = read("a: 12\nb: [1]\n").marks
    assert marks.inside(("a",), 1) == Mark(1, 5, 1, 6)
    assert marks.inside(("b",), 7) == Mark(2, 4, 2, 7)


WORDS = st.lists(st.sampled_from(["one", "{{", "two", "é", "'", '"', " ", "  ", "\n", "\n\n", "x y"]), max_size=12)


@given(WORDS.map("".join), st.sampled_from([None, "'", '"', "|", ">"]), st.sampled_from([20, 80]))
def test_every_letter_of_a_text_is_found_where_it_was_written(text: str, style: str | None, width: int) -> None:
    written = yaml.dump({"a": {"b": text}}, default_style=style, width=width, allow_unicode=True)
    source = read(written)
    assert source.value == {"a": {"b": text}}
    for offset, letter in enumerate(text):
        if letter.isalpha():
            mark = source.marks.inside(("a", "b"), offset)
            assert source.lines[mark.line - 1][mark.column - 1] == letter
