"""Secrets, commands, limits, recursion and names: what is found, and above all what is not."""

from __future__ import annotations

from textwrap import indent

import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from perdure.definition import inspect
from perdure.definition.checks import secrecy


def codes(text: str, *prefixes: str) -> list[tuple[str, int]]:
    """The findings of some rules, those that are off included, with their lines."""
    inspection = inspect(text)
    assert inspection.definition is not None, inspection.diagnostics
    found = [*inspection.diagnostics, *inspection.quiet]
    return sorted((one.code, one.place.line) for one in found if one.code.startswith(prefixes))


def steps(text: str, *prefixes: str, head: str = "workflow: t") -> list[str]:
    return [code for code, _ in codes(f"{head}\nsteps:\n{indent(text, '  ')}\n", *prefixes)]


@pytest.mark.parametrize(
    "given",
    [
        "password: hunter2",
        "apiKey: abcdef",
        "db-password: s3cret",
        "headers: {Authorization: 'Bearer abcdef'}",
        "deep: [{client_secret: abcdef}]",
        "text: AKIAIOSFODNN7EXAMPLE",
        "url: 'postgres://ana:geheim@db/orders'",
        "key: '-----BEGIN RSA PRIVATE KEY-----'",
        "text: 'xoxb-123456789012-abc {{ input.a }}'",
    ],
)
def test_a_secret_that_is_written_out_is_found(given: str) -> None:
    assert steps(f"- activity: a.b\n  with: {{{given}}}", "WF7") == ["WF701"]


@settings(max_examples=300)
@given_any(st.from_regex(secrecy._KNOWN))
def test_each_known_form_of_a_secret_holds_one_of_the_marks_that_are_looked_for_first(text: str) -> None:
    assert any(mark in text for mark in secrecy._MARKS)


@pytest.mark.parametrize(
    "given",
    [
        "password: '{{ secrets.db }}'",
        "headers: {Authorization: 'Bearer {{ secrets.shop }}'}",
        "password: ''",
        "password: null",
        "has_password: 'yes indeed'",
        "question: what is your password?",
        "password_hint: the usual one",
        "token: page-2",
        "key: orders/17",
        "url: 'https://shop.example.com:8080/a@b'",
        "authorization: required",
    ],
)
def test_what_only_looks_like_a_secret_is_not(given: str) -> None:
    assert steps(f"- activity: a.b\n  with: {{{given}}}", "WF7") == []


def test_secrets_are_found_in_variables_and_fragments_and_schemas_have_none() -> None:
    text = """\
workflow: t
input: {type: object, properties: {password: {type: string}, api_key: {const: abcdef}}}
vars: {api_key: abcdef}
fragments:
  f: {steps: [{activity: a.b, with: {password: abcdef}}]}
steps: [{use: f}]
"""
    assert codes(text, "WF7") == [("WF701", 3), ("WF701", 5)]


@pytest.mark.parametrize(
    "step",
    [
        "{activity: db.query, with: {sql: \"SELECT a FROM b WHERE c = '{{ input.c }}'\"}}",
        '{activity: db.run, with: {statement: "insert into a values ({{ input.c }})"}}',
        '{activity: tools.shell, with: {command: "rm -r {{ input.c }}"}}',
        '{activity: ssh.run, with: {host: a, cmd: [ls, "{{ input.c }}"], script: "{{ input.c }}"}}',
    ],
)
def test_a_template_in_a_command_is_found(step: str) -> None:
    assert steps(f"- {step}", "WF7") == ["WF702"]


@pytest.mark.parametrize(
    "step",
    [
        "{activity: db.query, with: {sql: SELECT a FROM b WHERE c = ?, values: ['{{ input.c }}']}}",
        "{activity: search.find, with: {query: 'select {{ input.c }}'}}",
        "{activity: graph.query, with: {query: 'query { user(id: {{ input.c }}) }'}}",
        "{activity: game.move, with: {command: 'go {{ input.c }}'}}",
        "{activity: mail.send, with: {text: 'SELECT a FROM b {{ input.c }}'}}",
        "{activity: tools.shell, with: {command: ls, text: '{{ input.c }}'}}",
    ],
)
def test_a_template_elsewhere_is_no_command(step: str) -> None:
    assert steps(f"- {step}", "WF7") == []


