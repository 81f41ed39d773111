"""Reading inputs from the command line."""

from __future__ import annotations

import pytest

from perdure.cli.inputs import assembled, json_or_text, read_pairs
from perdure.cli.runs.signal import payload
from perdure.errors import DefinitionError, InvalidInput

SCHEMA = {
    "type": "object",
    "$defs": {"code": {"type": "string"}, "loop": {"$ref": "#/$defs/loop"}},
    "properties": {
        "card": {"type": "string"},
        "maybe": {"type": ["string", "null"]},
        "code": {"$ref": "#/$defs/code"},
        "loop": {"$ref": "#/$defs/loop"},
        "size": {"enum": ["1", "2"]},
        "count": {"type": "integer"},
        "price": {"type": "number"},
        "fast": {"type": "boolean"},
        "tags": {"type": "array"},
        "place": {"type": "object"},
        "level": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "free": {},
    },
}


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("card=4242", "4242"),
        ("card=true", "true"),
        ("card=", ""),
        ("card=a=b", "a=b"),
        ("card=two\nlines", "two\nlines"),
        ("maybe=null", "null"),
        ("code=007", "007"),
        ("size=1", "1"),
        ("count=3", 3),
        ("count=123456789012345678901234567890", 123456789012345678901234567890),
        ("price=3", 3),
        ("price=1e3", 1000.0),
        ("fast=true", True),
        ("tags=[1, 2]", [1, 2]),
        ('place={"a": null}', {"a": None}),
        ("level=null", None),
        ("level=2", 2),
        ("card:=4242", 4242),
        ('free:={"a": [1]}', {"a": [1]}),
    ],
)
def test_the_schema_decides_how_a_value_is_read(pair, value):
    assert read_pairs([pair], SCHEMA) == {pair.partition("=")[0].rstrip(":"): value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("false", False),
        ("null", None), ("~", None), ("3", 3), ("-3", -3), ("3.5", 3.5), ("1e3", 1000.0),
        ("007", "007"), ("+3", "+3"), ("1_000", "1_000"), ("0x1F", "0x1F"), ("1e999", "1e999"), ("NaN", "NaN"),
        ("True", "True"), ("yes", "yes"), ("", ""), ("[1]", "[1]"), ("4242", 4242), (" 3", " 3"), ("12:30", "12:30"),
    ],
)  # fmt: skip
def test_without_a_declaration_constants_and_numbers_mean_themselves(text, value):
    for schema in (None, True, SCHEMA):
        found = read_pairs([f"unknown={text}"], schema)["unknown"]
        assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "pair",
    ["count=x", "count=true", "count=", "price=two", "fast=yes", "fast=1", "tags=a,b", "place=[1]", "level=x",
     "count=NaN"],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_declared_type_is_refused(pair):
    with pytest.raises(InvalidInput, match=pair.partition("=")[0]):
        read_pairs([pair], SCHEMA)


@pytest.mark.parametrize("pair", ["", "novalue", "=3", ":=3", "a:=", "a:={", "a:=NaN", 'a:="\\ud800"'])
def test_what_is_no_pair_is_refused(pair):
    with pytest.raises(InvalidInput):
        read_pairs([pair])


def test_a_key_given_twice_is_refused():
    with pytest.raises(InvalidInput, match="a is given twice"):
        read_pairs(["a=1", "a:=2"])


def test_pairs_are_put_over_the_whole_input(tmp_path):
    file = tmp_path / "input.json"
    file.write_text('{"a": 1, "card": "1"}')
    assert assembled(f"@{file}", ["card=2"], SCHEMA) == {"a": 1, "card": "2"}
    assert assembled('{"a": 1}', [], None) == {"a": 1}
    assert assembled(None, [], SCHEMA) is None
    assert assembled("{}", [], SCHEMA) == {}


def test_a_yaml_file_is_read_as_definitions_are(tmp_path):
    file = tmp_path / "input.yaml"
    file.write_text("country: NO\nwhen: 12:30:45\n")
    assert assembled(f"@{file}", [], None) == {"country": "NO", "when": "12:30:45"}
    file.write_text("a: 1\na: 2\n")
    with pytest.raises(DefinitionError, match="WF102"):
        assembled(f"@{file}", [], None)


@pytest.mark.parametrize("whole", ["[1]", "3", "{", "@/nowhere/input.json", '{"a": NaN}', "[" * 5000])
def test_what_is_no_input_is_refused(whole):
    with pytest.raises(InvalidInput):
        assembled(whole, [], None)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ((), None), (("3",), 3), (('{"by": "ana"}',), {"by": "ana"}), (('"text"',), "text"), (("null",), None),
        (("by=ana", "times=2"), {"by": "ana", "times": 2}), (("by=ana",), {"by": "ana"}), (('a:=[1]',), {"a": [1]}),
    ],
)  # fmt: skip
def test_a_signal_takes_json_or_pairs(data, value):
    assert payload(data) == value


def test_a_bare_word_as_the_data_of_a_signal_is_refused_with_the_cure():
    with pytest.raises(InvalidInput, match="'\"yes\"'"):
        payload(("yes",))


@pytest.mark.parametrize(
    ("text", "value"),
    [("approve", "approve"), ("3", 3), ('"3"', "3"), ('{"a": 1}', {"a": 1}), ("{", "{"), ("NaN", "NaN")],
)
def test_an_answer_is_json_where_it_reads_as_json(text, value):
    assert json_or_text(text) == value
