"""Where runs may end, what is never reached, joins, triggers, loops and timeouts."""

from __future__ import annotations


def test_a_return_is_refused_where_the_run_is_already_leaving(holds):
    holds("""
        workflow: t
        catch: [{steps: [{return: 1}]}]
        finally: [{return: 1}]  # WF402 return
        steps:
          - activity: a.b
            finally: [{steps: [{if: input.a, return: 2}]}]  # WF402 return
            compensate: {branch: [{when: input.a, steps: [{return: 3}]}]}  # WF402 return
            catch: [{steps: [{return: 4}]}]
          - return: 5
        """)


def test_a_fragment_that_returns_is_refused_there_too(diagnose):
    found = diagnose("""
        workflow: t
        fragments:
          leave: {steps: [{use: really_leave}]}
          really_leave: {steps: [{return: 1}]}
          stay: {steps: [{set: {a: 1}}]}
        finally: [{use: leave}, {use: stay}]
        steps: [{if: input.a, use: leave}, {activity: a.b}]
        """)
    assert [(d.place.line, d.code, d.message, [r.place.line for r in d.related]) for d in found] == [
        (6, "WF402", 'the fragment "leave" holds a return, which cannot stand in a finally', [4])
    ]


def test_an_undo_is_not_undone(holds):
    holds("""
        workflow: t
        fragments: {undoable: {steps: [{activity: a.b, compensate: {activity: a.c}}]}}
        steps:
          - activity: a.b
            compensate:
              steps:
                - activity: a.c
                  compensate: {activity: a.d}  # WF409 compensate
                - use: undoable  # WF409 undoable
          - use: undoable
        """)


def test_steps_behind_one_that_always_ends_are_never_reached(holds):
    holds("""
        workflow: t
        steps:
          - branch:
              - when: input.a
                steps:
                  - fail: {type: A}
                  - set: {c: 1}  # WF405 set
                  - set: {b: 1}
          - steps: [{if: input.b, return: 1}, {fail: {type: A}, catch: [{steps: []}]}]
          - branch: [{when: input.c, steps: [{return: 1}]}]
          - branch: [{when: input.c, steps: [{return: 1}]}, {else: [{steps: [{fail: {type: B}}]}]}]
          - set: {c: 1}  # WF405 set
        """)


def test_a_loop_or_a_group_around_an_end_leaves_what_is_behind_it_reachable(holds):
    holds("""
        workflow: t
        steps:
          - foreach: input.items
            steps: [{return: 1}]
          - parallel: {branches: {a: [{fail: {type: A}}], b: []}, on_error: collect}
          - activity: a.b
        """)


def test_catch_arms_behind_one_that_takes_everything_are_never_reached(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - activity: a.b
            catch:
              - {errors: [Timeout, "pay.*"]}
              - {errors: [Timeout], if: input.a}
              - {errors: [pay.Declined, Timeout]}
              - {errors: [mail.Bounced], if: input.a}
              - {errors: [mail.Bounced, Timeout]}
              - {if: input.a}
              - {steps: []}
              - {errors: [Other]}
          - activity: a.b
            catch: [{errors: ["*"]}, {steps: []}]
        """)
    assert [(d.place.line, d.code, d.message) for d in found] == [
        (6, "WF406", '"Timeout" is taken by an earlier arm'),
        (7, "WF406", "each of these errors is taken by an earlier arm"),
        (12, "WF406", "an earlier arm takes every error"),
        (14, "WF406", "an earlier arm takes every error"),
    ]


def test_an_else_arm_is_one_and_stands_last(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - branch:
              - {else: true, steps: []}
              - {when: input.a, steps: []}
          - branch:
              - {when: input.a, steps: []}
              - {else: []}
              - {else: []}
        """)
    assert [(d.place.line, d.code, d.severity, d.message) for d in found] == [
        (4, "WF405", "error", "the else arm stands before arms that are then never taken"),
        (9, "WF405", "error", "a second else arm is never taken"),
    ]


def test_a_join_of_more_than_there_are_is_refused(holds):
    holds("""
        workflow: t
        steps:
          - parallel: {branches: {a: [], b: []}, join: 3}  # WF407 3
          - parallel: {branches: {a: [], b: []}, join: 2}
          - parallel: {branches: {a: [], b: []}, join: "{{ input.n }}"}
          - {foreach: [1, 2], join: 3, steps: []}  # WF407 3
          - {foreach: input.items, join: 3, steps: []}
        """)


def test_a_join_or_a_concurrency_of_none_is_refused(holds):
    holds("""
        workflow: t
        steps:
          - {foreach: input.items, join: 0, steps: []}  # WF212 0
          - {parallel: {branches: {a: []}, join: -1}}  # WF212 -1
          - {foreach: input.items, concurrency: 0, steps: []}  # WF212 0
        """)


