"""Receives, events, children, queries: their names, their fields, and what may run at once."""

from __future__ import annotations

import json

from perdure.definition import inspect


def test_handlers_of_one_message_are_refused_and_the_first_is_shown(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - id: r
            receive:
              on:
                - update: add
                - signal: add
                - update: add
                - signal: add
        """)
    assert [(d.place.line, d.code, d.message, [r.place.line for r in d.related]) for d in found] == [
        (8, "WF219", 'the update "add" stands here twice', [6]),
        (9, "WF219", 'the signal "add" stands here twice', [7]),
    ]


def test_a_field_that_the_state_does_not_have_is_answered_with_the_nearest(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - id: r
            receive:
              state: {items: [], confirmed: false}
              on:
                - {signal: add, set: {itmes: 1, items: "{{ state.itmes }}"}}
                - {signal: other, set: {zebra: 1}}
              until: state.confirmd
        """)
    assert [(d.place.line, d.code, d.message, d.hint) for d in found] == [
        (7, "WF311", 'the state has no field "itmes"', 'did you mean "items"?'),
        (7, "WF311", 'state has no field "itmes"', 'did you mean "items"?'),
        (8, "WF311", 'the state has no field "zebra"', "give it a first value: `state: {zebra: …}`"),
        (9, "WF311", 'state has no field "confirmd"', 'did you mean "confirmed"?'),
    ]


def test_nothing_is_known_of_a_state_that_an_expression_gives(holds):
    holds("""
        workflow: t
        steps:
          - id: r
            receive:
              state: "{{ input.state }}"
              on: [{signal: a, set: {anything: "{{ state.whatever }}"}}]
              until: state.done
          - set: {x: "{{ steps.r.whatever }}"}
        """)


def test_results_in_a_handler_are_read_there_and_nowhere_else(diagnose):
    found = diagnose("""
        workflow: t
        steps:
          - id: r
            receive:
              state: {n: 0}
              on:
                - update: one
                  steps:
                    - {id: first, activity: a.b}
                    - {id: second, activity: a.b, with: {x: "{{ steps.first }}"}}
                  set: {n: "{{ steps.second }}"}
                  reply: "{{ steps.first }}"
                  accept: steps.first
                - signal: two
                  steps: [{activity: a.b, with: {x: "{{ steps.first }}"}}]
                  set: {n: "{{ steps.first }}"}
              until: steps.first
              default: "{{ steps.first }}"
            output: "{{ steps.first }}"
            catch: [{if: steps.first, steps: [{set: {x: "{{ steps.first }}"}}]}]
          - set: {x: "{{ steps.first }}"}
        """)
    inside = 'step "first" stands in a handler and is readable only there'
    after = 'step "first" runs after this'
    assert [(d.place.line, d.code, d.message) for d in found] == [
        (13, "WF302", after),
        (15, "WF302", inside),
        (16, "WF302", inside),
        (17, "WF302", inside),
        (18, "WF302", after),
        (19, "WF302", inside),
        (20, "WF302", inside),
        (20, "WF302", inside),
        (21, "WF302", inside),
    ]


def test_an_inner_receive_has_its_own_state_and_message(holds):
    holds("""
        workflow: t
        steps:
          - id: outer
            receive:
              state: {a: 1}
              on:
                - signal: one
                  input: {type: object, properties: {x: {}}, additionalProperties: false}
                  steps:
                    - id: inner
                      receive:
                        state: {b: "{{ state.a + message.x + message.y }}"}  # WF311 y
                        on:
                          - signal: two
                            set: {b: "{{ state.a }}"}  # WF311 a
                            input: {type: object, properties: {z: {}}, additionalProperties: false}
                            steps: [{set: {v: "{{ message.x }}"}}]  # WF311 x
                        until: state.b and message.x
                  set: {a: "{{ steps.inner.b + steps.inner.c + message.x }}"}  # WF311 c
        """)


def test_ending_the_run_is_refused_in_handlers_and_in_fragments_used_there(diagnose):
    found = diagnose("""
        workflow: t
        fragments: {leave: {steps: [{restart: {input: {}}}]}}
        steps:
          - id: r
            receive:
              on:
                - {signal: a, steps: [{use: leave}]}
                - {signal: b, steps: [{if: message, steps: [{return: 1}]}]}
        """)
    assert [(d.place.line, d.code, d.message) for d in found] == [
        (7, "WF402", 'the fragment "leave" holds a restart, which cannot stand in a handler'),
        (8, "WF402", "return cannot stand in a handler"),
    ]


def test_variables_set_by_messages_at_once_are_refused(diagnose):
    found = diagnose("""
        workflow: t
        fragments: {assign: {steps: [{set: {f: 1}}]}}
        steps:
          - id: r
            receive:
              on:
                - {signal: plain, steps: [{set: {a: 1}}]}
                - {signal: second, steps: [{set: {a: 2}}]}
                - signal: beside
                  async: true
                  steps:
                    - {if: message, set: {b: 1}}
                    - {use: assign}
                - {signal: not_beside, async: false, steps: [{set: {c: 1}}]}
        """)
    assert [(d.place.line, d.code, d.message, [r.place.line for r in d.related]) for d in found] == [
        (12, "WF401", 'messages handled at once all set "b"', [10]),
        (13, "WF401", 'messages handled at once all set "f"', [10]),
    ]


