"""What is wrong with a file of tests is said at its place, with what was meant; nothing is ever raised."""

from __future__ import annotations

from pathlib import Path

import pytest
from declared_world import told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.testing.declared import is_tests, read_suite, run_case
from perdure.testing.declared.language import STATUSES
from perdure.testing.declared.report import failed

DEFINITION = """
workflow: it
queries: {status: state.status}
steps:
  - {id: charge, activity: payments.charge}
  - {id: approval, wait: {signal: approve}}
  - {id: sure, ask: {prompt: sure?, choices: [1]}}
  - {id: kid, workflow: child}
"""


def problems(check, cases: str, head: str = "") -> list[tuple[str, str, str | None]]:
    session = check(cases, definition=DEFINITION, head=head)
    assert session.results == [] or all(one.severity == "warning" for one in session.suites[0].diagnostics)
    return [(one.code, one.message, one.hint) for one in session.suites[0].diagnostics]


@pytest.mark.parametrize(
    ("case", "code", "message", "hint"),
    [
        ("{nam: it}", "WF201", 'the key "nam" is not known here', 'did you mean "name"?'),
        ("{input: 1}", "WF202", 'item 1 of "cases" needs "name"', "add `name:`, what holds, as a sentence"),
        ("{name: it, mocks: 3}", "WF203", '"mocks" must be a list, not a number', "start each item with '- '"),
        ("{name: it, mocks: [{return: 3}]}", "WF204", 'item 1 of "mocks" says nothing to do',
         "add one of step, activity, workflow, send"),
        ("{name: it, mocks: [{step: charge, activity: payments.charge, return: 1}]}", "WF217",
         'item 1 of "mocks" is "step" and "activity" at once', "keep one of them"),
        ("{name: it, mocks: [{step: charge, return: 1, raise: Timeout}]}", "WF233",
         '"raise" ends this mock a second time', "it has return already"),
        ("{name: it, mocks: [{step: charge}]}", "WF233", 'item 1 of "mocks" says not how the call ends',
         "add one of return, raise, hang, sequence"),
        ("{name: it, mocks: [{step: charge, sequence: [{return: 1}], after: 3s}]}", "WF217",
         '"after" excludes a sequence', "say it in the entries of the sequence"),
        ("{name: it, mocks: [{step: charge, sequence: []}]}", "WF213", '"sequence" is empty', None),
        ("{name: it, mocks: [{step: charge, return: 1, after: 5}]}", "WF206", '"after" has no unit: 5',
         "write 5s, 5m or 5h"),
        ("{name: it, mocks: [{step: charge, return: 1, after: '{{ x }}'}]}", "WF210",
         '"after" must be written out, without {{ }}', "expressions are filled in only in a case with a `matrix`"),
        ("{name: it, mocks: [{step: chrage, return: 1}]}", "WF330", 'the definition has no step "chrage"',
         'did you mean "charge"?'),
        ("{name: it, mocks: [{step: approval, return: 1}]}", "WF330", '"approval" calls no activity and no child',
         "what it waits for comes from the script"),
        ("{name: it, mocks: [{activity: payment.charge, return: 1}]}", "WF330",
         'the definition calls no activity "payment.charge"', 'did you mean "payments.charge"?'),
        ("{name: it, mocks: [{workflow: chidl, return: 1}]}", "WF330", 'the definition starts no child "chidl"',
         'did you mean "child"?'),
        ("{name: it, script: [{signal: aprove}]}", "WF331", 'no step takes the signal "aprove"',
         'did you mean "approve"?'),
        ("{name: it, script: [{update: add}]}", "WF331", 'no step takes the update "add"', None),
        ("{name: it, script: [{answer: approval}]}", "WF330", 'no step "approval" asks a question', None),
        ("{name: it, script: [{at: soon, signal: approve}]}", "WF206", "\"at\" is no duration and no time: 'soon'",
         "write 2h30m or an ISO 8601 time"),
        ("{name: it, script: [{at: 1h, when: {step: approval}, signal: approve}]}", "WF217", '"at" excludes `when`',
         "keep one of them"),
        ("{name: it, script: [{when: {step: approval, is: wating}, signal: approve}]}", "WF211",
         '"is" must be completed, failed, skipped, cancelled, running, waiting or retrying, not "wating"',
         'did you mean "waiting"?'),
        ("{name: it, script: [{when: {step: aproval}, signal: approve}]}", "WF330",
         'the definition has no step "aproval"', 'did you mean "approval"?'),
        ("{name: it, script: [{at: 1h, expect: {output: 1}}]}", "WF201", 'the key "output" is not known here',
         "known here: status, steps, state, vars, queries"),
        ("{name: it, expect: {status: finished}}", "WF211",
         f'"status" must be {", ".join(STATUSES[:-1])} or refused, not "finished"', None),
        ("{name: it, expect: {steps: {chrge: {attempts: 1}}}}", "WF330", 'the definition has no step "chrge"',
         'did you mean "charge"?'),
        ("{name: it, expect: {order: [charge, aproval]}}", "WF330", 'the definition has no step "aproval"',
         'did you mean "approval"?'),
        ("{name: it, expect: {queries: {stats: 1}}}", "WF330", 'the definition has no query "stats"',
         'did you mean "status"?'),
        ("{name: it, expect: {never: [{step: x}]}}", "WF330", 'the definition has no step "x"', None),
        ("{name: it, expect: {calls: [{activity: x}]}}", "WF330", 'the definition calls no activity "x"', None),
        ("{name: it, expect: {calls: [{step: charge, times: -1}]}}", "WF212",
         '"times" must be a whole number from 0, or a matcher, not -1', None),
        ("{name: it, expect: {elapsed: long}}", "WF206", '"elapsed" is no duration: "long"',
         "write 90s, 5m, 1h30m, 3d or ISO 8601"),
        ("{name: it, expect: {output: {matches: '('}}}", "WF230",
         '"matches" is no regular expression: missing ), unterminated subpattern at position 0', None),
        ("{name: it, expect: {output: {a: [{between: [3, 1]}]}}}", "WF230",
         '"between" has its bounds in the wrong order', None),
        ("{name: it, expect: {output: {between: [3, x]}}}", "WF230",
         '"between" must be two numbers, two times or two durations', None),
        ("{name: it, expect: {output: {schema: {type: txt}}}}", "WF230", None, None),
        ("{name: it, matrix: [], input: 1}", "WF213", '"matrix" is empty', None),
        ("{name: it, matrix: [{a: 1}, {b: 2}], input: 1}", "WF231", 'only some sets of the matrix have "a"', None),
        ("{name: it, matrix: [{a: 1}], input: {n: '{{ matrix.b }}'}}", "WF332", None, None),
        ("{name: it, matrix: [{a: 1}], input: {n: '{{ now() }}'}}", "WF332", None, None),
    ],
)  # fmt: skip
def test_a_problem_is_told_with_what_was_meant(check, case, code, message, hint):
    found = problems(check, f"  - {case}")
    assert code in [one[0] for one in found]
    if message is not None:
        assert (code, message, hint) in found