def test_triggers_of_one_wait_have_different_names(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - id: w
            wait:
              any:
                - signal: paid
                - {signal: payed, name: paid}
                - {after: 1d, name: late}
          - id: v
            wait: {all: [{signal: ok, name: first}, {signal: ok, name: second}]}
          - id: s
            select:
              - {signal: go, steps: []}
              - {after: 1s, steps: []}
              - {after: 2s, steps: []}
              - {signal: go, steps: []}
        """)
    assert [(d.code, d.place.line, d.message, [r.place.line for r in d.related]) for d in found] == [
        ("WF219", 7, 'the name "paid" stands here twice', [6]),
        ("WF219", 16, 'the signal "go" stands here twice', [13]),
    ]


def test_a_step_that_waits_should_have_an_id(holds):
    holds("""
        workflow: t
        steps:
          - wait: 3d  # WF902 wait
          - select: [{after: 1s, steps: []}]  # WF902 select
          - if: input.a
            ask: {prompt: ok?}  # WF902 ask
          - {id: named, wait: 3d}
        """)


def test_a_loop_that_nothing_ends_is_a_warning(holds):
    holds("""
        workflow: t
        vars: {n: 0, done: false}
        fragments: {pause: {steps: [{id: p, wait: 1s}]}, empty: {steps: [{steps: []}]}}
        steps:
          - {repeat: {until: vars.done}, steps: [{set: {n: 1}}]}  # WF412 repeat
          - {repeat: {while: true}, steps: []}  # WF412 repeat
          - {repeat: {until: "false"}, steps: [{use: empty}]}  # WF412 repeat
          - {repeat: {until: vars.done}, steps: [{set: {done: true}}]}
          - {repeat: {while: index < 3}, steps: []}
          - {repeat: {until: steps.last.n > 3}, steps: [{id: last, set: {n: "{{ vars.n + 1 }}"}}]}
          - {repeat: {until: vars.done, max: 3}, steps: []}
          - {repeat: {while: true}, steps: [{steps: [{activity: a.b}]}]}
          - {repeat: {while: true}, steps: [{use: pause}]}
          - {repeat: {while: true}, steps: [{if: vars.done, return: 1}]}
          - {repeat: {until: random() < 0.5}, steps: []}
          - {repeat: {while: true}, timeout: 3s, steps: []}
        """)


def test_an_attempt_as_long_as_the_total_is_a_warning(holds):
    holds("""
        workflow: t
        defaults: {"a.*": {timeout: {attempt: 2m, total: 1m}}}  # WF505 2m
        steps:
          - {activity: a.b, timeout: {attempt: 60s, total: 1m}}  # WF505 60s
          - {activity: a.b, timeout: {attempt: 10s, total: 1m}}
          - {activity: a.b, timeout: {attempt: "{{ input.a }}", total: 1m}}
          - {activity: a.b, timeout: 1m}
        """)


def test_retries_that_can_never_happen_are_warnings(holds):
    holds("""
        workflow: t
        defaults: {"a.*": {timeout: 1s, retry: {attempts: 1, delay: 1s}}}  # WF502 delay
        steps:
          - {activity: a.b, retry: {attempts: 1}}
          - {activity: a.b, retry: {attempts: 1, on: [Timeout], delay: 1s}}  # WF502 on
          - {activity: a.b, timeout: 5s, retry: {attempts: 2, delay: 5s}}
          - {activity: a.b, timeout: 5s, retry: {attempts: 2, delay: 5s, jitter: 0}}  # WF504 5s
          - {activity: a.b, timeout: {total: 5s}, retry: {delay: 1m}}  # WF504 1m
          - {activity: a.b, timeout: {attempt: 5s}, retry: {delay: 1m}}
          - {activity: a.b, timeout: 5s, retry: {delay: 1m, max_delay: 1s}}
          - {activity: a.b, timeout: "{{ input.t }}", retry: {delay: 1m}}
          - {activity: a.b, timeout: 5s, retry: {delay: "{{ input.t }}"}}
        """)


def test_a_default_that_fits_no_activity_is_a_warning(diagnose):
    found = diagnose("""
        workflow: t
        defaults: {"payment.*": {timeout: 1m}, "mail.*": {timeout: 1m}, "*": {timeout: 1m}, a.b: {timeout: 1m}}
        fragments: {f: {steps: [{activity: mail.send}]}}
        steps: [{activity: payments.charge}, {activity: a.b}, {use: f}]
        """)
    assert [(d.code, d.severity, d.message) for d in found] == [
        ("WF506", "warning", 'no activity here fits "payment.*"')
    ]