def test_handlers_in_two_branches_set_variables_at_once(holds):
    holds("""
        workflow: t
        steps:
          - parallel:
              branches:
                left: [{id: l, receive: {on: [{signal: a, steps: [{set: {x: 1}}]}]}}]
                right: [{id: r, receive: {on: [{signal: b, steps: [{set: {x: 2}}]}]}}]  # WF401 x
        """)


def test_steps_in_handlers_are_checked_like_all_others(diagnose):
    found = diagnose(
        """
        workflow: t
        steps:
          - id: r
            receive:
              on:
                - signal: a
                  steps:
                    - {id: r, activity: nothing.known}
                    - fail: {type: A}
                    - wait: {signal: b}
                    - repeat: {until: vars.x}
                      steps: [{set: {y: 1}}]
        """,
        catalogue={"mail.send": {}},
    )
    assert [(d.place.line, d.code) for d in found] == [
        (8, "WF208"),
        (8, "WF601"),
        (10, "WF405"),
        (10, "WF902"),
        (11, "WF412"),
        (11, "WF303"),
    ]


def test_what_acts_on_the_world_keeps_a_loop_from_being_endless(holds):
    holds("""
        workflow: t
        steps:
          - {repeat: {while: true}, steps: [{workflow: child}]}
          - {repeat: {while: true}, steps: [{send: {to: a, signal: b}}]}
          - {repeat: {while: true}, steps: [{emit: {event: b}}]}
          - {repeat: {while: true}, steps: [{cancel: a}]}
          - {repeat: {while: true}, steps: [{id: r, receive: {on: [{signal: a, stop: true}]}}]}
          - {repeat: {while: true}, steps: [{restart: {input: {}}}]}
          - {repeat: {while: true}, steps: [{publish: 1}]}  # WF412 repeat
        """)


def test_queries_know_the_state_and_the_run_only(diagnose):
    found = diagnose("""
        workflow: t
        vars: {total: 1}
        queries:
          a: state.x
          b: run.id
          c: total
          d: input.x
          e: state.x | nonsense
          f: stat.x
        steps: [{publish: {x: 1}}]
        """)
    assert [(d.place.line, d.code, d.hint) for d in found] == [
        (6, "WF304", "known here: run, state"),
        (7, "WF304", "known here: run, state"),
        (8, "WF305", found[2].hint),
        (9, "WF304", 'did you mean "state"?'),
    ]


def test_steps_that_give_nothing_have_no_fields(holds):
    holds("""
        workflow: t
        steps:
          - {id: p, publish: {a: 1}}
          - {id: s, send: {to: a, signal: b}}
          - {id: e, emit: {event: b}}
          - {id: c, cancel: a}
          - set: {x: "{{ steps.p.a }}"}  # WF311 a
          - set: {x: "{{ steps.s.a }}"}  # WF311 a
          - set: {x: "{{ steps.e.a }}"}  # WF311 a
          - set: {x: "{{ steps.c.a }}"}  # WF311 a
          - set: {x: "{{ [steps.p, steps.s, steps.e, steps.c] }}"}
        """)


def test_every_template_of_the_new_kinds_is_looked_at(holds):
    holds("""
        workflow: t
        retry: {delay: "{{ nope }}"}  # WF304 nope
        steps:
          - publish: {a: ["{{ nope }}"]}  # WF304 nope
          - send: {to: "{{ nope }}", signal: b, data: "{{ nop }}"}  # WF304 nope & WF304 nop
          - emit: {event: b, data: {x: "{{ nope }}"}}  # WF304 nope
          - cancel: "{{ nope }}"  # WF304 nope
          - cancel: {run: "{{ nope }}", reason: "{{ nop }}"}  # WF304 nope & WF304 nop
          - {workflow: child, with: {x: "{{ nope }}"}}  # WF304 nope
          - id: r
            receive:
              state: {x: "{{ nope }}"}  # WF304 nope
              on:
                - update: a
                  accept: nope  # WF304 nope
                  set: {x: "{{ nope }}"}  # WF304 nope
                  reply: ["{{ nope }}"]  # WF304 nope
              until: nope  # WF304 nope
              timeout: "{{ nope }}"  # WF304 nope
              default: "{{ nope }}"  # WF304 nope
          - id: w
            wait: {all: [{event: a, match: nope}, {event: b}]}  # WF304 nope
          - id: s
            select: {arms: [{event: a, match: nope, steps: []}]}  # WF304 nope
          - {if: input.x, restart: {input: {x: "{{ nope }}"}}}  # WF304 nope
        """)


def test_thousands_of_fields_and_handlers_are_checked():
    fields = {f"field_{number}": 0 for number in range(3_000)}
    handlers = [
        {"signal": f"s{number}", "set": {f"field_{number}": 1}, "steps": [{"set": {"x": "{{ state.field_1 }}"}}]}
        for number in range(3_000)
    ]
    receive = {"id": "r", "receive": {"state": fields, "on": handlers}}
    assert inspect(json.dumps({"workflow": "large", "steps": [receive]})).diagnostics == []
