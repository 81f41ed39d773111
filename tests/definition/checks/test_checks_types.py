"""Types through expressions: what a definition says of its values, and expressions that can only fail with them."""

from __future__ import annotations

from typing import Any

ARGUMENTS = {
    "type": "object",
    "properties": {"card": {"type": "string"}, "amount": {"type": "number"}, "tags": {"type": "array"}},
    "required": ["card"],
    "additionalProperties": False,
}
RECEIPT = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "paid": {"type": "boolean"}, "cents": {"type": "integer"}},
    "required": ["id", "paid", "cents"],
    "additionalProperties": False,
}
CATALOGUE: dict[str, Any] = {
    "pay": {"arguments": ARGUMENTS, "result": RECEIPT},
    "find": {"arguments": {}, "result": {"anyOf": [RECEIPT, {"type": "null"}]}},
    "log": {"arguments": {}, "result": {"type": "null"}},
}
HEAD = """
        workflow: t
        input:
          type: object
          required: [name, count, lines, open]
          additionalProperties: false
          properties:
            name: {type: string}
            count: {type: integer}
            open: {type: boolean}
            note: {type: [string, "null"]}
            lines:
              type: array
              items: {type: object, properties: {sku: {type: string}}, required: [sku], additionalProperties: false}
"""


def test_operators_and_filters_refuse_what_they_never_take(holds):
    holds(
        HEAD
        + """
        steps:
          - set: {a: "{{ input.count + input.name }}", b: "{{ input.lines * input.name }}"}  # WF319 + & WF319 *
          - set: {a: "{{ input.count | length }}", b: "{{ input.lines | upper }}"}  # WF320 length & WF320 upper
          - set: {a: "{{ input.count is odd }}", b: "{{ input.name is odd }}"}  # WF320 odd
          - set: {a: "{{ range(input.name) }}", b: "{{ -input.name }}"}  # WF320 input & WF319 -
          - set: {a: "{{ input.name < input.count }}", b: "{{ 1 in input.open }}"}  # WF319 < & WF319 in
          - set: {a: "{{ 'n: ' ~ input.count }}", b: "{{ input.lines | length + input.count }}"}
        """
    )


def test_a_comparison_that_never_holds_is_told(diagnose):
    found = diagnose(
        HEAD
        + """
        steps:
          - {id: ok, ask: {prompt: ok?, choices: [approve, reject], timeout: 1d, default: late}}
          - if: input.name == input.count
            set: {a: "{{ steps.ok.answer != 'approved' }}"}
          - set: {b: "{{ steps.ok.answer in ['late', 'reject'] and input.name == 'x' and input.note == none }}"}
          - set: {c: "{{ input.count in ['1', '2'] }}"}
          - return: "{{ [vars.a, vars.b, vars.c] }}"
        """
    )
    assert [(d.code, d.severity, d.message) for d in found if d.code != "WF340"] == [
        ("WF321", "warning", "== never holds: a text never equals a number"),
        ("WF321", "warning", '!= always holds: "approve" | "late" | "reject" never equals "approved"'),
        ("WF321", "warning", "in never holds: a number and the items are a text"),
    ]


def test_a_case_that_no_choice_equals_is_told(diagnose):
    found = diagnose(
        HEAD
        + """
        steps:
          - id: q
            ask: {prompt: ok, choices: [approve, reject], timeout: 1d}
          - id: b
            branch:
              on: steps.q.answer
              cases:
                aprove: [{id: w, wait: 1s}]
                reject: [{id: v, wait: 1s}]
        """
    )
    assert [(one.code, one.severity, one.message, one.hint) for one in found] == [
        (
            "WF321",
            "warning",
            'the case "aprove" never matches: `on` is "approve" | "reject"',
            'did you mean "approve"?',
        )
    ]


