"""What the layout is, one sentence a test: `given` and `becomes` are whole documents."""

from __future__ import annotations

import textwrap

import pytest

from perdure.definition.language import STEP
from perdure.definition.reader import read
from perdure.formatting import UnformattableError, formatted
from perdure.formatting.order import ORDER


def laid_out(text: str) -> str:
    source = read(textwrap.dedent(text).lstrip("\n"))
    assert not [found for found in source.diagnostics if found.severity == "error"]
    return formatted(source)


def expect(given: str, becomes: str) -> None:
    wanted = textwrap.dedent(becomes).lstrip("\n")
    assert laid_out(given) == wanted
    assert laid_out(wanted) == wanted


def test_indentation_is_two_spaces_and_dashes_are_indented() -> None:
    expect(
        """
        workflow:   a
        steps:
        -   id: one
            with:
                 text:   x
            wait: 3d
        """,
        """
        workflow: a

        steps:
          - id: one
            wait: 3d
            with:
              text: x
        """,
    )


def test_sections_are_set_off_by_one_blank_line_and_an_authors_single_ones_stay() -> None:
    expect(
        """
        workflow: a

        version: "1"
        input:
          type: object


          required: [b]
        timeout: 1h
        labels: {a: b}
        steps:

          - wait: 3d



          - wait: 2d
        output: x

        """,
        """
        workflow: a

        version: "1"

        input:
          type: object

          required: [b]

        timeout: 1h
        labels: {a: b}

        steps:
          - wait: 3d

          - wait: 2d

        output: x
        """,
    )


def test_the_keys_of_a_step_are_in_their_usual_order_with_their_comments() -> None:
    expect(
        """
        workflow: a
        steps:
          # about the step
          - retry: {attempts: 2}   # not for ever
            # what is done
            activity: a.b
            catch:
              - steps:
                  - {wait: 3d, id: inner}
            output: x
            # why then
            if: input.x
            with: {a: 1}
            id: one   # the name
        """,
        """
        workflow: a

        steps:
          # about the step
          - id: one # the name
            # why then
            if: input.x
            # what is done
            activity: a.b
            with: {a: 1}
            retry: {attempts: 2} # not for ever
            catch:
              - steps:
                  - {id: inner, wait: 3d}
            output: x
        """,
    )


def test_steps_are_sorted_wherever_they_stand_and_nothing_else_is() -> None:
    expect(
        """
        workflow: a
        input: {type: object, properties: {with: {}, id: {}}}
        fragments:
          f: {steps: [{wait: 1s, id: a}], input: {}}
        steps:
          - parallel:
              branches:
                z: [{wait: 1s, id: b}]
                y: {steps: [{wait: 1s, id: c}], if: input.x}
          - branch: [{when: x, steps: [{wait: 1s, id: d}]}, {else: [{wait: 1s, id: e}]}]
          - activity: a
            with: {with: 1, id: 2}
            compensate: {with: {a: 1}, activity: b}
          - steps: [{wait: 1s, id: f}]
            lock: {key: a}
        """,
        """
        workflow: a
        input: {type: object, properties: {with: {}, id: {}}}

        fragments:
          f: {steps: [{id: a, wait: 1s}], input: {}}

        steps:
          - parallel:
              branches:
                z: [{id: b, wait: 1s}]
                y: {steps: [{id: c, wait: 1s}], if: input.x}
          - branch: [{when: x, steps: [{id: d, wait: 1s}]}, {else: [{id: e, wait: 1s}]}]
          - activity: a
            with: {with: 1, id: 2}
            compensate: {activity: b, with: {a: 1}}
          - lock: {key: a}
            steps: [{id: f, wait: 1s}]
        """,
    )


def test_a_step_with_anchors_or_aliases_keeps_its_order() -> None:
    text = """
    workflow: a

    steps:
      - retry: &often {attempts: 9}
        activity: a
        id: one
      - retry: *often
        activity: b
        id: two
    """
    expect(text, text)


def test_a_comment_that_silences_stays_above_what_it_silences() -> None:
    expect(
        """
        workflow: a
        steps:
          # about it
          # perdure: ignore[WF503] it is quick
          - activity: a.b
            id: one
        """,
        """
        workflow: a

        steps:
          # about it
          - id: one
            # perdure: ignore[WF503] it is quick
            activity: a.b
        """,
    )


