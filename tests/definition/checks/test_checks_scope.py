"""Which step can be read where (language, "Scope")."""

from __future__ import annotations

import pytest


def test_a_step_reads_those_before_it_but_not_those_after_it(holds):
    holds("""
        workflow: t
        steps:
          - id: first
            set: {a: "{{ steps.second }}"}  # WF302 second
          - id: second
            set: {b: "{{ steps.first }}"}
        """)


def test_a_step_that_does_not_exist_is_told_apart_from_one_that_has_not_run(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - set: {a: "{{ steps.fetchh }}", b: "{{ steps.fetch }}"}
          - id: fetch
            activity: shop.fetch
        """)
    assert [(d.code, d.name, d.message, d.hint) for d in found] == [
        ("WF301", "unknown-step", 'there is no step "fetchh"', 'did you mean "fetch"?'),
        ("WF302", "step-not-yet-run", 'step "fetch" runs after this', None),
    ]


def test_a_step_cannot_read_itself_but_in_its_output_and_its_undo(holds):
    holds("""
        workflow: t
        steps:
          - id: book
            if: steps.book == 1  # WF302 book
            activity: flights.book
            with: {a: "{{ steps.book }}"}  # WF302 book
            timeout: "{{ steps.book }}"  # WF302 book
            output: "{{ steps.book.id }}"
            compensate: {activity: flights.cancel, with: {id: "{{ steps.book.id }}"}}
            catch:
              - if: steps.book == 1  # WF302 book
                steps: [{set: {a: "{{ steps.book }}"}}]  # WF302 book
            finally: [{set: {b: "{{ steps.book }}"}}]  # WF302 book
        """)


def test_everything_inside_an_earlier_block_is_readable(holds):
    holds("""
        workflow: t
        steps:
          - branch:
              - when: input.a
                steps: [{id: in_when, set: {a: 1}}]
              - else: [{id: in_else, set: {a: 2}}]
          - branch:
              on: input.b
              cases: {x: [{id: in_case, set: {a: 1}}]}
              else: [{id: in_other, set: {a: 2}}]
          - parallel: {branches: {left: [{id: in_lane, set: {b: 1}}]}}
          - id: choice
            select: [{after: 1s, steps: [{id: in_arm, set: {a: 3}}]}]
          - steps: [{steps: [{id: in_block, set: {a: 4}}]}]
            catch: [{steps: [{id: in_catch, set: {a: 5}}]}]
          - set:
              all: "{{ [steps.in_when, steps.in_else, steps.in_case, steps.in_other, steps.in_lane] }}"
              rest: "{{ [steps.in_arm, steps.in_block, steps.in_catch, steps.choice] }}"
        """)


def test_arms_and_branches_do_not_see_each_other(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - branch:
              - when: input.a
                steps: [{id: one, set: {a: 1}}]
              - else: [{set: {a: "{{ steps.one }}"}}]
          - parallel:
              branches:
                left: [{id: left, set: {b: 1}}]
                right: [{set: {c: "{{ steps.left }}"}}]
        """)
    assert [(d.code, d.message) for d in found] == [
        ("WF302", 'step "one" stands in another arm'),
        ("WF302", 'step "left" runs in another branch, at the same time'),
    ]


def test_steps_of_a_loop_are_readable_in_their_turn_only(holds):
    holds("""
        workflow: t
        steps:
          - id: each
            foreach: input.items
            steps:
              - id: inner
                activity: a.b
              - set: {x: "{{ steps.inner }}"}
            output: "{{ steps.inner }}"  # WF302 inner
          - repeat: {until: steps.turn.done}
            steps: [{id: turn, activity: a.b}]
          - repeat: {while: steps.again.more}  # WF302 again
            steps: [{id: again, activity: a.b}]
            catch: [{if: steps.again == 1}]  # WF302 again
          - repeat: {until: steps.deep.done}  # WF302 deep
            steps: [{foreach: input.items, steps: [{id: deep, activity: a.b}]}]
          - set: {y: "{{ steps.each }}", z: "{{ steps.turn }}"}  # WF302 turn
        """)


