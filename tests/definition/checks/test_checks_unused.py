"""What is never read, what never ends, and what goes round between workflows: what is found, and what is not."""

from __future__ import annotations

from textwrap import indent

import pytest

from perdure.definition import inspect
from perdure.definition.checks.cycles import check_cycles


def found(text: str, *prefixes: str) -> list[tuple[str, int]]:
    inspection = inspect(text)
    assert inspection.definition is not None or "WF303" in {one.code for one in inspection.diagnostics}
    told = [*inspection.diagnostics, *inspection.quiet]
    return sorted((one.code, one.place.line) for one in told if one.code.startswith(prefixes))


def steps(text: str, *prefixes: str, head: str = "workflow: t") -> list[str]:
    return [code for code, _ in found(f"{head}\nsteps:\n{indent(text, '  ')}\n", *prefixes)]


def test_a_variable_that_nothing_reads_is_found_where_it_is_first_given_a_value() -> None:
    text = """\
workflow: t
vars: {a: 1, b: 2}
steps:
  - set: {c: "{{ vars.b }}", d: 1}
  - set: {c: 2}
  - activity: x.y
"""
    assert found(text, "WF34") == [("WF340", 2), ("WF340", 4), ("WF340", 4)]


@pytest.mark.parametrize(
    "text",
    [
        "- set: {a: 1}\n- activity: x.y\n  with: {n: '{{ vars.a }}'}",
        "- set: {a: 1}\n- activity: x.y\n  with: {all: '{{ vars }}'}",
        "- set: {a: 1}\n- activity: x.y\n  with: {n: '{{ vars[run.id] }}'}",
        "- set: {a: 1}",
        "- id: given\n  set: {a: 1}\n- activity: x.y\n  if: steps.given.a == 1",
        "- repeat: {while: vars.a < 3, max: 5}\n  steps: [{set: {a: 1}}, {activity: x.y}]",
        "- activity: x.y\n  retry: {attempts: '{{ vars.a }}'}\n- set: {a: 1}\n- activity: x.z",
        "- set: {a: 1}\n- receive: {on: [{update: go, accept: vars.a == 1, stop: true}]}\n- activity: x.y",
    ],
)
def test_a_variable_that_is_read_or_given_on_as_a_result_is_not_unused(text: str) -> None:
    assert steps(text, "WF340") == []


def test_a_variable_read_in_defaults_or_in_a_fragment_is_used() -> None:
    head = "workflow: t\nvars: {a: 1, b: 2}\ndefaults: {'x.*': {timeout: '{{ vars.a }}s'}}"
    fragments = f"{head}\nfragments: {{f: {{steps: [{{activity: x.z, with: {{b: '{{{{ vars.b }}}}'}}}}]}}}}"
    assert steps("- activity: x.y\n- use: f", "WF340", head=fragments) == []


def test_an_input_is_unused_in_the_document_and_in_each_fragment_by_itself() -> None:
    text = """\
workflow: t
input: {properties: {a: {}, b: {}}}
fragments:
  f: {input: {properties: {a: {}, c: {}}}, steps: [{activity: x.y, with: {a: "{{ input.a }}"}}]}
  g: {input: {properties: {d: {}}}, steps: [{activity: x.y, with: {all: "{{ input }}"}}]}
labels: {b: "{{ input.b }}"}
steps: [{use: f, with: {a: 1, c: 1}}, {use: g, with: {d: 1}}]
"""
    assert found(text, "WF341") == [("WF341", 2), ("WF341", 4)]


def test_an_output_is_read_by_id_by_its_own_undo_or_as_the_last_of_its_list() -> None:
    unread = "- {id: a, activity: x.y, output: 1}\n- {activity: x.z}"
    assert steps(unread, "WF342") == ["WF342"]
    assert steps(f"{unread}\n- {{if: steps.a == 1, activity: x.y}}", "WF342") == []
    assert steps("- {activity: x.z}\n- {activity: x.y, output: 1}", "WF342") == []
    undone = "- {id: a, activity: x.y, output: 1, compensate: {activity: x.z, with: {n: '{{ steps.a }}'}}}"
    assert steps(f"{undone}\n- {{activity: x.z}}", "WF342") == []


