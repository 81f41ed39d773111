"""The JSON Schema of files of tests: fresh, sound, and of one mind with the check of shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from perdure.definition.reader import read
from perdure.definition.shape import check_document
from perdure.testing.declared.language import SHAPES, TESTS, schema_text

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "definitions").glob("*.test.yaml"))
VALIDATOR = Draft202012Validator(json.loads(schema_text()))


def test_the_schema_in_the_repository_is_fresh():
    assert (ROOT / "schemas" / "test.schema.json").read_text("utf-8") == schema_text()


def test_the_schema_is_sound():
    Draft202012Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_an_editor_accepts_the_shipped_tests(path):
    assert [error.message for error in VALIDATOR.iter_errors(read(path.read_bytes()).value)] == []


@pytest.mark.parametrize(
    "case",
    [
        "{nam: it}",
        "{name: it, mocks: [{return: 3}]}",
        "{name: it, mocks: [{step: a, raise: {message: x}}]}",
        "{name: it, mocks: [{step: a, return: 1, after: 5}]}",
        "{name: it, mocks: [{step: a, sequence: []}]}",
        "{name: it, mocks: [{step: a, sequence: [{return: 1, raise: X, hang: true}]}]}",
        "{name: it, script: [{at: 1h}]}",
        "{name: it, script: [{when: {is: waiting}, signal: a}]}",
        "{name: it, script: [{when: {step: a, is: gone}, signal: a}]}",
        "{name: it, expect: {status: done}}",
        "{name: it, expect: {steps: {a: {status: done}}}}",
        "{name: it, expect: {order: [a]}}",
        "{name: it, expect: {never: [{with: 1}]}}",
        "{name: it, matrix: 3}",
    ],
)
def test_schema_and_check_refuse_the_same(case):
    source = read(f"test: ./it.yaml\ncases:\n  - {case}\n")
    assert check_document(source, TESTS, SHAPES)
    assert not VALIDATOR.is_valid(source.value)
