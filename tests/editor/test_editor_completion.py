"""What is offered while a definition is typed, on texts that are no definitions yet."""

from __future__ import annotations

import pytest
from editor_world import World

HEAD = """\
workflow: new
imports: {mails: ./mails.yaml}
vars: {total: 0}
input: {type: object, properties: {sku: {type: string}, people: {type: array}}}
steps:
  - id: first
    activity: shop.price
    with: {sku: a}
  - id: with-dash
    activity: shop.price
    with: {sku: a}
"""


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("^", ["workflow", "steps"], ["activity"]),
        ("workflow: a\nver^", ["version"], ["workflow"]),
        ("workflow: a\n^\nsteps: [{activity: a}]\n", ["input", "vars"], ["workflow", "steps"]),
        (HEAD + "  ^", ["- activity", "- parallel", "- id"], ["activity"]),
        (HEAD + "  - ^", ["activity", "wait", "id", "retry"], ["workflows", "- activity"]),
        (HEAD + "  - activity: log\n    ^\n", ["with", "retry", "timeout", "queue"], ["activity", "wait", "steps"]),
        (HEAD + "  - foreach: input.people\n    ^\n", ["as", "steps", "join"], ["with", "branch"]),
        (HEAD + "  - retry: {^}\n", ["attempts", "backoff"], ["with"]),
        (HEAD + "  - retry:\n      ^\n", ["attempts", "backoff"], ["with"]),
        (HEAD + "  - retry: {attempts: 3, ^\n", ["backoff"], ["attempts"]),
        (HEAD + "  - wait: {any: [{^}]}\n", ["signal", "after", "event"], ["for"]),
        (HEAD + "  - parallel:\n      ^\n", ["branches", "join"], []),
        (HEAD + "  - activity: ^\n", ["shop.price", "shop.old"], ["survey"]),
        (HEAD + "  - activity: shop.^\n    with: {}\n", ["shop.price"], []),
        (HEAD + "  - workflow: ^\n", ["survey"], ["shop.price"]),
        (HEAD + "  - use: ^\n", ["mails.told"], ["told"]),
        (HEAD + "  - activity: shop.price\n    with: {sku: a, ^}\n", ["unit", "net"], ["sku"]),
        (HEAD + "  - activity: shop.price\n    with:\n      ^", ["sku", "unit"], []),
        (HEAD + "  - activity: shop.price\n    with: {unit: ^}\n", ["piece", "dozen"], []),
        (HEAD + "  - activity: shop.price\n    with: {net: ^}\n", ["true", "false"], []),
        (HEAD + "  - use: mails.told\n    with: {^}\n", ["who"], []),
        (HEAD + "  - workflow: survey\n    with: {^}\n", ["email"], []),
        (HEAD + "  - retry: {backoff: ^}\n", ["linear", "exponential"], []),
        (HEAD + "  - retry: {on: [^]}\n", ["Timeout", "ActivityFailed"], []),
        (HEAD + "  - rollback: {to: ^}\n", ["first", "with-dash"], []),
        (HEAD + "  - rollback: ^\n", ["all"], []),
        ("imports: {mails: ^}\n", ["./mails.yaml", "./buy.yaml"], ["./buy.test.yaml"]),
        ("schedule: {cron: '0 9 * * *', timezone: Europe/^}\n", ["Europe/Berlin"], []),
        ("schedule: {every: 1h, overlap: ^}\n", ["skip", "allow"], []),
    ],
)
def test_keys_and_values_that_fit_are_offered(world: World, text: str, some: list[str], none: list[str]) -> None:
    offered = world.offered(text)
    assert [word for word in some if word not in offered] == []
    assert [word for word in none if word in offered] == []


