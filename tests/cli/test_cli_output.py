"""Text for terminals and for programs."""

from __future__ import annotations

import json

from perdure.cli.hints import call
from perdure.cli.output import facts, table
from perdure.cli.settings import Settings
from perdure.cli.showable import escaped, one_line, showable


def test_no_control_character_is_shown():
    every = "".join(map(chr, range(0x250))) + "\u202e\u2028\u2066\ufeff\ud800"
    shown = showable(every)
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in shown)
    assert not any(0x7F <= ord(letter) < 0xA0 for letter in shown)
    assert not set("\u202e\u2028\u2066\ufeff\ud800") & set(shown)
    assert "\n" not in one_line(every)


def test_escaped_json_is_the_same_json():
    value = {"a": "\x9b31m\u202e\x7f", "b": ["\ufeff"]}
    text = escaped(json.dumps(value, ensure_ascii=False))
    assert text.isascii()
    assert json.loads(text) == value


def test_columns_are_aligned_by_what_a_terminal_shows():
    assert table(("a", "b"), [("名前", 1), ("x", None), ("e\u0301", "two\nlines")]) == (
        "A     B\n名前  1\nx\ne\u0301     two lines\n"
    )


def test_facts_leave_out_what_is_empty():
    assert facts([("one", "1"), ("two", None), ("three", []), ("long", "a\nb")]) == "one:  1\nlong:\n  a\n  b\n"


def test_a_hint_can_be_pasted_into_a_shell():
    settings = Settings("sqlite:///my runs.db", (), "table", "auto", 0, quiet=False, debug=False)
    assert call(settings, "runs", "signal", "it's", "go") == (
        "perdure runs signal 'it'\"'\"'s' go --store 'sqlite:///my runs.db'"
    )
