"""The schema of tests with activities: their names, and what mocks of them return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from perdure.activities import Registry
from perdure.definition.reader import read
from perdure.testing.declared.offered import schema_of_tests

ROOT = Path(__file__).parents[2]
PRICE = {
    "type": "object",
    "properties": {"n": {"$ref": "#/$defs/N"}},
    "required": ["n"],
    "$defs": {"N": {"type": "integer"}},
}
CATALOGUE: dict[str, Any] = {
    "noop": {"arguments": {}, "result": {}},
    "shop.price": {"arguments": {}, "result": {**PRICE, "additionalProperties": False}},
}
VALIDATOR = Draft202012Validator(schema_of_tests(CATALOGUE))


def holds(mock: str, expect: str = "{}") -> bool:
    case = {"name": "it", "mocks": [yaml.safe_load(mock)], "expect": yaml.safe_load(expect)}
    return VALIDATOR.is_valid({"test": "./it.yaml", "cases": [case]})


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema_of_tests(CATALOGUE))


@pytest.mark.parametrize(
    "mock",
    [
        "{activity: noop, return: 3}",
        "{activity: shop.price, return: {n: 3}}",
        "{activity: shop.price, return: {n: '{{ matrix.n }}'}}",
        "{activity: shop.price, return: '{{ matrix.price }}'}",
        "{activity: shop.price, raise: Gone}",
        "{activity: shop.price, sequence: [{times: 2, raise: Gone}, {return: {n: 3}}]}",
        "{step: price, return: anything}",
    ],
)
def test_what_an_activity_may_return_holds(mock: str) -> None:
    assert holds(mock, "{never: [{activity: noop}], calls: [{activity: shop.price}]}")


@pytest.mark.parametrize(
    "mock",
    [
        "{activity: shop.prices, return: {n: 3}}",
        "{activity: shop.price, return: {n: many}}",
        "{activity: shop.price, return: {}}",
        "{activity: shop.price, return: {n: 3, m: 4}}",
        "{activity: shop.price, sequence: [{return: {n: many}}]}",
    ],
)
def test_what_it_never_would_does_not(mock: str) -> None:
    assert not holds(mock)


def test_expectations_name_activities_that_there_are() -> None:
    assert not holds("{activity: noop, return: 3}", "{never: [{activity: nop}]}")
    assert not holds("{activity: noop, return: 3}", "{calls: [{activity: nop}]}")


SHIPPED = sorted((ROOT / "definitions").glob("*.test.yaml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_the_shipped_tests_fit_the_schema_of_their_activities(file: Path) -> None:
    schema = schema_of_tests(Registry.load(["definitions.activities"], root=ROOT).catalogue())
    found = Draft202012Validator(schema).iter_errors(read(file.read_bytes(), file=str(file)).value)
    assert [problem.message for problem in found] == []