@pytest.mark.parametrize(
    ("expression", "offered"),
    [
        ("{{ steps.^ }}", ["with-dash", "first"]),
        ("{{ steps.fi^", ["with-dash", "first"]),
        ("{{ steps['^ }}", ["with-dash", "first"]),
        ("{{ steps.first.^ }}", ["amount", "currency"]),
        ("{{ 1 + steps.first.am^ount * 2 }}", ["amount", "currency"]),
        ("{{ input.^ }}", ["sku", "people"]),
        ("{{ vars.^ }}", ["total"]),
        ("{{ run.^ }}", ["id", "workflow", "version", "started_at", "attempt"]),
        ("no expression steps.^", []),
        ("{{ 'steps.^' }}", []),
        ("{{ nothing.^ }}", []),
    ],
)
def test_expressions_go_on_with_what_can_be_read_there(world: World, expression: str, offered: list[str]) -> None:
    text = (
        HEAD
        + f'  - id: here\n    activity: shop.price\n    with: {{sku: "{expression}"}}\n  - id: after\n    wait: 1s\n'
    )
    assert world.offered(text) == offered


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("  - activity: a\n    if: ^", ["input", "steps", "vars", "now"]),
        ("  - activity: a\n    if: input.sku | ^", ["default", "length"]),
        ("  - activity: a\n    if: input.sku is not ^", ["defined", "string"]),
        ("  - foreach: input.people\n    as: person\n    steps:\n      - set: {a: '{{ ^ }}'}", ["person", "index"]),
        ("  - activity: a\n    catch:\n      - if: ^", ["error"]),
        ("  - activity: a\n    catch:\n      - if: error.^", ["type", "message"]),
        ("  - activity: a\n    with: {a: '{{ ^ }}'}", ["secrets"]),
        ("  - activity: a\n    with: {a: {{ input.^ }}", ["sku"]),
        ("  - receive: {state: {n: 1}, on: [{update: u, reply: '{{ state.^ }}'}]}", ["n"]),
        ("  - repeat: {until: ^}\n    steps: []\n", ["index"]),
    ],
)
def test_names_that_scopes_bind_are_offered_inside_them(world: World, text: str, some: list[str]) -> None:
    offered = world.offered(HEAD + text)
    assert [word for word in some if word not in offered] == []


def test_a_step_that_cannot_have_run_is_not_offered(world: World) -> None:
    text = HEAD + "  - parallel:\n      branches:\n        a: [{id: left, wait: 1s}]\n        b: [{if: steps.^}]\n"
    assert world.offered(text) == ["with-dash", "first"]


@pytest.mark.parametrize(
    ("text", "label", "line"),
    [
        (HEAD + "  - act^: log\n", "activity", "  - activity: log"),
        (HEAD + "  - act^\n", "activity", "  - activity: "),
        (HEAD + "  - paral^", "parallel", "  - parallel:"),
        (HEAD + "  ^", "- activity", "  - activity: "),
        (HEAD + "  - activity: sh^op.pr", "shop.price", "  - activity: shop.price"),
        (HEAD + '  - if: "{{ steps.^ }}"', "with-dash", "  - if: \"{{ steps['with-dash'] }}\""),
        (HEAD + "  - if: steps.wi^", "with-dash", '  - if: steps["with-dash"]'),
        (HEAD + "  - if: steps['wi^']", "with-dash", "  - if: steps['with-dash']"),
        (HEAD + "  - if: steps.first.am^.x", "amount", "  - if: steps.first.amount.x"),
        (HEAD + "  - if: no^", "now", "  - if: now()"),
        (HEAD + "  - use: mails.^", "mails.told", "  - use: mails.told"),
        (HEAD + "  - wait: 3s  # perdure: ignore[WF5^]", "WF502", "  - wait: 3s  # perdure: ignore[WF502]"),
    ],
)
def test_a_proposal_replaces_the_word_that_was_begun(world: World, text: str, label: str, line: str) -> None:
    assert world.completed(text, label).splitlines()[-1] == line


def test_only_rules_that_can_be_ignored_are_offered_in_a_comment(world: World) -> None:
    offered = world.offered("a: 1  # perdure: ignore[^")
    assert "WF901" in offered
    assert "WF601" in offered
    assert "WF301" not in offered
    assert world.offered("a: 1  # just a comment ^") == []


def test_an_activity_that_is_deprecated_says_so(world: World) -> None:
    proposals = world.proposals(HEAD + "  - activity: ^")
    assert {one.label: one.deprecated for one in proposals}["shop.old"]
    assert next(one for one in proposals if one.label == "shop.price").detail == "(sku, unit, net)"


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("test: ^", ["./buy.yaml"]),
        ("test: ./buy.yaml\n^", ["cases", "mocks", "clock"]),
        ("test: ./buy.yaml\ncases:\n  - name: a\n    ^", ["input", "expect", "script"]),
        ("test: ./buy.yaml\nmocks:\n  - activity: ^", ["shop.price"]),
        ("test: ./buy.yaml\nmocks:\n  - step: ^", ["price", "each"]),
        ("test: ./buy.yaml\ncases:\n  - name: a\n    expect: {steps: {^}}", ["price", "asked"]),
        ("test: ./buy.yaml\ncases:\n  - name: a\n    expect: {order: [^]}", ["price", "asked"]),
        ("test: ./buy.yaml\ncases:\n  - name: a\n    expect: {status: ^}", ["completed", "failed"]),
    ],
)
def test_files_of_tests_are_completed_from_their_definition(world: World, text: str, some: list[str]) -> None:
    offered = world.offered(text, "new.test.yaml")
    assert [word for word in some if word not in offered] == []
