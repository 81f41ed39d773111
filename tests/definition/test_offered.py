"""The schema with activities: names and arguments are checked, and templates stand anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from perdure.activities import Registry
from perdure.definition.offered import schema_with_activities
from perdure.definition.reader import read

ROOT = Path(__file__).parents[2]
LINE = {"type": "object", "properties": {"sku": {"type": "string"}, "n": {"type": "integer"}}, "required": ["sku"]}
CATALOGUE: dict[str, Any] = {
    "noop": {"arguments": {"type": "object", "properties": {}}, "summary": "Nothing."},
    "shop.order": {
        "arguments": {
            "type": "object",
            "properties": {
                "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "description": "what is ordered"},
                "speed": {"enum": ["slow", "fast"]},
                "to": {"oneOf": [{"type": "string", "pattern": "@"}, {"type": "object", "additionalProperties": LINE}]},
            },
            "required": ["lines"],
            "additionalProperties": False,
            "$defs": {"Line": {**LINE, "additionalProperties": False}},
        },
        "summary": "Order things.",
        "deprecated": "use shop.buy",
    },
}
SCHEMA = schema_with_activities(CATALOGUE)
VALIDATOR = Draft202012Validator(SCHEMA)


def holds(step: str) -> bool:
    return VALIDATOR.is_valid({"workflow": "w", "steps": [yaml.safe_load(step)]})


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "step",
    [
        "{activity: noop}",
        "{activity: shop.order, with: {lines: [{sku: a, n: 3}], speed: fast}}",
        "{activity: shop.order, with: {lines: '{{ input.lines }}', speed: 'very {{ input.speed }}'}}",
        "{activity: shop.order, with: {lines: ['{{ input.line }}', {sku: '{{ input.sku }}', n: '{{ input.n }}'}]}}",
        "{activity: shop.order, with: {lines: [], to: '{{ input.to }}'}}",
        "{activity: shop.order, with: {lines: [], to: {a: {sku: '{{ input.sku }}'}}}, retry: {attempts: 2}}",
        "{steps: [{activity: noop, compensate: {activity: noop}}]}",
        "{workflow: other, with: {anything: 3}}",
    ],
)
def test_what_fits_the_activities_holds(step: str) -> None:
    assert holds(step)


@pytest.mark.parametrize(
    "step",
    [
        "{activity: shop.ordr, with: {lines: []}}",
        "{activity: shop.order}",
        "{activity: shop.order, with: {}}",
        "{activity: shop.order, with: {lines: [], sped: fast}}",
        "{activity: shop.order, with: {lines: [], speed: faster}}",
        "{activity: shop.order, with: {lines: [{sku: a, m: 3}]}}",
        "{activity: shop.order, with: {lines: [{n: '{{ input.n }}'}]}}",
        "{activity: shop.order, with: {lines: 3}}",
        "{steps: [{activity: noop, compensate: {activity: nop}}]}",
    ],
)
def test_what_does_not_fit_them_is_refused(step: str) -> None:
    assert not holds(step)


def test_an_editor_shows_what_an_activity_does_and_that_it_is_deprecated() -> None:
    shown = [one["then"]["properties"]["activity"] for one in SCHEMA["$defs"]["step.activity"]["allOf"]]
    assert shown == [
        {"description": "Nothing."},
        {"description": "deprecated: use shop.buy. Order things.", "deprecated": True},
    ]
    assert SCHEMA["$defs"]["call.shop.order"]["properties"]["lines"]["description"] == "what is ordered"


SHIPPED = sorted(file for file in (ROOT / "definitions").glob("*.yaml") if not file.stem.endswith(".test"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_the_shipped_definitions_fit_the_schema_of_their_activities(file: Path) -> None:
    schema = schema_with_activities(Registry.load(["definitions.activities"], root=ROOT).catalogue())
    assert [
        problem.message
        for problem in Draft202012Validator(schema).iter_errors(read(file.read_bytes(), file=str(file)).value)
    ] == []