def test_what_is_named_like_a_secret_is_not_shown() -> None:
    text = """\
workflow: t
labels: {user: "{{ input.user }}", password: "{{ input.password }}"}
steps:
  - publish: {key: "is {{ input.api_key }}"}
  - {id: x, activity: a.b, with: {password: "{{ input.password }}"}, output: "{{ input.password }}"}
  - return: {ok: "{{ input.password is defined }}", set: "{{ input.password == 'a' }}"}
output: ["{{ steps.x.access_token | default('') }}", "{{ input.password_changed }}"]
"""
    assert codes(text, "WF7") == [("WF703", 2), ("WF703", 4), ("WF703", 7)]


def test_verification_stays_on_and_requests_are_encrypted() -> None:
    text = """\
workflow: t
steps:
  - {activity: a.b, with: {verify: false}}
  - {activity: a.b, with: {options: {insecureSkipVerify: true}}}
  - {activity: a.b, with: {verify: true, insecure: false, verify_email: false}}
  - {activity: http.request, with: {url: "http://shop.example.com/{{ input.a }}"}}
  - {activity: http.request, with: {url: "http://localhost:8080/"}}
  - {activity: http.request, with: {url: "http://127.0.0.1/"}}
  - {activity: http.request, with: {url: "http://{{ input.host }}/a.b"}}
"""
    assert codes(text, "WF7") == [("WF704", 3), ("WF704", 4), ("WF705", 6), ("WF706", 9)]


@pytest.mark.parametrize(
    "step",
    [
        "{id: x, wait: {signal: a}}",
        "{id: x, wait: {event: a}}",
        "{id: x, wait: {any: [{signal: a}, {event: b}]}}",
        "{id: x, wait: {all: [{signal: a}, {after: 3d, name: b}]}}",
        "{id: x, select: [{signal: a, steps: []}]}",
        "{id: x, ask: {prompt: a}}",
        "{id: x, receive: {on: [{signal: a, stop: true}]}}",
    ],
)
def test_a_wait_without_a_way_out_is_found_unless_something_ends_it(step: str) -> None:
    assert steps(f"- {step}", "WF503") == ["WF503"]
    assert steps(f"- {step}", "WF503", head="workflow: t\ntimeout: 3d") == []
    assert steps(f"- steps: [{step}]\n  timeout: 3d", "WF503") == []
    assert steps(f"- activity: a.b\n  timeout: 3d\n  finally: [{step}]", "WF503") == ["WF503"]


@pytest.mark.parametrize(
    "step",
    [
        "{id: x, wait: 3d}",
        "{id: x, wait: {until: '{{ input.then }}'}}",
        "{id: x, wait: {signal: a, timeout: 3d}}",
        "{id: x, wait: {signal: a}, timeout: 3d}",
        "{id: x, wait: {any: [{signal: a}, {after: 3d, name: late}]}}",
        "{id: x, wait: {all: [{after: 2d, name: a}, {after: 3d, name: b}]}}",
        "{id: x, select: [{signal: a, steps: []}, {after: 3d, steps: []}]}",
        "{id: x, select: {arms: [{signal: a, steps: []}], timeout: 3d}}",
        "{id: x, ask: {prompt: a, timeout: 3d}}",
        "{id: x, receive: {on: [{signal: a, stop: true}], timeout: 3d}}",
    ],
)
def test_a_wait_with_a_way_out_is_not(step: str) -> None:
    assert steps(f"- {step}", "WF503") == []


def test_fragments_are_bounded_where_all_their_uses_are() -> None:
    fragments = "workflow: t\nfragments:\n  f: {steps: [{activity: a.b}]}\n  g: {steps: [{use: f}]}"
    assert steps("- {use: g, timeout: 3d}", "WF511", head=fragments) == []
    assert steps("- {use: g, timeout: 3d}\n- {use: f}", "WF511", head=fragments) == ["WF511"]