def test_conditions_collections_and_choices_have_their_types(holds):
    holds(
        HEAD
        + """
        steps:
          - if: input.name  # WF307 input.name
            set: {a: 1}
          - branch: [{when: input.lines, steps: []}]  # WF307 input.lines
          - branch: {on: input.lines, cases: {a: []}}  # WF322 input.lines
          - foreach: input.name  # WF313 input.name
            steps: [{repeat: {until: index}, steps: [{set: {a: 2}}]}]  # WF307 index
          - if: input.open and input.note is none
            foreach: input.lines
            steps: []
        """
    )


def test_items_states_and_messages_have_their_types(holds):
    holds(
        HEAD
        + """
        steps:
          - foreach: input.lines
            as: line
            steps:
              - set: {a: "{{ line.sku }}", b: "{{ line.skuu }}", c: "{{ index | upper }}"}  # WF311 skuu & WF320 upper
          - set: {a: "{{ input.lines | map(attribute='price') | sum }}"}  # WF311 price
          - receive:
              state: {total: 0, last: null}
              on:
                - signal: add
                  input: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}
                  set: {total: "{{ state.total + message.n }}", last: "{{ message.m }}"}  # WF311 m
                  stop: true
            id: sum
          - set: {x: "{{ steps.sum.total | upper }}", y: "{{ steps.sum.totl }}"}  # WF320 upper & WF311 totl
        """
    )


def test_a_variable_is_all_that_is_ever_assigned_to_it(holds):
    holds(
        HEAD
        + """
        vars: {total: 0, text: "", both: 1, found: null}
        steps:
          - set: {total: "{{ vars.total + input.count }}", text: "{{ vars.text ~ 'x' }}", both: a, found: {id: 1}}
          - set: {a: "{{ vars.total | upper }}", b: "{{ vars.text + 1 }}"}  # WF320 upper & WF319 +
          - set: {c: "{{ vars.both | upper }}"}
          - set: {d: "{{ vars.found.id }}", e: "{{ vars.found.ident }}"}  # WF311 ident
        """
    )


def test_arguments_are_checked_by_the_types_of_templates(diagnose):
    found = diagnose(
        HEAD
        + """
        steps:
          - {id: paid, activity: pay, with: {card: "{{ input.count }}", amount: "{{ input.name }}"}}
          - {activity: pay, with: {card: "{{ steps.paid.id }}", amount: "{{ input.lines }}", tags: ["{{ input }}"]}}
          - {activity: pay, with: {card: "no {{ input.count }}", amount: "{{ steps.paid.cents / 100 }}"}}
          - {activity: pay, with: {card: "{{ input.note }}"}}
        """,
        catalogue=CATALOGUE,
    )
    assert [(d.code, d.severity, d.message) for d in found] == [
        ("WF604", "error", '"card" takes a text, not a number'),
        ("WF604", "warning", '"amount" takes a number, not a text'),
        ("WF604", "error", '"amount" takes a number, not a list'),
        ("WF318", "warning", '"card" takes no null, and this may be null'),
    ]


def test_arguments_of_a_fragment_are_checked_by_type_and_its_result_is_known(holds):
    holds(
        HEAD
        + """
        fragments:
          f:
            input: {type: object, properties: {n: {type: integer}}, required: [n]}
            steps: [{id: s, set: {twice: "{{ input.n * 2 }}"}}]
            output: {twice: "{{ steps.s.twice }}"}
        steps:
          - {use: f, with: {n: "{{ input.name }}"}}  # WF411 "{{ input.name }}"
          - {id: two, use: f, with: {n: "{{ input.count }}"}}
          - set: {a: "{{ steps.two.twice + 1 }}", b: "{{ steps.two.thrice }}"}  # WF311 thrice
        """
    )


