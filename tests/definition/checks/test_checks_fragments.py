"""Fragments, imports, and what a use gives them."""

from __future__ import annotations

LETTERS = """
    imports: {words: ./words.yaml}
    fragments:
      greet:
        input: {type: object, required: [name], properties: {name: {type: string}}, additionalProperties: false}
        steps: [{use: words.hello}]
    """
WORDS = "fragments: {hello: {steps: [{set: {said: hello}}]}, bye: {steps: [{set: {said: bye}}]}}\n"


def test_a_use_finds_fragments_here_and_in_imports(holds):
    holds(
        """
        workflow: t
        imports: {mail: ./letters.yaml}
        fragments: {notify: {steps: [{use: mail.greet, with: {name: Ana}}]}}
        steps:
          - use: notify
          - use: mail.words.bye
        """,
        letters=LETTERS,
        words=WORDS,
    )


def test_an_unknown_fragment_is_answered_with_what_may_be_meant(diagnose):
    found = diagnose(
        """
        workflow: t
        imports: {mail: ./letters.yaml}
        fragments: {notify: {steps: [{set: {a: 1}}]}}
        steps: [{use: notfy}, {use: mial.greet}, {use: mail.great}, {use: greet}, {use: notify}, {use: mail.word.x}]
        """,
        letters=LETTERS,
        words=WORDS,
    )
    assert [(d.code, d.message, d.hint) for d in found] == [
        ("WF403", 'there is no fragment "notfy"', 'did you mean "notify"?'),
        ("WF403", 'there is no import "mial"', 'did you mean "mail"?'),
        ("WF403", 'there is no fragment "great" in "mail"', 'did you mean "greet"?'),
        ("WF403", 'there is no fragment "greet"', 'did you mean "mail.greet"?'),
        ("WF403", 'there is no import "word"', 'did you mean "words"?'),
    ]


def test_fragments_that_use_each_other_are_told_with_the_whole_circle(diagnose):
    found = diagnose("""
        workflow: t
        fragments:
          a: {steps: [{use: b}]}
          b: {steps: [{use: c}, {use: fine}]}
          c: {steps: [{steps: [{use: a}]}]}
          own: {steps: [{use: own}]}
          fine: {steps: [{set: {x: 1}}]}
        steps: [{use: a}, {use: own}]
        """)
    assert [(d.code, d.place.line, d.message) for d in found] == [
        ("WF404", 5, "endless: a → b → c → a"),
        ("WF404", 6, "endless: own → own"),
    ]


def test_what_is_wrong_inside_a_fragment_is_told_once_in_its_own_file(holds):
    holds(
        """
        workflow: t
        imports: {letters: ./letters.yaml}
        fragments: {f: {steps: [{set: {a: "{{ nothing }}"}}]}}  # WF304 nothing
        steps: [{use: f}, {use: f}, {use: letters.g}, {use: letters.g}]
        """,
        letters="""
        fragments:
          g:
            steps:
              - set: {b: "{{ nowhere }}"}  # WF304 nowhere
              - use: missing  # WF403 missing
        """,
    )


def test_a_use_gives_what_the_fragment_takes(holds):
    holds("""
        workflow: t
        fragments:
          closed:
            input:
              type: object
              required: [to, count]
              properties: {to: {type: string}, count: {type: integer}}
              additionalProperties: false
            steps: [{set: {a: "{{ input.to }}"}}]
          open: {input: {type: object, properties: {subject: {}}}, steps: [{set: {a: 1}}]}
          any: {steps: [{set: {a: "{{ input.whatever }}"}}]}
        steps:
          - {use: closed, with: {to: ana, count: 3}}
          - {use: closed, with: {to: "{{ input.to }}", count: "{{ input.n }}"}}
          - {use: closed, with: {too: ana, count: 3}}  # WF411 too
          - {use: closed, with: {to: 3, count: three}}  # WF411 3 & WF411 three
          - {use: closed}  # WF411 closed & WF411 closed
          - {use: open, with: {subjet: x}}  # WF411 subjet
          - {use: any, with: {whatever: 3}}
        """)


def test_an_input_schema_that_refers_to_itself_raises_no_false_alarm(holds):
    holds("""
        workflow: t
        fragments:
          walk:
            input:
              type: object
              properties:
                left: {$ref: "#"}
                pair: {type: array, prefixItems: [{type: string}], items: {type: integer}}
                name: {$ref: "#/$defs/name"}
                other: {$ref: "#/properties/name"}
              $defs: {name: {type: string, minLength: 2}}
              additionalProperties: false
            steps: [{set: {a: "{{ input.left.left.name }}", b: "{{ input.left.lfet }}"}}]  # WF311 lfet
        steps:
          - {use: walk, with: {left: {left: {name: abc}}, pair: [a, 1], other: x}}
          - {use: walk, with: {left: {name: x}, pair: ["{{ input.a }}", 1]}}  # WF411 x
          - {use: walk, with: {name: x}}  # WF411 x
          - {use: walk, with: {pair: [a, b]}}  # WF411 [a, b]
        """)


def test_unused_fragments_and_imports_are_warnings(diagnose):
    found = diagnose(
        """
        workflow: t
        imports: {letters: ./letters.yaml, words: ./words.yaml}
        fragments:
          unused: {steps: [{use: used}]}
          used: {steps: [{set: {a: 1}}]}
        steps: [{use: letters.greet, with: {name: x}}]
        """,
        letters=LETTERS,
        words=WORDS,
    )
    assert [(d.code, d.severity, d.message) for d in found] == [
        ("WF413", "warning", 'nothing uses the import "words"'),
        ("WF413", "warning", 'nothing uses the fragment "unused"'),
    ]
