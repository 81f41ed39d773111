"""Comments that silence diagnostics, and those that silence nothing."""

from __future__ import annotations

import pytest

from perdure.definition.diagnostics import report
from perdure.definition.reader import read, read_all
from perdure.definition.suppression import suppress


def remaining(text: str) -> list[str]:
    source = read(text)
    return [f"{d.place.line}:{d.place.column} {d.code} {d.message}" for d in suppress(source, source.diagnostics)]


@pytest.mark.parametrize(
    "text",
    [
        "a: NO # perdure: ignore[WF104] Norway",
        "a: NO  #perdure:ignore[WF104]",
        "a: NO # perdure: ignore[ambiguous-scalar]",
        "# perdure: ignore[WF104] Norway\na: NO",
        "a: 1\n# perdure: ignore[WF104]\n# and another comment\n\nb: NO",
        "# perdure: ignore[WF104]\r\na: NO\r\n",
    ],
)
def test_a_comment_on_the_line_or_above_it_silences_a_warning(text: str) -> None:
    assert remaining(text) == []


def test_one_comment_may_name_several_codes_and_each_must_be_needed() -> None:
    assert remaining("a: NO # perdure: ignore[WF104, WF503]") == ['1:32 WF901 "WF503" has nothing to ignore here']


def test_a_comment_silences_all_findings_of_its_code_on_the_line() -> None:
    assert remaining("a: [NO, OFF] # perdure: ignore[WF104]") == []


def test_a_comment_behind_a_value_says_nothing_about_the_next_line() -> None:
    assert remaining("a: 1 # perdure: ignore[WF104]\nb: NO") == [
        '1:24 WF901 "WF104" has nothing to ignore here',
        "2:4 WF104 NO is read as the text NO; older YAML tools read false",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: '# perdure: ignore[WF104]'\nb: NO",
        "a: |\n  # perdure: ignore[WF104]\nb: NO",
        "a: x#perdure:ignore[WF104]\nb: NO",
        "a: >\n  x # perdure: ignore[WF104]\nb: NO",
    ],
)
def test_what_only_looks_like_a_comment_silences_nothing(text: str) -> None:
    assert [line.split()[1] for line in remaining(text)] == ["WF104"]


def test_a_comment_behind_a_block_text_counts() -> None:
    assert remaining("a: |\n  x\n# perdure: ignore[WF104]\nb: NO") == []


def test_an_error_cannot_be_silenced() -> None:
    assert remaining("a: 1\na: 2 # perdure: ignore[WF102]") == [
        '2:1 WF102 the key "a" stands twice, first in line 1',
        '2:24 WF901 "WF102" is an error, which cannot be ignored',
    ]


def test_an_error_about_an_activity_can_be_silenced() -> None:
    source = read("a: x # perdure: ignore[WF601] installed on the workers only")
    assert suppress(source, [report("WF601", "x", source.place(("a",)))]) == []


def test_a_comment_in_one_document_says_nothing_about_another() -> None:
    sources = read_all("a: NO # perdure: ignore[WF104]\n---\nb: NO\n")
    found = [diagnostic for source in sources for diagnostic in source.diagnostics]
    for source in sources:
        found = suppress(source, found)
    assert [(d.code, d.place.line) for d in found] == [("WF104", 3)]
