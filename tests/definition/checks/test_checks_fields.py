"""Fields of the input, of results that are declared, of the run and of errors."""

from __future__ import annotations

CATALOGUE = {
    "flights.book": {
        "arguments": {},
        "result": {
            "$defs": {"Leg": {"properties": {"code": {}}, "additionalProperties": False}},
            "type": "object",
            "properties": {"id": {}, "legs": {"type": "array", "items": {"$ref": "#/$defs/Leg"}}},
            "additionalProperties": False,
        },
    },
    "open.result": {"arguments": {}, "result": {"type": "object", "properties": {"price": {}}}},
    "any.result": {"arguments": {}, "result": {"properties": {"a": {}}, "additionalProperties": {}}},
    "one.of": {"arguments": {}, "result": {"anyOf": [{"properties": {"a": {}}}], "properties": {"b": {}}}},
}


def test_a_closed_input_refuses_unknown_fields_and_an_open_one_warns(diagnose):
    text = """
        workflow: t
        input:
          type: object
          properties: {order: {type: object, properties: {id: {}}, additionalProperties: false}}
        steps:
          - set: {a: "{{ input.oder }}", b: "{{ input.order.idd }}", c: "{{ input.order.id.deep }}"}
        """
    assert [(d.code, d.severity, d.message, d.hint) for d in diagnose(text)] == [
        ("WF311", "warning", 'input has no field "oder"', 'did you mean "order"?'),
        ("WF311", "error", 'input.order has no field "idd"', 'did you mean "id"?'),
    ]


def test_a_guarded_field_may_be_missing(holds):
    holds("""
        workflow: t
        input: {type: object, properties: {a: {}}, additionalProperties: false}
        steps:
          - set: {x: "{{ input.b | default(1) }}", y: "{{ input.b is defined }}", z: "{{ input.b }}"}  # WF311 b
        """)


def test_a_schema_that_says_more_than_properties_is_not_guessed_at(holds):
    holds("""
        workflow: t
        input: {type: object, properties: {a: {}}, anyOf: [{required: [b]}, {required: [a]}]}
        steps: [{set: {x: "{{ input.b }}", z: "{{ input['b'].c }}"}}]
        """)


def test_a_fragment_reads_its_own_input(holds):
    holds("""
        workflow: t
        input: {type: object, properties: {outer: {}}, additionalProperties: false}
        fragments:
          f:
            input: {type: object, properties: {inner: {}}, additionalProperties: false}
            steps: [{set: {x: "{{ input.inner }}", y: "{{ input.outer }}"}}]  # WF311 outer
          g: {steps: [{set: {z: "{{ input.anything }}"}}]}
        steps: [{use: f, with: {inner: "{{ input.outer }}"}}, {use: g}]
        """)


def test_fields_of_a_declared_result_are_known(diagnose):
    text = """
        workflow: t
        steps:
          - {id: book, activity: flights.book}
          - {id: open, activity: open.result}
          - {id: any, activity: any.result}
          - {id: one, activity: one.of}
          - set: {a: "{{ steps.book.idd }}", b: "{{ steps.book.legs[0].cod }}", c: "{{ steps.open.prize }}"}
          - set: {d: "{{ steps.any.x }}", e: "{{ steps.one.x }}", f: "{{ steps.book.id.x }}"}
        """
    assert [(d.severity, d.message) for d in diagnose(text, catalogue=CATALOGUE)] == [
        ("error", 'steps.book has no field "idd"'),
        ("error", 'steps.book.legs[0] has no field "cod"'),
        ("warning", 'steps.open has no field "prize"'),
        ("warning", 'steps.one has no field "x"'),
    ]


def test_a_result_that_something_replaces_is_not_guessed_at(holds):
    holds(
        """
        workflow: t
        steps:
          - id: made
            activity: flights.book
            output: {own: "{{ steps.made.id }}", wrong: "{{ steps.made.own }}"}  # WF311 own
          - id: caught
            activity: flights.book
            catch: [{steps: [{set: {instead: 1}}]}]
          - set: {a: "{{ steps.made.own }}", b: "{{ steps.caught.instead }}"}
        """,
        catalogue=CATALOGUE,
    )


def test_answers_and_parallel_results_have_known_fields(holds):
    holds("""
        workflow: t
        steps:
          - {id: approval, ask: {prompt: ok?}}
          - {id: both, parallel: {branches: {left: [{set: {a: 1}}], right: []}}}
          - set: {b: "{{ steps.approval.answer }}", c: "{{ steps.approval.anwser }}"}  # WF311 anwser
          - set: {d: "{{ steps.both.left.a }}", e: "{{ steps.both.lft }}"}  # WF311 lft
        """)


def test_fields_of_the_run_and_of_errors_are_known(holds):
    holds("""
        workflow: t
        steps:
          - set: {a: "{{ [run.id, run.workflow, run.version, run.started_at, run.attempt] }}"}
          - set: {b: "{{ run.ip }}"}  # WF311 ip
          - activity: a.b
            catch:
              - as: bad
                steps:
                  - set: {c: "{{ [bad.type, bad.message, bad.details.x, bad.step, bad.attempt] }}"}
                  - set: {c: "{{ bad.cause.cause.type }}"}
                  - set: {d: "{{ bad.typ }}", e: "{{ error.mesage }}"}  # WF311 typ & WF311 mesage
        """)
