"""Names other than steps, conditions, and the syntax of expressions."""

from __future__ import annotations

import pytest

from perdure.definition.checks.constants import MOST_COSTLY, UNKNOWN, Constants
from perdure.expressions import compile_expression


def test_every_place_of_an_expression_is_looked_at(holds):
    holds("""
        workflow: t
        vars: {a: "{{ v1 }}"}  # WF304 v1
        labels: {a: "{{ v2 }}"}  # WF304 v2
        timeout: "{{ v3 }}"  # WF304 v3
        output: ["{{ v4 }}"]  # WF304 v4
        catch: [{if: v5}]  # WF304 v5
        defaults: {"a.*": {timeout: "{{ v6 }}", retry: {delay: "{{ v7 }}"}}}  # WF304 v6 & WF304 v7
        fragments: {f: {steps: [{set: {x: "{{ v8 }}"}}], output: "{{ v9 }}"}}  # WF304 v8 & WF304 v9
        steps:
          - activity: a.b
            with: {x: [{y: "{{ w1 }}"}]}  # WF304 w1
            if: w2  # WF304 w2
            summary: "about {{ w3 }}"  # WF304 w3
            output: {x: "{{ w4 }}"}  # WF304 w4
            description: "{{ not looked at }}"
          - activity: c.d
            timeout:
              {attempt: "{{ a1 }}", total: "{{ a2 }}",  # WF304 a1 & WF304 a2
               queue: "{{ a3 }}", heartbeat: "{{ a4 }}"}  # WF304 a3 & WF304 a4
            retry:
              {attempts: "{{ r1 }}", backoff: "{{ r2 }}",  # WF304 r1 & WF304 r2
               delay: "{{ r3 }}", factor: "{{ r4 }}"}  # WF304 r3 & WF304 r4
          - activity: c.d
            retry: {max_delay: "{{ r5 }}", jitter: "{{ r6 }}", within: "{{ r7 }}"}  # WF304 r5 & WF304 r6 & WF304 r7
            compensate: {activity: c.d, with: {x: "{{ u1 }}"}}  # WF304 u1
          - branch: [{when: b1, steps: []}, {else: [{return: "{{ b2 }}"}]}]  # WF304 b1 & WF304 b2
          - branch:
              on: b3  # WF304 b3
              cases: {x: [{set: {x: "{{ b4 }}"}}]}  # WF304 b4
              else: [{set: {x: "{{ b5 }}"}}]  # WF304 b5
          - parallel:
              branches: {x: {if: p1, steps: [{set: {x: "{{ p2 }}"}}]}}  # WF304 p1 & WF304 p2
              join: "{{ p3 }}"  # WF304 p3
              tolerate: "{{ p4 }}"  # WF304 p4
          - foreach: f1  # WF304 f1
            concurrency: "{{ f2 }}"  # WF304 f2
            join: "{{ f3 }}"  # WF304 f3
            tolerate: "{{ f4 }}"  # WF304 f4
            steps:
              - fail: {type: "{{ f5 }}", message: "{{ f6 }}", details: ["{{ f7 }}"]}  # WF304 f5 & WF304 f6 & WF304 f7
          - repeat: {while: l1, max: "{{ l2 }}"}  # WF304 l1 & WF304 l2
            steps: []
          - repeat: {until: l3}  # WF304 l3
            steps: [{activity: a.b}]
          - {id: w1, wait: "{{ t1 }}"}  # WF304 t1
          - {id: w2, wait: {for: "{{ t2 }}"}}  # WF304 t2
          - {id: w3, wait: {until: "{{ t3 }}", timezone: "{{ t4 }}"}}  # WF304 t3 & WF304 t4
          - {id: w4, wait: {signal: s, timeout: "{{ t5 }}", default: {x: "{{ t6 }}"}}}  # WF304 t5 & WF304 t6
          - {id: w5, wait: {any: [{after: "{{ t7 }}", name: x}, {until: "{{ t8 }}", name: y}]}}  # WF304 t7 & WF304 t8
          - {id: w6, wait: {all: [{after: "{{ t9 }}", name: x}]}}  # WF304 t9
          - id: s1
            select:
              - {after: "{{ s1 }}", steps: []}  # WF304 s1
              - {until: "{{ s2 }}", timezone: "{{ s3 }}", steps: []}  # WF304 s2 & WF304 s3
          - id: s2
            select:
              arms: [{after: "{{ s4 }}", steps: []}]  # WF304 s4
              timeout: "{{ s5 }}"  # WF304 s5
              default: "{{ s6 }}"  # WF304 s6
          - id: q1
            ask:
              prompt: "{{ q1 }}"  # WF304 q1
              form: {enum: "{{ q2 }}"}  # WF304 q2
              of: ["{{ q3 }}"]  # WF304 q3
              reminders: ["{{ q4 }}"]  # WF304 q4
          - id: q2
            ask:
              prompt: x
              choices: ["{{ q5 }}"]  # WF304 q5
              timeout: "{{ q6 }}"  # WF304 q6
              default: "{{ q7 }}"  # WF304 q7
          - {use: f, with: {x: "{{ u2 }}"}}  # WF304 u2
        """)


