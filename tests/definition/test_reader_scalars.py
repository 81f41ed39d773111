"""Plain scalars: the core schema of YAML 1.2, with a warning where older tools read something else."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.definition.reader import read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ("nULL", "nULL"),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("tRUE", "tRUE"),
        ("0", 0), ("-7", -7), ("+12", 12), ("0o17", 15), ("0x1F", 31), ("0X1F", "0X1F"), ("-0x1F", "-0x1F"),
        ("1.5", 1.5), ("-.5", -0.5), ("1.", 1.0), ("1e3", 1000.0), ("1E-2", 0.01), ("1.5e+3", 1500.0),
        (".", "."), ("+", "+"), ("-x", "-x"), ("1.2.3", "1.2.3"), ("1e", "1e"), ("0o9", "0o9"), ("1__", "1__"),
        ("2026-03-01", "2026-03-01"), ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z"),
        ("3d", "3d"), ("10%", "10%"), ("=", "="), ("y", "y"), ("N", "N"), ("None", "None"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_read_by_yaml_1_2(written: str, value: Any) -> None:
    source = read(f"a: {written}")
    assert source.value == {"a": value}
    assert type(source.value["a"]) is type(value)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("NO", "NO is read as the text NO; older YAML tools read false"),
        ("yes", "yes is read as the text yes; older YAML tools read true"),
        ("On", "On is read as the text On; older YAML tools read true"),
        ("off", "off is read as the text off; older YAML tools read false"),
        ("014", "014 is read as 14; older YAML tools read 12"),
        ("-014", "-014 is read as -14; older YAML tools read -12"),
        ("089", "089 is read as 89; older YAML tools read a text"),
        ("12:30:45", "12:30:45 is read as the text 12:30:45; older YAML tools read 45045"),
        ("1:30", "1:30 is read as the text 1:30; older YAML tools read 90"),
        ("1_000", "1_000 is read as the text 1_000; older YAML tools read 1000"),
        ("0b101", "0b101 is read as the text 0b101; older YAML tools read 5"),
    ],
)
def test_an_ambiguous_scalar_is_read_by_yaml_1_2_with_a_warning(written: str, message: str) -> None:
    found = read(f"a: {written}").diagnostics
    assert [(d.code, d.severity, d.message) for d in found] == [("WF104", "warning", message)]


@pytest.mark.parametrize("text", ["a: 'NO'", 'a: "014"', "on: a", "no: a", "014: a", "a: |\n  NO\n", "a: 0", "a: 0.5"])
def test_quotes_and_keys_are_never_ambiguous(text: str) -> None:
    assert read(text).diagnostics == []


@pytest.mark.parametrize(
    "written", [".inf", "-.INF", ".nan", "1e999", "-1e999", "9" * 1240, "0x" + "f" * 1025, "9" * 5000]
)
def test_a_number_that_json_cannot_hold_is_refused(written: str) -> None:
    assert [d.code for d in read(f"a: {written}").diagnostics] == ["WF115"]


def test_the_largest_integer_is_read_exactly() -> None:
    largest = 2**4096 - 1
    assert read(f"a: {largest}").value == {"a": largest}
    assert [d.code for d in read(f"a: {largest + 1}").diagnostics] == ["WF115"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("abc<\u00e9😀 ", max_size=5), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@given(
    st.dictionaries(st.text("abcde", min_size=1, max_size=5), JSON, max_size=5),
    st.sampled_from([None, 2, "\t"]),
    st.booleans(),
)
def test_json_is_read_as_json_reads_it(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    source = read(text)
    if any(unprintable(letter) for letter in text):
        assert [d.code for d in source.diagnostics] == ["WF108"]
        return
    if any(letter in text for letter in "\x85\u2028\u2029"):  # ends of lines to YAML 1.1, folded into spaces
        return
    assert source.diagnostics == []
    assert equal(source.value, value)


def unprintable(letter: str) -> bool:
    return ("\x7f" <= letter <= "\x9f" and letter != "\x85") or letter in "\ufffe\uffff\ufeff"


def equal(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and from true."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)
