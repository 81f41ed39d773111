"""Files made to harm: they cost a diagnostic, never memory, a crash or an exception."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.definition.reader import read, read_all
from perdure.definition.shape import check_shape
from perdure.definition.suppression import suppress


def codes(text: str) -> list[str]:
    return [d.code for d in read(text).diagnostics]


def test_an_alias_bomb_is_refused_where_it_passes_the_budget() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    found = read("\n".join(lines)).diagnostics
    assert [(d.code, d.place.line) for d in found] == [("WF105", 6)]


def test_a_bomb_of_merge_keys_is_refused() -> None:
    text = "a: &a {x: 1}\nb: {<<: [" + "*a, " * 60_000 + "]}"
    assert codes(text) == ["WF105"]


def test_aliases_cannot_pass_the_limit_of_depth() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200)]
    assert codes("\n".join(lines)) == ["WF113"]
    assert read("\n".join(lines[:98])).value["a97"] is not None


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "{{ ", "[{", "a: {", "&a [", "!t {"])
def test_a_million_open_brackets_are_refused_at_the_hundredth(opening: str) -> None:
    found = codes(opening * (1_000_000 // len(opening)))
    assert found[-1:] in (["WF113"], ["WF103"], ["WF101"])


def test_a_hundred_levels_are_read_and_one_more_is_not() -> None:
    assert codes("a: " + "[" * 99 + "]" * 99) == []
    assert codes("a: " + "[" * 100 + "]" * 100) == ["WF113"]


@pytest.mark.parametrize(
    "text",
    [
        "k: [" + "1, " * 120_000 + "]",
        "".join(f"k{n}: 1\n" for n in range(60_000)),
        "a: [" + "[], " * 120_000 + "]",
    ],
)
def test_a_document_of_too_many_values_is_refused(text: str) -> None:
    assert codes(text) == ["WF112"]


@pytest.mark.parametrize(
    "text",
    [
        "a: 'x" + "\r" * 500_000,
        "#" * 1_000_000,
        "\n" * 1_000_000,
        " " * 1_000_000,
        "a: " + "1:" * 400_000,
        "a: " + "1_" * 400_000,
        "a: |\n" + "  x\n" * 200_000,
        "workflow: x\n" + "# perdure: ignore[WF503]\n" * 38_000,
        "workflow: x\n" + "".join(f"unknown{n}: 1\n" for n in range(40_000)),
        "workflow: x\nsteps: [" + "{wiat: 3d}, " * 20_000 + "]",
    ],
)
def test_long_files_end(text: str) -> None:
    source = read(text)
    assert len(suppress(source, [*source.diagnostics, *check_shape(source)])) > 0
    assert read_all(text)


PIECES = st.sampled_from(
    ["a", ": ", "- ", "\n", "  ", "{{ x }}", "{", "}", "[", "]", "'", '"', "|", ">-", "&a ", "*a", "<<: ", "!t ",
     "#", "?", "%", "@", "\t", "\r\n", "---\n", "...\n", "\\", "é", "😀", "\u2028", "\x00", "\ud800", "\ufeff",
     "workflow: x\n", "steps:\n", "- wait: 3d\n", "  id: a\n", "# perdure: ignore[WF104]", "NO", "014", ", "]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_gives_a_value_or_a_reason_with_places_inside_the_file(text: str) -> None:
    source = read(text)
    found = suppress(source, [*source.diagnostics, *check_shape(source)])
    assert source.value is not None or source.diagnostics
    for diagnostic in found:
        place = diagnostic.place
        assert 1 <= place.line <= len(source.lines) + 1
        assert place.column >= 1
        assert (place.line, place.column) <= (place.end_line, place.end_column)
    for document in read_all(text):
        assert document.value is not None or document.diagnostics


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_a_reason(content: bytes) -> None:
    source = read(content)
    assert source.value is not None or source.diagnostics