def test_short_collections_stay_in_their_line_and_long_ones_or_commented_ones_do_not() -> None:
    word = "many words, which make a long text"
    expect(
        f"""
        workflow: a
        vars:
          short: {{ a:   1, b: [ x,y ] }}
          several: [
            1,
            2
          ]
          pairs: [a:   1, b: [c: {{}}], {{d}}, e: ]
          long: ["{word}", "{word}", "{word}", {{c: 1}}] # beside
          told: {{ # at the head
            a: 1, # the first
            # above
            b: 2
            # at the foot
          }}
        """,
        f"""
        workflow: a

        vars:
          short: {{a: 1, b: [x, y]}}
          several: [1, 2]
          pairs: [a: 1, b: [c: {{}}], {{d}}, {{e}}]
          long: # beside
            - "{word}"
            - "{word}"
            - "{word}"
            - {{c: 1}}
          told: # at the head
            a: 1 # the first
            # above
            b: 2
            # at the foot
        """,
    )


def test_quotes_are_double_where_nothing_changes() -> None:
    expect(
        """
        workflow: 'a'
        vars: {a: '{{ b }}', b: 'it''s', c: 'say "x"', d: 'a\\b', e: "x\\n", f: '', 'g': plain}
        """,
        """
        workflow: "a"
        vars: {a: "{{ b }}", b: "it's", c: 'say "x"', d: 'a\\b', e: "x\\n", f: "", "g": plain}
        """,
    )


def test_block_texts_keep_their_lines_and_what_is_indented_in_them() -> None:
    expect(
        """
        workflow: a
        vars:
            b: |
                  # no comment
                    more

                  {{ x }}
            c: >-   # folded
              a
              b
            d: |2
                 ahead
               x
            e: |+
              kept

            f: 1
        """,
        """
        workflow: a

        vars:
          b: |
            # no comment
              more

            {{ x }}
          c: >- # folded
            a
            b
          d: |2
               ahead
             x
          e: |+
            kept

          f: 1
        """,
    )


def test_comments_in_a_column_stay_in_a_column_and_others_come_nearer() -> None:
    expect(
        """
        workflow: a     # the name
        version: "12"   # the label
        description: nothing     # alone
        timeout: 1h
        """,
        """
        workflow: a   # the name
        version: "12" # the label
        description: nothing # alone
        timeout: 1h
        """,
    )


def test_comments_at_the_foot_belong_to_what_they_are_indented_like() -> None:
    expect(
        """
        workflow: a
        steps:
            - activity: a
              with:
                  a: 1
                  # of with
              # of the step
            # of the steps
        # of the output
        output: 1
        # of the document
        """,
        """
        workflow: a

        steps:
          - activity: a
            with:
              a: 1
              # of with
            # of the step
          # of the steps

        # of the output
        output: 1
        # of the document
        """,
    )


def test_lines_end_as_the_first_one_does_and_the_last_one_ends() -> None:
    assert formatted(read(b"\xef\xbb\xbfworkflow:  a\r\nvars:\r\n    b: |\r\n      c\r\n      d")) == (
        "workflow: a\r\n\r\nvars:\r\n  b: |-\r\n    c\r\n    d\r\n"
    )


def test_a_document_mark_and_what_is_before_it_stay() -> None:
    expect("%YAML 1.1\n# c\n---\nworkflow:  a\n...\n# d\n", "%YAML 1.1\n# c\n---\nworkflow: a\n# d\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: " + "[" * 201 + "]" * 201, "nested more than 200 deep"),
        ("a: 'b\u2028c'", "write it as an escape"),
        ('{"workflow":\t"\\ud83d\\ude00"}', "JSON that is no YAML"),
    ],
)
def test_what_cannot_be_laid_out_safely_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UnformattableError, match=reason):
        formatted(read(text))


def test_every_key_of_a_step_has_its_place() -> None:
    beside = {key for kind in STEP.kinds.values() for key in kind.beside}
    assert sorted(ORDER) == sorted({*STEP.kinds, *STEP.shared, *beside})