def test_results_are_known_through_blocks_groups_loops_and_waits(holds):
    holds(
        HEAD
        + """
        steps:
          - {id: block, steps: [{id: paid, activity: pay, with: {card: x}}], output: {paid: "{{ steps.paid }}"}}
          - {id: both, parallel: {branches: {l: [{activity: pay, with: {card: x}}], r: [{set: {n: 1}}]}}}
          - {id: each, foreach: input.lines, steps: [{activity: pay, with: {card: x}}]}
          - id: tried
            foreach: input.lines
            on_error: collect
            steps: [{activity: pay, with: {card: x}}]
          - {id: first, wait: {any: [{signal: paid}, {after: 1d, name: late}]}}
          - set: {a: "{{ steps.block.paid.idd }}", b: "{{ steps.both.l.idd }}"}  # WF311 idd & WF311 idd
          - set: {a: "{{ steps.both.r.n | upper }}", b: "{{ steps.each[0].idd }}"}  # WF320 upper & WF311 idd
          - set: {a: "{{ steps.tried[0].value.idd }}", b: "{{ steps.tried[0].okk }}"}  # WF311 idd & WF311 okk
          - set: {a: "{{ steps.first.name == 'paid' }}", b: "{{ steps.first.name == 'payed' }}"}  # WF321 ==
        """,
        catalogue=CATALOGUE,
    )


def test_a_step_that_may_not_have_run_is_told_with_the_reason(diagnose):
    found = diagnose(
        HEAD
        + """
        steps:
          - {id: skipped, if: input.open, activity: pay, with: {card: x}}
          - branch:
              - when: input.count > 1
                steps: [{id: arm, activity: pay, with: {card: x}}]
              - else: []
          - parallel:
              join: any
              branches: {l: [{id: lane, activity: pay, with: {card: x}}], r: [{activity: log}]}
          - id: outer
            steps: [{id: torn, activity: pay, with: {card: x}}]
            catch: [{steps: [{id: caught, activity: log}]}]
          - {id: found, activity: find}
          - set: {a: "{{ steps.skipped.id }}"}
          - set: {a: "{{ steps.arm.id }}"}
          - set: {a: "{{ steps.lane.id }}"}
          - set: {a: "{{ steps.torn.id }}"}
          - set: {a: "{{ steps.found.id }}"}
        finally: [{id: last, set: {a: "{{ steps.found.id }}"}}]
        """,
        catalogue=CATALOGUE,
    )
    assert [(d.code, d.severity, d.message) for d in found] == [
        ("WF317", "warning", "steps.skipped is null when its `if` does not hold"),
        ("WF317", "warning", "steps.arm is null when its arm is not taken"),
        ("WF317", "warning", "steps.lane is null when its branch fails or loses the join"),
        ("WF317", "warning", "steps.torn is null when an error in outer is caught"),
        ("WF318", "warning", "steps.found may be null here"),
        ("WF317", "warning", "steps.found is null when an error comes before it"),
    ]


def test_guards_and_conditions_around_settle_whether_a_step_has_run(holds):
    holds(
        HEAD
        + """
        steps:
          - {id: one, if: input.open, activity: pay, with: {card: x}}
          - {id: two, if: input.count > 1 and input.open, activity: pay, with: {card: "{{ steps.one.id }}"}}
          - set:
              a: "{{ steps.one.id | default('none') }}"
              b: "{{ steps.one.id if steps.one is not none else 1 }}"
              c: "{{ steps.one is none or steps.one.paid }}"
              d: "{{ steps.one.id if steps.one else 1 }}"
              e: "{{ steps.one.id is defined and steps.one.id == 'x' }}"
              f: "{{ steps.one.id if input.open else 1 }}"
              g: "{{ (steps.one | default({'id': 'x'}, true)).id }}"
          - branch:
              - when: input.open
                steps: [{set: {a: "{{ steps.one.id }}"}}]
              - when: steps.two != none
                steps: [{set: {a: "{{ steps.two.id }}"}}]
              - else: [{set: {a: "{{ steps.two.id }}"}}]  # WF311 id
          - {if: not input.open, fail: {type: Closed}}
          - set: {a: "{{ steps.one.id }}"}
          - branch: [{when: input.count > 3, steps: [{id: big, activity: pay, with: {card: x}}]}, {else: [{return: 1}]}]
          - set: {a: "{{ steps.big.id }}"}
          - {id: found, activity: find}
          - {if: steps.found is none, return: 1}
          - set: {a: "{{ steps.found.id }}"}
        """,
        catalogue=CATALOGUE,
    )


