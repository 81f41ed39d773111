"""What the reader makes of whole files: values, and one diagnostic with its place for each problem."""

from __future__ import annotations

import pytest

from perdure.definition import events
from perdure.definition.reader import LARGEST, read, read_all


@pytest.fixture(params=["fast", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of PyYAML's parsers; the Python one is all there is where libyaml is missing."""
    if request.param == "python":
        monkeypatch.setattr(events, "FAST", events.PythonParser)
    return str(request.param)


def told(text: str | bytes) -> list[str]:
    return [f"{d.place.line}:{d.place.column} {d.code} {d.message}" for d in read(text).diagnostics]


@pytest.mark.usefixtures("parser")
def test_a_definition_is_read_into_plain_values() -> None:
    source = read("workflow: a\nsteps:\n- wait: 3d\n- set: {n: 1, f: 1.5, t: true, z: ~}\n")
    assert source.value == {
        "workflow": "a",
        "steps": [{"wait": "3d"}, {"set": {"n": 1, "f": 1.5, "t": True, "z": None}}],
    }
    assert source.diagnostics == []


@pytest.mark.usefixtures("parser")
def test_json_is_read_with_tabs_escaped_slashes_and_surrogate_pairs() -> None:
    text = '{\n\t"a":\t1,\n\t"b": "x\\/y \\ud83d\\ude00",\n\t"c": [true, null, 1e2]\n}'
    source = read(text)
    assert source.value == {"a": 1, "b": "x/y 😀", "c": [True, None, 100.0]}
    assert source.marks.key(("b",)).line == 3
    assert source.diagnostics == []


def test_an_escape_in_yaml_that_looks_like_a_surrogate_pair_stays_as_written() -> None:
    assert read("{a: '\\ud83d\\ude00'}").value == {"a": "\\ud83d\\ude00"}


@pytest.mark.usefixtures("parser")
def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbfa: 1").value == {"a": 1}
    assert read("\ufeffa: 1").marks.key(("a",)).column == 1


def test_windows_line_ends_count_as_one_line() -> None:
    source = read("a: 1\r\nb:\r\n  c: x\r\n")
    assert source.value == {"a": 1, "b": {"c": "x"}}
    assert source.marks.value(("b", "c")).line == 3
    assert source.lines == ["a: 1", "b:", "  c: x", ""]


@pytest.mark.usefixtures("parser")
def test_a_duplicate_key_is_refused_with_both_places() -> None:
    source = read("a: 1\nb: {x: 1, x: 2}\na: 3\n")
    assert source.value == {"a": 1, "b": {"x": 1}}
    assert [(str(d.place), str(d.related[0].place), d.message) for d in source.diagnostics] == [
        ("<text>:2:11", "<text>:2:5", 'the key "x" stands twice, first in line 2'),
        ("<text>:3:1", "<text>:1:1", 'the key "a" stands twice, first in line 1'),
    ]


def test_keys_equal_only_in_spelling_are_duplicates() -> None:
    assert told('1: a\n"1": b\n') == ['2:1 WF102 the key "1" stands twice, first in line 1']


def test_keys_are_texts_of_the_same_spelling() -> None:
    source = read("200: a\ntrue: b\nnull: c\non: d\n1.50: e\n0x1F: f\n")
    assert source.value == {"200": "a", "true": "b", "null": "c", "on": "d", "1.50": "e", "0x1F": "f"}
    assert source.diagnostics == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("? [a, b]\n: 1\nc: 2", ["1:3 WF114 a list cannot be a key"]),
        ("? {a: b}\n: 1", ["1:3 WF114 a mapping cannot be a key"]),
        ("a: &x [1]\nb: {*x : 2}", ["2:5 WF114 an alias of a list or mapping cannot be a key"]),
        ("a: {? : 1}", ["1:7 WF114 a key is missing before the ':'"]),
    ],
)
def test_a_key_that_is_no_text_is_refused(text: str, expected: list[str]) -> None:
    assert told(text) == expected


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: {{ x }}", "1:4"),
        ("a: {{ x.y + 2 }}\nb: 1", "1:4"),
        ("a: {{ x['k'] }}", "1:4"),
        ("a: {{ x | join(', ') }}", "1:4"),
        ("a: {{ x }} and {{ y }}", "1:4"),
        ("a: {{ x", "1:4"),
        ("- {{ f('a', 'b') }}\n- c", "1:3"),
        ("b: 1\na: [1, {{ x }}]", "2:8"),
        ("a: {k: {{ x }}, l: 2}", "1:8"),
        ("{{ x }}: 1", "1:1"),
        ("{{ x }}", "1:1"),
    ],
)
def test_unquoted_braces_are_told_once_with_the_hint_to_quote_them(text: str, place: str) -> None:
    found = read(text).diagnostics
    assert [(f"{d.place.line}:{d.place.column}", d.code) for d in found] == [(place, "WF103")]
    assert "quotes" in found[0].message