def test_defaults_give_activities_their_timeout_and_built_in_ones_need_none() -> None:
    text = "- {activity: a.b}\n- {activity: c.d}\n- {activity: log, with: {message: x}}\n- {activity: noop}"
    assert steps(text, "WF511") == ["WF511", "WF511"]
    assert steps(text, "WF511", head="workflow: t\ndefaults: {'a.*': {timeout: 3s}}") == ["WF511"]
    assert steps("- {activity: a.b, timeout: {attempt: 3s}}", "WF511") == []


def test_a_retry_has_a_limit() -> None:
    assert steps("- {activity: a.b, timeout: {attempt: 5s}, retry: {delay: 3s}}", "WF512") == ["WF512"]
    for limited in ("retry: {attempts: 3}", "retry: {within: 3h}", "retry: {delay: 3s}, timeout: 5m"):
        assert steps(f"- {{activity: a.b, {limited}}}", "WF512") == []
    assert steps("- {set: {a: 1}}", "WF512", head="workflow: t\nretry: {delay: 3s}") == ["WF512"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- workflow: t", True),
        ("- steps: [{workflow: t}]", True),
        ("- parallel: {branches: {a: [{workflow: t}], b: [{wait: 1s}]}}", True),
        ("- {if: input.more, workflow: t}", False),
        ("- {workflow: t, detach: true}", False),
        ("- {if: input.done, return: 1}\n- workflow: t", False),
        ("- branch: [{when: input.more, steps: [{workflow: t}]}, {else: []}]", False),
        ("- {foreach: '{{ input.parts }}', steps: [{workflow: t}]}", False),
        ("- {activity: a.b, catch: [{steps: [{workflow: t}]}]}", False),
        ("- parallel: {branches: {a: [{workflow: t}], b: [{wait: 1s}]}, join: any}", False),
        ("- {id: more, ask: {prompt: more?}, timeout: 3d}\n- workflow: t", False),
        ("- workflow: other", False),
    ],
)
def test_a_workflow_that_always_starts_itself_is_found(text: str, found: bool) -> None:
    assert steps(text, "WF414") == (["WF414"] if found else [])


@pytest.mark.parametrize(
    ("branch", "found"),
    [
        ("[{when: input.a, steps: []}]", True),
        ("[{when: input.a, steps: []}, {else: []}]", False),
        ("[{when: input.a, steps: []}, {when: true, steps: []}]", False),
        ("{on: input.a, cases: {b: []}}", True),
        ("{on: input.a, cases: {b: []}, else: []}", False),
    ],
)
def test_a_branch_that_may_take_no_arm_is_found(branch: str, found: bool) -> None:
    assert steps(f"- branch: {branch}", "WF410") == (["WF410"] if found else [])


def test_names_have_one_spelling() -> None:
    text = """\
workflow: Shop.order
fragments:
  packIt: {steps: [{id: a_b, set: {x: 1}}]}
steps:
  - {id: a-b, set: {x: 1}}
  - {id: a-b_c, set: {x: 1}}
  - {id: _a, set: {x: 1}}
  - {id: step2, use: packIt}
"""
    assert codes(text, "WF903") == [("WF903", 1), ("WF903", 3), ("WF903", 6)]


def test_what_is_off_can_be_silenced_and_is_no_diagnostic() -> None:
    head = "workflow: t\nversion: '1'\ndescription: x\n"
    text = f"{head}steps:\n  - id: x\n    wait: {{signal: a}}  # perdure: ignore[WF503] answered by phone\n"
    inspection = inspect(text)
    assert (inspection.diagnostics, inspection.quiet) == ([], [])
    assert inspect(text.replace("signal: a", "for: 3s")).diagnostics[0].code == "WF901"
    inspection = inspect(text.partition("#")[0] + "\n")
    assert (inspection.diagnostics, [one.code for one in inspection.quiet]) == ([], ["WF503"])


def test_texts_of_hostile_length_are_looked_at_in_no_time() -> None:
    for text in ("eyJ-" * 50_000, "a://" * 50_000, "-----BEGIN " * 20_000, "{{ a." * 1, "select " * 30_000):
        inspect(f"workflow: t\nsteps:\n  - activity: sql.shell\n    with: {{sql: '{text}', password: '{text}'}}\n")