def test_the_names_of_a_scope_are_there_in_the_scope_only(holds):
    holds("""
        workflow: t
        steps:
          - foreach: input.items
            steps: [{set: {a: "{{ item.x + index }}"}}]
          - foreach: input.items
            as: order
            steps: [{set: {b: "{{ order.x + index }}", c: "{{ item }}"}}]  # WF304 item
          - repeat: {while: index < 3}
            steps: [{set: {d: "{{ index }}", e: "{{ item }}"}}]  # WF304 item
          - repeat: {until: index > 3}
            steps: [{set: {d: "{{ index }}"}}]
          - activity: a.b
            catch:
              - errors: [A]
                if: error.type == "A" and problem.type == "A"
                as: problem
                steps: [{set: {f: "{{ problem.message + error.type }}"}}]
              - {if: problem.type == "B"}  # WF304 problem
            finally: [{set: {g: "{{ error }}"}}]  # WF304 error
          - id: choice
            select:
              - {signal: go, steps: [{set: {h: "{{ message.x }}"}}]}
              - {after: "{{ message }}", steps: []}  # WF304 message
          - set: {i: "{{ index }}", j: "{{ run.id }}", k: "{{ input }}"}  # WF304 index
        """)


def test_scopes_add_up_and_undos_keep_the_names_around_their_step(holds):
    holds("""
        workflow: t
        steps:
          - foreach: input.orders
            as: order
            steps:
              - foreach: order.lines
                as: line
                steps:
                  - activity: a.b
                    with: {x: "{{ order.id ~ line.id }}"}
                    compensate: {activity: a.c, with: {x: "{{ order.id ~ line.id ~ index }}"}}
                    finally: [{activity: a.d, with: {x: "{{ line.id }}"}}]
        """)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("imput.a", 'did you mean "input"?'),
        ("amount", 'did you mean "input.amount"?'),
        ("amuont", 'did you mean "input.amount"?'),
        ("total", 'did you mean "vars.total"?'),
        ("flight.id", 'did you mean "steps.flight"?'),
        ("now", "write now()"),
        ("item", "it is there inside a foreach"),
        ("message", "it is there inside the arms of a select, the handlers of a receive and schedules of events"),
        ("state", "it is there inside a receive, and in queries"),
        ("zebra_crossing", "known here: input, steps, vars, run"),
    ],
)
def test_an_unknown_name_is_answered_with_what_may_be_meant(diagnose, written, hint):
    found = diagnose(f"""
        workflow: t
        input: {{type: object, properties: {{amount: {{}}}}}}
        vars: {{total: 0}}
        steps:
          - {{id: flight, activity: a.b}}
          - set: {{total: "{{{{ {written} }}}}"}}
        """)
    assert [(d.code, d.message, d.hint) for d in found] == [
        ("WF304", f'there is no name "{written.partition(".")[0]}" here', hint)
    ]