def test_an_id_that_stands_twice_may_be_a_step_whose_dash_is_missing() -> None:
    found = read("steps:\n  - id: a\n    wait: 1s\n    id: b\n    wait: 2s\n").diagnostics
    assert [(d.code, d.hint) for d in found] == [("WF102", "begin the next step with '- '"), ("WF102", None)]


def test_after_unquoted_braces_the_rest_is_still_read() -> None:
    source = read("a: {{ input.x }}\nb: 1\nb: 2\n")
    assert source.value == {"a": "{{ input.x }}", "b": 1}
    assert [d.code for d in source.diagnostics] == ["WF103", "WF102"]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b: c", "1:5 WF101 a colon makes a second key here"),
        ("- id: a\n   activity: b", "2:12 WF101 this line is indented deeper than the one above it allows"),
        ("a: b\n  - c: d", "2:6 WF101 this line is indented deeper than the one above it allows"),
        ("""a: "{{ b["c"] }}\"""", """1:11 WF101 the " before this is inside {{ }}, but ends the text"""),
        ("""a: {b: '{{ c['d'] }}'}""", """1:15 WF101 the ' before this is inside {{ }}, but ends the text"""),
        ("a: 'x\nb: 1", "1:4 WF101 a quote is never closed"),
        ("a: %x", "1:4 WF101 a character that cannot start a value"),
        ("a: `x`", "1:4 WF101 a character that cannot start a value"),
        ("a:\n\tb: 1", "2:1 WF101 a tab cannot be used to indent"),
        ("a: [1,\nb: 2\n", "3:1 WF101 a list in [ ] is not closed"),
        ('a: "\\q"', "1:5 WF101 an unknown escape in double quotes"),
    ],
)
def test_a_syntax_error_is_told_in_words_at_its_place(text: str, expected: str) -> None:
    problems = told(text)
    assert len(problems) == 1
    place, message = expected.split(" ", 1)
    assert problems[0].endswith(message)
    assert problems[0].split(":")[0] == place.split(":")[0]


def test_bad_indentation_is_told_at_the_line() -> None:
    assert told("a:\n  b: 1\n c: 2\n") == ["3:2 WF101 a key is expected here"]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !!python/object/apply:os.system [ls]", '1:4 WF106 the tag "!!python/object/apply:os.system" is refused'),
        ("a: !include x.yaml", '1:4 WF106 the tag "!include" is refused'),
        ("a: !!str 1", '1:4 WF106 the tag "!!str" is refused'),
        ("a: ! 1", '1:4 WF106 the tag "!" is refused'),
    ],
)  # fmt: skip
def test_tags_are_refused(text: str, expected: str) -> None:
    problems = told(text)
    assert len(problems) == 1
    assert problems[0].split(" ", 1)[1] == expected.split(" ", 1)[1]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: 1\nb: \xff", ["2:4 WF107 the byte 0xff is not UTF-8"]),
        (b"\xff\xfea\x00", ["1:1 WF107 the file is UTF-16 or UTF-32"]),
        (b"a: \xed\xa0\x80", ["1:4 WF107 the byte 0xed is not UTF-8"]),
        ("a: x\x00y", ["1:5 WF108 the character U+0000 cannot stand in a definition"]),
        ("a: 1\r\nb: \x1b[31m", ["2:4 WF108 the character U+001B cannot stand in a definition"]),
        ("a: \ud800", ["1:4 WF108 the character U+D800 cannot stand in a definition"]),
        ("a: b\ufeffc", ["1:5 WF108 the character U+FEFF cannot stand in a definition"]),
    ],
)
def test_what_is_no_text_is_refused_at_the_first_place(content: bytes | str, expected: list[str]) -> None:
    assert told(content) == expected
    assert read(content).value is None


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 WF110 the document is empty"),
        ("# nothing\n", "1:1 WF110 the document is empty"),
        ("---\n", "2:1 WF110 the document is empty"),
        ("- a\n", "1:1 WF111 the document is a list, not a mapping"),
        ("hello\n", "1:1 WF111 the document is a single value, not a mapping"),
        ("null\n", "1:1 WF111 the document is a single value, not a mapping"),
        ("a: 1\n---\nb: 2\n", "2:1 WF109 a second document starts here"),
    ],
)
def test_a_document_that_is_no_definition_is_refused(text: str, expected: str) -> None:
    assert told(text) == [expected]
    assert read(text).value is None