def test_a_name_that_is_bound_anew_is_not_what_a_condition_asked_about(holds):
    holds("""
        workflow: t
        input: {type: object, properties: {rows: {type: array, items: {type: array, items: {type: [string, "null"]}}}}}
        steps:
          - foreach: input.rows
            steps:
              - if: item is sequence
                foreach: item
                steps:
                  - {set: {a: "{{ item | upper }}"}}  # WF318 item
                  - {if: item is string, set: {a: "{{ item | upper }}"}}
        """)


def test_a_result_of_null_has_no_fields_and_an_error_has_its_own(holds):
    holds(
        """
        workflow: t
        steps:
          - {id: log, activity: log}
          - set: {a: "{{ steps.log.id }}"}  # WF311 id
          - {id: pause, wait: 1s}
          - set: {a: "{{ steps.pause + 1 }}"}  # WF319 +
            catch: [{steps: [{set: {a: "{{ error.type + 1 }}", b: "{{ error.details.x }}"}}]}]  # WF319 +
        """,
        catalogue=CATALOGUE,
    )


def test_an_undo_reads_what_its_step_gave_and_not_what_a_catch_put_in_its_place(holds):
    holds(
        HEAD
        + """
        steps:
          - id: paid
            activity: pay
            with: {card: x}
            compensate: {activity: pay, with: {card: "{{ steps.paid.id }}"}}
            catch: [{steps: []}]
          - id: twice
            steps: [{activity: pay, with: {card: x}}]
            output: {receipt: R1}
            compensate:
              steps:
                - {activity: pay, with: {card: "{{ steps.twice.receipt }}"}}
                - {activity: pay, with: {card: x, amount: "{{ steps.twice.cents }}"}}  # WF311 cents
            catch: [{steps: []}]
          - {activity: pay, with: {card: "{{ steps.paid.id }}"}}  # WF318 paid
        """,
        catalogue=CATALOGUE,
    )


def test_types_that_grow_without_end_are_given_up(holds):
    holds("""
        workflow: t
        vars: {x: 0, y: []}
        steps:
          - repeat: {until: vars.y | length > 3}
            steps: [{set: {x: {inner: "{{ vars.x }}"}, y: "{{ vars.y + [vars.y] }}"}}]
        output: ["{{ vars.x.inner }}", "{{ vars.y | length }}"]
        """)


def test_nothing_is_said_of_what_a_condition_around_has_ruled_out(holds):
    holds("""
        workflow: t
        steps:
          - if: input.yes
            steps:
              - branch: [{when: not input.no, steps: []}, {else: [{if: input.yes, set: {a: 1}}]}]
              - {if: input.yes, set: {a: 1}}
              - branch:
                  - {when: input.yes, steps: []}
                  - {else: [{if: input.yes, set: {a: "{{ input.yes + 1 }}"}}]}
        """)


def test_branches_of_thousands_of_arms_are_looked_at_once(diagnose, monkeypatch):
    from perdure.definition.checks.grounds import Grounds

    asked = []
    given = Grounds.given
    monkeypatch.setattr(Grounds, "given", lambda self, *rest: asked.append(1) or given(self, *rest))
    arms = "".join(
        f"              - {{when: input.count == {n}, steps: [{{id: s{n}, wait: 1s}}]}}\n" for n in range(400)
    )
    found = diagnose(f"{HEAD}\n        steps:\n          - id: b\n            branch:\n{arms}")
    assert not [one for one in found if one.severity == "error"]
    assert len(asked) < 400 * 4
