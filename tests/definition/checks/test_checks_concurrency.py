"""Variables that two positions which can run at once both set."""

from __future__ import annotations


def test_branches_that_set_one_variable_are_refused_with_both_places(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - parallel:
              branches:
                a: [{set: {total: 1, own: 1}}]
                b: [{steps: [{if: input.a, set: {total: 2}}]}]
                c: [{set: {other: 3}, catch: [{steps: [{set: {total: 3}}]}]}]
          - set: {total: 4}
        """)
    assert [(d.code, d.place.line, d.message, [r.place.line for r in d.related]) for d in found] == [
        ("WF401", 6, 'another branch, at the same time, sets "total" too', [5]),
        ("WF401", 7, 'another branch, at the same time, sets "total" too', [5]),
    ]


def test_arms_of_which_one_runs_may_set_the_same_variable(holds):
    holds("""
        workflow: t
        steps:
          - branch: [{when: input.a, steps: [{set: {x: 1}}]}, {else: [{set: {x: 2}}]}]
          - id: s
            select: [{signal: a, steps: [{set: {x: 1}}]}, {after: 1s, steps: [{set: {x: 2}}]}]
          - parallel: {branches: {a: [{set: {x: 1}}, {set: {x: 2}}], b: [{set: {y: 2}}]}}
            catch: [{steps: [{set: {x: 3}}]}]
            finally: [{set: {x: 4}}]
        """)


def test_turns_that_run_at_once_do_not_set_variables(holds):
    holds("""
        workflow: t
        steps:
          - {foreach: input.a, steps: [{set: {x: 1}}]}
          - {foreach: input.a, concurrency: 1, steps: [{set: {x: 1}}]}
          - {foreach: input.a, concurrency: 2, steps: [{set: {x: 1}}]}  # WF401 x
          - {foreach: input.a, concurrency: "{{ input.n }}", steps: [{set: {x: 1}}]}  # WF401 x
          - foreach: input.a
            concurrency: 2
            steps:
              - foreach: input.b
                steps: [{repeat: {max: 3, while: index < 2}, steps: [{set: {y: 1}}]}]  # WF401 y
        """)


def test_groups_inside_groups_are_told_apart(holds):
    holds("""
        workflow: t
        steps:
          - parallel:
              branches:
                a:
                  - parallel: {branches: {c: [{set: {x: 1}}], d: [{set: {y: 1}}]}}
                b:
                  - set: {y: 2}  # WF401 y
        """)


def test_what_a_fragment_sets_counts_where_it_is_used(holds):
    holds("""
        workflow: t
        fragments:
          outer: {steps: [{use: inner}]}
          inner: {steps: [{set: {x: 1}}]}
        steps:
          - parallel: {branches: {a: [{use: outer}], b: [{use: inner}]}}  # WF401 inner
          - {foreach: input.a, concurrency: 3, steps: [{use: outer}]}  # WF401 outer
        """)


def test_losers_that_go_on_are_beside_the_steps_that_follow(holds):
    holds("""
        workflow: t
        steps:
          - steps:
              - parallel: {branches: {a: [{set: {x: 1}}], b: [{set: {y: 1}}]}, join: any, rest: finish}
              - set: {y: 2, z: 2}  # WF401 y
          - set: {x: 3}
          - parallel: {branches: {a: [{set: {x: 1}}], b: []}, join: any}
          - parallel: {branches: {a: [{set: {x: 1}}], b: []}, rest: finish}
          - set: {x: 3}
        """)