def test_a_file_of_exactly_the_largest_size_is_read_and_one_more_byte_is_not() -> None:
    text = b"a: 1 #".ljust(LARGEST, b"x")
    assert read(text).value == {"a": 1}
    assert told(text + b"x") == ["1:1 WF112 the file is larger than 1,048,576 bytes"]
    assert told("é" * LARGEST) == ["1:1 WF112 the file is larger than 1,048,576 bytes"]


@pytest.mark.usefixtures("parser")
def test_aliases_repeat_values_that_are_nobody_elses() -> None:
    source = read("a: &x {n: [1]}\nb: *x\nc: *x\n")
    assert source.value == {"a": {"n": [1]}, "b": {"n": [1]}, "c": {"n": [1]}}
    source.value["b"]["n"].append(2)
    assert source.value["c"] == {"n": [1]}
    assert source.marks.value(("c", "n", 0)) == source.marks.value(("a", "n", 0))


def test_an_anchor_on_a_key_can_be_repeated() -> None:
    assert read("&k name: a\nb: *k\n").value == {"name": "a", "b": "name"}


@pytest.mark.usefixtures("parser")
def test_a_merge_key_copies_what_is_not_there_already() -> None:
    source = read("a: &a {p: 1, q: 2}\nb: &b {q: 3, r: 4}\nc: {q: 0, <<: [*a, *b]}\nd: {<<: *b}\n")
    assert source.value["c"] == {"q": 0, "p": 1, "r": 4}
    assert source.value["d"] == {"q": 3, "r": 4}
    assert source.marks.key(("c", "r")) == source.marks.key(("b", "r"))
    assert source.diagnostics == []


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert read('"<<": 3').value == {"<<": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: 3", ["1:1 WF117 << merges mappings only"]),
        ("a: &a [1]\nb: {<<: *a}", ["2:5 WF117 << merges mappings only"]),
        ("a: &a {x: 1}\nb: {<<: *a, <<: *a}", ['2:13 WF102 the key "<<" stands twice, first in line 2']),
        ("a: *b", ['1:4 WF116 the alias "*b" has no anchor before it']),
        ("a: &a [*a]", ['1:8 WF116 the alias "*a" stands inside its own anchor']),
    ],
)
def test_aliases_and_merges_that_lead_nowhere_are_refused(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_documents_of_one_file_keep_their_line_numbers() -> None:
    text = "# tests\n---\na: 1\n---\nb: 1\nb: 2\n--- # third\nc: [\n---\nd: 4\n"
    sources = read_all(text)
    assert [source.value for source in sources] == [{"a": 1}, {"b": 1}, None, {"d": 4}]
    assert [str(d.place) for source in sources for d in source.diagnostics] == ["<text>:6:1", "<text>:9:1"]
    assert sources[3].marks.key(("d",)).line == 10
    assert sources[3].lines[9] == "d: 4"


def test_a_file_without_separators_is_one_document() -> None:
    assert [source.value for source in read_all("a: 1\n")] == [{"a": 1}]
    assert [source.value for source in read_all("%YAML 1.2\n---\na: 1\n")] == [{"a": 1}]
    assert [d.code for source in read_all("") for d in source.diagnostics] == ["WF110"]


def test_three_dashes_inside_a_text_separate_nothing_unless_they_start_a_line() -> None:
    assert [source.value for source in read_all("a: |\n  ---\n  x\nb: '---'\n")] == [{"a": "---\nx\n", "b": "---"}]


def test_more_documents_than_anyone_writes_are_refused() -> None:
    assert [d.code for source in read_all("--- {}\n" * 1001) for d in source.diagnostics] == ["WF112"]