def test_nothing_is_called_unused_where_a_name_may_be_mistyped() -> None:
    assert steps("- set: {total: 1}\n- activity: x.y\n  with: {n: '{{ vars.totl }}'}", "WF3") == ["WF303"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("- repeat: {until: steps.a}\n  steps: [{id: a, activity: x.y}]", ["WF420"]),
        ("- repeat: {until: vars.done}\n  steps: [{set: {count: 1}}]", ["WF412"]),
        ("- repeat: {until: steps.a, max: 3}\n  steps: [{id: a, activity: x.y}]", []),
        ("- repeat: {until: steps.a}\n  timeout: 3d\n  steps: [{id: a, activity: x.y}]", []),
        ("- timeout: 3d\n  steps: [{repeat: {until: steps.a}, steps: [{id: a, activity: x.y}]}]", []),
    ],
)
def test_a_loop_has_a_bound_of_its_own_or_around_it(text: str, codes: list[str]) -> None:
    assert steps(text, "WF420", "WF412", head="workflow: t\nvars: {done: false}") == codes


@pytest.mark.parametrize(
    ("arm", "swallowed"),
    [
        ("{steps: []}", True),
        ("{errors: ['*'], steps: []}", True),
        ("{errors: [x.Gone], steps: []}", False),
        ("{if: error.attempt > 1, steps: []}", False),
        ("{compensate: true, steps: []}", False),
        ("{steps: [{activity: x.z}]}", False),
    ],
)
def test_an_arm_that_takes_every_error_does_something_about_it(arm: str, swallowed: bool) -> None:
    assert steps(f"- activity: x.y\n  catch: [{arm}]", "WF422") == ["WF422"] * swallowed


@pytest.mark.parametrize(
    ("terms", "late"),
    [
        ("timeout: 2d, reminders: [1d, 2d]", 1),
        ("timeout: 2d, reminders: 3d", 1),
        ("timeout: 2d, reminders: [1d]", 0),
        ("timeout: '{{ input.t }}', reminders: [9d]", 0),
        ("reminders: [9d]", 0),
    ],
)
def test_a_reminder_comes_before_the_question_is_closed(terms: str, late: int) -> None:
    assert steps(f"- id: a\n  ask: {{prompt: x, {terms}}}", "WF513") == ["WF513"] * late


def test_a_retry_has_time_for_a_second_attempt() -> None:
    assert steps("- activity: x.y\n  retry: {within: 30s, delay: 40s}", "WF51") == ["WF511", "WF514"]
    assert steps("- activity: x.y\n  retry: {within: 30s, delay: 30s}", "WF514") == []  # jitter may shorten it
    assert steps("- activity: x.y\n  retry: {within: 30s, delay: 30s, jitter: 0}", "WF514") == ["WF514"]


@pytest.mark.parametrize(
    ("url", "chosen"),
    [
        ("https://{{ input.host }}/a", True),
        ("https://api.{{ input.zone }}.example.com/", True),
        ("https://example.com/{{ input.id }}", False),
        ("https://example.com?host={{ input.id }}", False),
        ("{{ vars.shop }}/a", False),
    ],
)
def test_the_host_of_a_request_is_written_out(url: str, chosen: bool) -> None:
    found = steps(f"- activity: http.request\n  with: {{url: '{url}'}}", "WF706", head="workflow: t\nvars: {shop: a}")
    assert found == ["WF706"] * chosen


def test_an_argument_called_sql_is_a_statement_whatever_it_says() -> None:
    assert steps("- activity: db.run\n  with: {sql: 'CALL {{ input.name }}()'}", "WF702") == ["WF702"]
    assert steps("- activity: db.run\n  with: {query: 'CALL {{ input.name }}()'}", "WF702") == []


def circles(*texts: str) -> list[str]:
    definitions = []
    for number, text in enumerate(texts):
        inspection = inspect(text, file=f"{number}.yaml")
        assert inspection.document is not None
        definitions.append((inspection.document, next(iter(inspection.sources.values()))))
    return [f"{source.file}: {told.message}" for source, told in check_cycles(definitions)]


def starting(name: str, step: str) -> str:
    return f"workflow: {name}\nsteps:\n  - {step}\n"


def test_workflows_that_always_start_one_another_are_found_once() -> None:
    ring = (starting("b", "workflow: c"), starting("c", "workflow: a"), starting("a", "workflow: b"))
    assert circles(*ring) == ["2.yaml: these start one another in every run: a → b → c → a"]


@pytest.mark.parametrize(
    "step",
    ["{workflow: a, if: input.more}", "{workflow: a, detach: true}", "{foreach: input.parts, steps: [{workflow: a}]}"],
)
def test_workflows_that_may_start_one_another_are_not_a_circle(step: str) -> None:
    assert circles(starting("a", "workflow: b"), starting("b", step)) == []


def test_one_that_starts_itself_is_told_of_by_its_own_rule() -> None:
    assert circles(starting("a", "workflow: a"), starting("b", "workflow: a")) == []