def test_an_item_that_has_another_name_is_offered_under_it(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - foreach: input.a
            as: order
            steps: [{steps: [{set: {a: "{{ item }}"}}]}]
        """)
    assert [d.hint for d in found] == ['here it is called "order"']


def test_secrets_are_readable_inside_with_only(holds):
    holds("""
        workflow: t
        vars: {key: "{{ secrets.key }}"}  # WF315 secrets
        labels: {key: "{{ secrets.key }}"}  # WF315 secrets
        queries: {key: secrets.key}  # WF315 secrets
        fragments:
          pay:
            steps: [{activity: a.b, with: {key: "{{ secrets.key }}", other: "{{ input.key }}"}}]
            output: "{{ secrets.key }}"  # WF315 secrets
        steps:
          - activity: a.b
            if: secrets.key == "a"  # WF315 secrets
            with: {key: "{{ secrets.key }}", deep: [{header: "Bearer {{ secrets.other_key }}"}]}
            timeout: "{{ secrets.key }}"  # WF315 secrets
            compensate: {activity: a.c, with: {key: "{{ secrets.key }}"}}
          - {workflow: kid, with: {key: "{{ secrets.key }}"}}
          - {use: pay, with: {key: "{{ secrets.key }}"}}
          - {send: {to: a, signal: s, data: "{{ secrets.key }}"}}  # WF315 secrets
          - {id: q, ask: {prompt: "{{ secrets.key }}"}}  # WF315 secrets
          - {set: {a: "{{ secrets.key }}"}}  # WF315 secrets
        output: "{{ secrets.key }}"  # WF315 secrets
        """)


def test_secrets_are_handed_on_and_not_looked_at(holds):
    holds("""
        workflow: t
        steps:
          - activity: a.b
            with:
              a: "{{ 'Bearer ' ~ secrets.key }}"
              b: "{{ {'x': [secrets.key]} }}"
              c: "{{ secrets.live if input.live else secrets.test }}"
              d: "{{ secrets['live-key'] }}"
              e: "{{ secrets.key | upper }}"  # WF316 secrets
              f: "{{ secrets.key | default('x') }}"  # WF316 secrets
              g: "{{ secrets.key == 'x' }}"  # WF316 secrets
              h: "{{ 'a' if secrets.key else 'b' }}"  # WF316 secrets
              i: "{{ secrets.key[0] }}"  # WF316 secrets
              j: "{{ secrets[input.name] }}"  # WF316 secrets
              k: "{{ secrets }}"  # WF316 secrets
              l: "{{ input.list[secrets.key] }}"  # WF316 secrets
              m: "{{ (secrets.key ~ 'x') | length }}"  # WF316 secrets
              n: "{{ secrets['a b'] }}"  # WF316 secrets
              o: "{{ secrets.a.b }}"  # WF316 secrets
        """)


def test_variables_must_be_set_somewhere(holds):
    holds("""
        workflow: t
        vars: {total: 0, other: "{{ vars.total }}"}  # WF303 total
        fragments: {f: {steps: [{set: {inside: 1}}]}}
        steps:
          - set: {count: "{{ vars.total + vars.inside }}"}
          - set: {a: "{{ vars.cuont }}", b: "{{ vars.count }}"}  # WF303 cuont
          - set: {c: "{{ vars }}", d: "{{ vars[input.x] }}"}
          - use: f
        """)


def test_a_guarded_variable_that_nothing_sets_is_a_warning(diagnose):
    found = diagnose("""
        workflow: t
        steps: [{set: {a: "{{ vars.nothing | default(0) }}", b: "{{ vars.neither is defined }}"}}]
        """)
    assert [(d.code, d.severity) for d in found] == [("WF303", "warning"), ("WF303", "warning")]


@pytest.mark.parametrize(
    ("text", "code", "token"),
    [
        ("{{ input.a | uper }}", "WF305", "uper"),
        ("{{ input.a is odd_ }}", "WF305", "odd_"),
        ("{{ input.a | map('nope') }}", "WF305", "nope"),
        ("{{ noow() }}", "WF306", "noow"),
        ("{{ input.a.split(',') }}", "WF306", "split"),
        ("{% if input.a %}x{% endif %}", "WF308", "{"),
        ("{{ " + "(" * 50 + "1" + ")" * 50 + " }}", "WF309", "("),
        ("{{ " + "+".join(["1"] * 300) + " }}", "WF309", "+"),
        ("{{ input.a + }}", "WF310", "}"),
        ("{{ input.a input.b }}", "WF310", "input"),
        ("{{ input.a", "WF310", "{"),
        ("{{ }}", "WF310", " "),
    ],
)
def test_what_does_not_compile_has_its_code_and_its_token(diagnose, text, code, token):
    found = diagnose(f"workflow: t\nsteps:\n  - set:\n      a: |\n        {text}\n")
    line = f"        {text}"
    assert [(d.code, line[d.place.column - 1 : d.place.end_column - 1]) for d in found] == [(code, token)]


def test_a_broken_expression_does_not_hide_the_others_in_its_text(holds):
    holds("""
        workflow: t
        steps:
          - set:
              a: "{{ one }}{{ two | uper }}{{ three + }}{{ four }}"  # WF304 one & WF305 uper & WF310 } & WF304 four
              b: "{{ five }}"  # WF304 five
        """)


def test_a_condition_is_one_bare_expression(holds):
    holds("""
        workflow: t
        steps:
          - if: "{{ input.a }}"
            set: {a: 1}
          - if: "{{ input.a }} and {{ input.b }}"  # WF310 "{{ input.a }} and {{ input.b }}"
            set: {a: 1}
          - if: "input.a &&"  # WF310 &
            set: {a: 1}
        """)


def test_constant_conditions_are_errors_unless_boolean_and_warnings_then(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - {if: '"yes"', set: {a: 1}}
          - {if: "1 / 0", set: {a: 1}}
          - {if: "1", set: {a: 1}}
          - {if: "1 == 1", set: {a: 1}}
          - {if: false, set: {a: 1}}
          - {if: "none", set: {a: 1}}
          - {repeat: {while: true}, steps: [{activity: a.b}]}
          - {repeat: {until: "false"}, steps: [{activity: a.b}]}
          - {repeat: {while: false}, steps: [{activity: a.b}]}
          - {if: "random() < 0.5", set: {a: 1}}
        """)
    assert [(d.place.line, d.code, d.severity, d.message) for d in found] == [
        (3, "WF307", "error", "a condition is true, false or null, not a text"),
        (4, "WF307", "error", "the condition always fails: division by zero"),
        (5, "WF307", "error", "a condition is true, false or null, not a number"),
        (6, "WF312", "warning", "the condition always holds"),
        (7, "WF312", "warning", "the condition never holds"),
        (8, "WF312", "warning", "the condition never holds"),
        (11, "WF312", "warning", "the condition never holds"),
    ]


