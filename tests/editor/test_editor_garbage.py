"""Any text, cut or changed anywhere, has an answer at every place: never an exception, never a long wait."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from editor_world import CATALOGUE, NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.editor.analysis import Analysis
from perdure.editor.completion import complete
from perdure.editor.fixes import fixes
from perdure.editor.hover import hover
from perdure.editor.outline import outline
from perdure.editor.shapes import Language
from perdure.editor.surroundings import Surroundings
from perdure.editor.targets import targets
from perdure.editor.text import Text
from perdure.editor.tolerant import read_anyhow
from perdure.editor.uses import Refusal, rename, step_at, uses
from perdure.testing.declared.language import SHAPES, TESTS

DEFINITIONS = Path(__file__).parents[2] / "definitions"
SHIPPED = {file.name: file.read_text("utf-8") for file in sorted(DEFINITIONS.glob("*.yaml"))}
AROUND = Surroundings(CATALOGUE, tests=Language("tests", TESTS, SHAPES), now=NOW)

PIECES = st.sampled_from(
    ["{", "}", "[", "]", "{{ ", " }}", "{{ steps.", '"', "'", ":", ": ", "- ", "\n", "\n    ", "#", "|", ">\n", "&a ",
     "*a", "<<: ", "!x ", "\t", "\r\n", "\u2028", "\x00", "\ufeff", "🦆", "é", "?", "---\n", "steps:\n", "- id: x\n",
     "activity: ", "with: ", "0", "\\", "# perdure: ignore[", "\ue0ff"]
)  # fmt: skip


@st.composite
def mangled(draw: st.DrawFn) -> tuple[str, str]:
    """A shipped file with some pieces cut out, doubled, or put in; and its name."""
    name = draw(st.sampled_from(sorted(SHIPPED)))
    text = SHIPPED[name]
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, len(text)))
        last = min(len(text), first + draw(st.sampled_from([0, 1, 3, 20, 400])))
        match draw(st.sampled_from(["cut", "put", "double", "end"])):
            case "cut":
                text = text[:first] + text[last:]
            case "put":
                text = text[:first] + draw(PIECES) + text[first:]
            case "double":
                text = text[:last] + text[first:last] + text[last:]
            case "end":
                text = text[: max(first, 20)]
    return name, text


def ask_everything(name: str, text: str, index: int) -> None:
    path = DEFINITIONS / name
    analysis = Analysis(path, text, AROUND)
    for one in complete(path, text, index, AROUND):
        assert 0 <= one.start <= one.end <= len(text)
    shown = hover(analysis, index)
    assert shown is None or 0 <= shown.start <= shown.end <= len(text)
    targets(analysis, index)
    meant = step_at(analysis, index)
    if meant is not None:
        assert uses(meant)
        assert isinstance(rename(meant, "renamed"), list | Refusal)
    for symbol in outline(analysis):
        assert symbol.start <= symbol.name_start <= symbol.name_end <= symbol.end
    fixes(path, Text(text), analysis.strict.diagnostics)


@settings(max_examples=80, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(mangled(), st.floats(0, 1))
def test_any_place_in_a_mangled_definition_has_an_answer(given: tuple[str, str], share: float) -> None:
    name, text = given
    ask_everything(name, text.removeprefix("\ufeff"), int(share * len(text.removeprefix("\ufeff"))))


@settings(max_examples=80, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES, max_size=30).map("".join), st.floats(0, 1))
def test_any_place_in_garbage_has_an_answer(text: str, share: float) -> None:
    text = text.removeprefix("\ufeff")
    ask_everything("garbage.yaml", text, int(share * len(text)))
    ask_everything("garbage.test.yaml", text, int(share * len(text)))


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_tolerant_reader_reads_a_good_document_as_the_reader_does(name: str) -> None:
    analysis = Analysis(DEFINITIONS / name, SHIPPED[name])
    assert read_anyhow(SHIPPED[name], name).value == analysis.strict.value


BOMBS = {
    "brackets": "workflow: a\nsteps: " + "[" * 20_000,
    "braces": "steps:\n  - with: " + "{a: " * 10_000,
    "quotes": "a: " + "\"'" * 20_000,
    "open quotes in lines": 'a: "\n' * 10_000,
    "deeper and deeper": "".join(f"{' ' * depth}a:\n" for depth in range(1_200)),
    "deeper lists": "- " * 20_000,
    "holes": 'workflow: a\nsteps:\n  - set: {a: "' + "{{ " * 10_000 + '"}',
    "dots": 'workflow: a\nsteps:\n  - set: {a: "{{ ' + "a." * 10_000 + ' }}"}',
    "subscripts": 'workflow: a\nsteps:\n  - set: {a: "{{ ' + "a['" * 10_000,
    "anchors": "&a " * 20_000,
    "colons": ": " * 20_000,
    "keys": "".join(f"k{n}: 1\n" for n in range(5_000)),
    "steps": "workflow: a\nsteps:\n" + "".join(f"  - {{id: s{n}, activity: a}}\n" for n in range(1_000)),
    "JSON": '{"a": [' + '{"b": "c"},' * 8_000,
    "too large": "a: " + "x" * 2_000_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_hostile_texts_are_answered_in_bounded_time(text: str) -> None:
    for index in (len(text), len(text) // 2):
        complete(DEFINITIONS / "bomb.yaml", text, index, AROUND)
        hover(Analysis(DEFINITIONS / "bomb.yaml", text, AROUND), index)
    outline(Analysis(DEFINITIONS / "bomb.yaml", text, AROUND))
    assert sys.getrecursionlimit() < 10_000