def test_steps_of_finally_and_compensate_are_never_readable_outside(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - steps: [{id: work, activity: a.b}]
            finally: [{id: closing, set: {a: "{{ steps.work }}"}}, {set: {b: "{{ steps.closing }}"}}]
            compensate:
              steps: [{id: undo, set: {c: "{{ steps.work }}"}}, {set: {d: "{{ steps.undo }}"}}]
            output: "{{ steps.closing }}"
          - set: {e: "{{ steps.closing }}", f: "{{ steps.undo }}"}
        """)
    assert [(d.place.line, d.code, d.message) for d in found] == [
        (7, "WF302", 'step "closing" stands in a finally and is not readable outside'),
        (8, "WF302", 'step "closing" stands in a finally and is not readable outside'),
        (8, "WF302", 'step "undo" stands in a compensate and is not readable outside'),
    ]


def test_catch_and_finally_see_what_is_inside_and_finally_sees_the_catch_too(holds):
    holds("""
        workflow: t
        steps:
          - steps: [{id: work, activity: a.b}]
            catch:
              - {errors: [Timeout], if: steps.work == 1, steps: [{id: arm, set: {a: "{{ steps.work }}"}}]}
              - if: steps.arm == 1  # WF302 arm
                steps: [{set: {b: "{{ steps.arm }}"}}]  # WF302 arm
            finally: [{set: {c: "{{ [steps.work, steps.arm] }}"}}]
        """)


def test_the_run_s_own_catch_finally_and_output_see_its_steps(holds):
    holds("""
        workflow: t
        vars: {early: "{{ steps.work }}"}  # WF302 work
        timeout: "{{ steps.work }}"  # WF302 work
        labels: {label: "{{ input.a }}"}
        catch: [{if: steps.work == 1, steps: [{set: {a: "{{ steps.work }}"}}]}]
        finally: [{set: {b: "{{ steps.work }}"}}]
        output: "{{ steps.work }}"
        steps: [{id: work, activity: a.b}]
        """)


def test_a_fragment_and_the_document_do_not_see_each_other_s_steps(holds):
    holds("""
        workflow: t
        fragments:
          greet:
            steps:
              - id: inner
                set: {a: "{{ steps.outer }}"}  # WF301 outer
              - set: {b: "{{ steps.inner }}"}
            output: "{{ steps.inner }}"
        steps:
          - id: outer
            use: greet
            with: {a: 1}
          - set: {c: "{{ steps.inner }}", d: "{{ steps.outer }}"}  # WF301 inner
        """)


@pytest.mark.parametrize(
    ("written", "token"),
    [
        ("steps.late.id", "late"),
        ('steps["late"].id', "late"),
        ("steps . late", "late"),
        ("steps['late']", "late"),
        ("1 + steps.late", "late"),
    ],
)
def test_the_token_of_an_id_is_found_however_it_is_written(diagnose, written, token):
    found = diagnose(f"""
        workflow: t
        steps:
          - set:
              a: >-
                text {{{{ {written} }}}} more
          - {{id: late, activity: a.b}}
        """)
    line = f"        text {{{{ {written} }}}} more"
    assert [(d.code, d.place.line, line[d.place.column - 1 : d.place.end_column - 1]) for d in found] == [
        ("WF302", 5, token)
    ]


def test_an_id_with_a_dash_read_with_a_dot_is_one_problem_with_the_right_spelling(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - {id: book-flight, activity: a.b}
          - set: {a: "{{ steps.book-flight.id }}"}
        """)
    assert [(d.code, d.message, d.hint) for d in found] == [
        ("WF301", "book-… is a subtraction here", 'write steps["book-flight"]')
    ]


def test_steps_read_as_a_whole_or_by_a_computed_key_are_left_alone(holds):
    holds("""
        workflow: t
        steps:
          - set: {a: "{{ steps[input.which] }}", b: "{{ steps | length }}"}
          - set: {c: "{{ steps[0] }}"}  # WF301 0
        """)


def test_an_id_given_twice_is_told_at_the_second_with_the_first_beside_it(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - steps: [{id: pay, activity: a.b}]
          - id: pay
            activity: c.d
          - set: {a: "{{ steps.pay }}"}
        """)
    assert [(d.code, d.place.line, [(r.place.line, r.message) for r in d.related]) for d in found] == [
        ("WF208", 4, [(3, "the first one is here")])
    ]


def test_a_rollback_goes_back_to_an_earlier_step_only(holds):
    holds("""
        workflow: t
        steps:
          - id: flight
            activity: a.b
          - rollback: {to: flight}
          - rollback: all
          - rollback: {to: fligth}  # WF408 fligth
          - rollback: {to: hotel}  # WF408 hotel
          - id: hotel
            activity: a.b
        """)