@pytest.mark.parametrize(
    ("head", "code", "message"),
    [
        ("clok: {start: 1}", "WF201", 'the key "clok" is not known here'),
        ("clock: {start: noon}", "WF207", '"start" is no time: "noon"'),
        ("clock: {timezone: Berlin}", "WF218", '"timezone" is no time zone: "Berlin"'),
        ("activities: {unmocked: never}", "WF211", '"unmocked" must be error, generate or real, not "never"'),
        ("mocks: [{step: x, return: 1}]", "WF330", 'the definition has no step "x"'),
        ("description: 3", "WF203", '"description" must be a text, not a number'),
    ],
)
def test_a_problem_at_the_head_is_told(check, head, code, message):
    assert (code, message) in [one[:2] for one in problems(check, "  - name: it", head)]


def test_two_cases_of_the_same_name_are_refused(check):
    assert problems(check, "  - name: it\n  - name: it") == [("WF219", 'two cases are called "it"', None)]


def test_a_message_that_nobody_takes_is_no_problem_where_the_test_means_it(check):
    case = "  - {name: it, script: [{signal: extra}], expect: {unread: [{signal: extra}], status: running}}"
    assert problems(check, f"{case}\n    ".rstrip(), "mocks: [{step: charge, return: 1}]") == []


def test_what_is_meant_so_is_silenced_by_a_comment(check):
    case = "  - {name: it, script: [{signal: extra}], expect: {error: Timeout}}"
    assert [one[0] for one in problems(check, case)] == ["WF331"]
    assert problems(check, f"{case}  # perdure: ignore[WF331] nobody hears it") == []
    found = problems(check, "  - {name: it, expect: {error: Timeout}}  # perdure: ignore[WF331]")
    assert [one[0] for one in found] == ["WF901"]


def test_a_matrix_gives_a_case_for_each_set(check):
    by_list = (
        "  - {name: it, matrix: [{card: a}, {card: b}], input: {card: '{{ matrix.card }}'}, expect: {error: Timeout}}"
    )
    session = check(by_list)
    assert [result.case.name for result in session.results] == ["it [card=a]", "it [card=b]"]
    assert [result.case.written["input"] for result in session.results] == [{"card": "a"}, {"card": "b"}]
    by_product = (
        "  - {name: '{{ matrix.a }} and {{ matrix.b }}', matrix: {a: [1, 2], b: [x, y]}, expect: {error: Timeout}}"
    )
    names = [result.case.name for result in check(by_product).results]
    assert names == ["1 and x", "1 and y", "2 and x", "2 and y"]


def test_an_expression_keeps_the_type_of_its_parameter(check):
    case = (
        "  - {name: it, matrix: [{n: 0, m: {between: [1h, 2d]}}], expect: {error: Timeout, elapsed: '{{ matrix.m }}'}}"
    )
    assert told(check(case)) == []