def test_constants_that_always_fail_are_told_at_their_token(diagnose):
    found = diagnose("""
        workflow: t
        steps: [{set: {a: "{{ 1 / 0 }}", b: "text {{ 9 ** (9 ** 9) }}", c: "{{ 'a' + 1 }}", d: "{{ 9 ** 9 }}"}}]
        """)
    assert [(d.code, d.place.column, d.message) for d in found] == [
        ("WF314", 23, "division by zero"),
        ("WF309", 46, "the number would have more than 4,096 bits"),
        ("WF314", 72, "+ cannot take a text and a number"),
    ]


def test_costly_constants_are_evaluated_a_few_times_only():
    constants = Constants()
    costly = [constants.value(compile_expression(f"('x' * {n}) | length"))[0] for n in range(30)]
    assert costly == [*range(MOST_COSTLY), *[UNKNOWN] * (30 - MOST_COSTLY)]
    assert constants.value(compile_expression("('x' * 3) | length")) == (3, None)


def test_a_foreach_over_a_constant_that_is_no_list_is_refused(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - {foreach: "'abc'", steps: []}
          - {foreach: "[1, 2]", steps: []}
          - {foreach: [1, 2], steps: []}
          - {foreach: [1, "{{ input.a }}"], steps: []}
        """)
    assert [(d.place.line, d.code, d.message) for d in found] == [
        (3, "WF313", "foreach takes a list, not a text"),
        (6, "WF310", "the items of a literal list are no templates"),
    ]


def test_expressions_in_defaults_are_looked_up_where_they_hold(holds):
    holds(
        """
        workflow: t
        defaults:
          "pay.*": {timeout: "{{ steps.limits.pay }}"}
          "mail.*": {timeout: "{{ steps.limits.mail }}"}  # WF302 limits
          "mail.sent": {retry: {delay: "{{ item.delay }}"}}
        steps:
          - activity: mail.send
          - id: limits
            activity: config.limits
          - activity: pay.charge
          - foreach: input.a
            steps: [{activity: mail.sent}]
        """
    )


def test_what_is_wrong_in_a_default_is_told_once_for_all_its_activities(diagnose):
    found = diagnose("""
        workflow: t
        defaults: {"*": {timeout: "{{ nothing }}"}}
        steps: [{activity: a.a}, {activity: a.b}, {activity: a.c, timeout: 3s}]
        """)
    assert [(d.code, d.place.line) for d in found] == [("WF304", 2)]
