"""Files made to harm: they cost a diagnostic, never memory, a crash or an exception."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.definition.document import DEEPEST
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
    half = "[" * (DEEPEST // 2) + "]" * (DEEPEST // 2)
    assert codes(f"a: &a {half}") == []
    assert codes(f"a: &a {half}\nb: {'[' * (DEEPEST // 2)}*a{']' * (DEEPEST // 2)}") == ["WF113"]


def test_a_deep_alias_is_repeated_without_recursion() -> None:
    deep = read("a: &a " + "[" * 5_000 + "]" * 5_000 + "\nb: *a").value["b"]
    depth = 0
    while deep:
        deep, depth = deep[0], depth + 1
    assert depth == 4_999


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "{{ ", "[{", "a: {", "&a [", "!t {"])
def test_a_million_open_brackets_are_refused(opening: str) -> None:
    found = codes(opening * (1_000_000 // len(opening)))
    assert found[-1:] in (["WF113"], ["WF103"], ["WF101"])


def test_the_deepest_document_is_read_and_a_deeper_one_is_not() -> None:
    assert codes("a: " + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)) == []
    assert codes("a: " + "[" * DEEPEST + "]" * DEEPEST) == ["WF113"]


@pytest.mark.parametrize("text", ["a: " + "[" * 9_900 + "1," * 90_000, "? " + "[" * 9_900 + "1," * 400_000])
def test_depth_times_length_is_bounded(text: str) -> None:
    assert codes(text)[-1:] == ["WF112"]


def test_blocks_may_be_deep_but_plain_data_only_as_deep_as_values_may_be() -> None:
    steps = '{"steps": [' * 2_000 + '{"wait": 0}' + "]}" * 2_000
    assert check_shape(read(f'{{"workflow": "x", "steps": [{steps}]}}')) == []
    data = "[" * 101 + "]" * 101
    for text in (f"vars: {{a: {data}}}", f"input: {{enum: {data}}}", f"output: {data}"):
        source = read(f"workflow: x\nsteps: [{{wait: 0}}]\n{text}")
        assert [found.code for found in check_shape(source)] == ["WF113"]


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