def test_texts_in_braces_stay_as_they_are_without_a_matrix(check):
    session = check(
        "  - {name: it, input: {card: '{{ x }}'}, script: [{signal: approve, with: '{{ y }}'}],"
        " expect: {steps: {approval: {output: '{{ y }}'}}, status: running}}",
        head="mocks: [{step: charge, return: 1}]",
        definition="workflow: it\nsteps:\n  - {id: charge, activity: a}\n  - {id: approval, wait: {signal: approve}}\n"
        "  - {id: end, wait: {signal: x}}\n",
    )
    assert told(session) == []


def test_a_definition_that_is_missing_or_wrong_is_told(check, tmp_path):
    wrong = check("  - name: it", definition="workflow: it\nsteps: [{activty: a}]\n", head="")
    assert [text[:5] for text in told(wrong)] == ["WF232", "WF201"]
    assert not wrong.holds
    file = tmp_path / "lost.test.yaml"
    file.write_text("test: ./nowhere.yaml\ncases: [{name: it}]\n")
    [diagnostic] = read_suite(file).diagnostics
    assert (diagnostic.code, diagnostic.message) == (
        "WF232",
        "the definition cannot be read: No such file or directory",
    )


def test_a_test_needs_no_activities_installed(check):
    assert told(check("  - {name: it, expect: {error: Timeout}}", activities=[])) == []


def test_a_directory_as_a_definition_is_a_problem_like_any_other(check, tmp_path):
    file = tmp_path / "it.test.yaml"
    file.write_text("test: ./\ncases: [{name: it}]\n")
    assert [one.code for one in read_suite(file).diagnostics] == ["WF232"]


@pytest.mark.parametrize(
    ("name", "text", "ours"),
    [
        ("a.test.yaml", "# a comment\ntest: ./a.yaml\n", True),
        ("a.test.yml", "test: ./a.yaml\n", True),
        ("a.test.json", '{"test": "./a.yaml"}', True),
        ("a.test.yaml", "suite: of another tool\n", False),
        ("a.yaml", "test: ./a.yaml\n", False),
    ],
)
def test_a_file_of_tests_is_known_by_its_name_and_what_it_holds(tmp_path, name, text, ours):
    (tmp_path / name).write_text(text)
    assert is_tests(tmp_path / name) is ours


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"test: [",
        b"- a\n- b\n",
        b"test: {a: 1}\ncases: {a: 1}\n",
        b"test: ./it.yaml\ncases: [1, null, [], {name: {a: 1}}]\n",
        b"test: ./it.yaml\ncases:\n  - name: it\n    input: " + b"[" * 3000 + b"]" * 3000 + b"\n",
        b"test: ./it.yaml\ncases:\n  - name: it\n    matrix: [{a: 1}]\n    input: " + b"[" * 300 + b"]" * 300 + b"\n",
        b"test: ./it.yaml\ncases:\n  - name: it\n    expect: {output: " + b"{any: [" * 300 + b"]}" * 300 + b"}\n",
        b"test: ./it.yaml\ncases:\n  - {name: it, matrix: {a: &a [1,2,3,4,5,6,7,8,9,0], b: *a, c: *a, d: *a}}\n",
        b"test: ./it.yaml\ncases:\n  - {name: it, matrix: [{a: 1}], input: {x: '{{ 9**(9**9) }}'}}\n",
        b"test: ./it.yaml\ncases:\n  - {name: it, matrix: [{a: 1}], input: {x: '{{ matrix.a * ' , y: 1}}\n",
        b"test: ./it.yaml\ncases:\n  - {name: it, mocks: [{step: '" + b"a" * 100_000 + b"', return: 1}]}\n",
        b"test: ../../../../etc/passwd\ncases: [{name: it}]\n",
    ],
)
def test_hostile_files_are_refused_with_a_diagnostic(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "it.yaml").write_text(DEFINITION)
    file = tmp_path / "it.test.yaml"
    file.write_bytes(text)
    suite = read_suite(file)
    assert suite.definition is None
    assert [one for one in suite.diagnostics if one.severity == "error"]


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "charge", "1h", "{{ matrix.a }}", "x\n"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "input", "mocks", "script", "expect", "matrix", "step", "is", "return", "raise", "at",
                         "when", "signal", "steps", "status", "any", "between", "type", "calls", "order", "sequence"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=JSONS, mocks=JSONS)
def test_whatever_a_file_holds_is_read_without_an_exception(tmp_path: Path, case: object, mocks: object) -> None:
    import json

    (tmp_path / "it.yaml").write_text(DEFINITION)
    file = tmp_path / "it.test.yaml"
    file.write_text(json.dumps({"test": "./it.yaml", "mocks": mocks, "cases": [case, {"name": "b", "mocks": case}]}))
    suite = read_suite(file)
    assert (suite.definition is None) == any(one.severity == "error" for one in suite.diagnostics)
    for found in suite.cases:
        assert failed(run_case(suite, found))
