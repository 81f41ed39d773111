"""What is found, what is not, and that the test made of a finding shows it in a real run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import indent

import pytest
from exploring import codes, explored, played, whole

from perdure.definition import load
from perdure.definition.rules import RULES
from perdure.exploration import explore
from perdure.exploration.cases import write_tests
from perdure.exploration.paths import MOST_COUNTED
from perdure.testing.declared.generate import generate

ROOT = Path(__file__).parents[2]
RULED = ("WF415", "WF416", "WF417", "WF418", "WF419")

SHOWN = {
    "the result of a skipped step": (
        "WF415",
        """
        - {id: seat, if: input.wish == "window", activity: seats.take}
        - {id: mail, activity: mail.send, with: {row: "{{ steps.seat.row }}"}}
        """,
    ),
    "a default of another shape": (
        "WF415",
        """
        - {id: paid, wait: {signal: paid, timeout: 1d, default: {late: true}}}
        - {id: note, publish: "{{ steps.paid.amount }}"}
        """,
    ),
    "the step of an arm that was not taken": (
        "WF415",
        """
        - branch:
            - {when: input.amount > 100 and input.kind == "big", steps: [{id: review, activity: a.review}]}
            - else: [{activity: a.pay}]
        - {id: end, publish: "{{ steps.review.by }}"}
        """,
    ),
    "a key of the input that may be left out": (
        "WF415",
        """
        input: {type: object, required: [a], properties: {a: {type: string}, b: {type: string}}}
        steps:
          - {id: use, publish: "{{ input.a ~ input.b }}"}
        """,
    ),
    "a timer that brings no data": (
        "WF415",
        """
        - {id: first, wait: {any: [{signal: paid}, {after: 1h, name: late}]}}
        - {id: note, publish: "{{ steps.first.data.amount }}"}
        """,
    ),
    "a variable that only one arm sets": (
        "WF415",
        """
        - {if: input.yes, set: {total: 1}}
        - {id: note, publish: "{{ vars.total }}"}
        """,
    ),
    "details of an error that has none": (
        "WF415",
        """
        - id: call
          activity: a.b
          timeout: 10s
          catch: [{errors: [Timeout], steps: [{id: note, publish: "{{ error.details.code }}"}]}]
        """,
    ),
    "the result of a branch that may have lost": (
        "WF415",
        """
        - id: both
          parallel: {on_error: collect, branches: {one: [{activity: a.b}], two: [{activity: c.d}]}}
        - {id: note, publish: "{{ steps.both.one.value.n }}"}
        """,
    ),
    "a loop over the results of a skipped step": (
        "WF415",
        """
        - {id: list, if: input.yes, activity: a.list}
        - {id: each, foreach: steps.list.rows, steps: [{activity: a.b}]}
        """,
    ),
    "an item that lacks a key": (
        "WF415",
        """
        input:
          type: object
          required: [rows]
          properties:
            rows:
              type: array
              items: {type: object, properties: {id: {type: string}}}
        steps:
          - {id: each, foreach: input.rows, as: row, steps: [{id: one, activity: a.b, with: {id: "{{ row.id }}"}}]}
        """,
    ),
    "an item of what was collected": (
        "WF415",
        """
        - id: prices
          parallel: {on_error: collect, branches: {a: [{activity: a.b}], b: [{activity: c.d}]}}
        - {id: low, publish: "{{ steps.prices | values | map(attribute='value.price') | min }}"}
        """,
    ),
    "a question behind a filter of the input": (
        "WF416",
        """
        input: {type: object, required: [price], properties: {price: {type: array, items: {type: number}}}}
        steps:
          - {id: approval, if: (input.price | min) > 200, ask: {prompt: ok?}}
        """,
    ),
    "a question behind a filter of items": (
        "WF416",
        """
        - {id: offers, activity: a.b}
        - {id: approval, if: "(steps.offers | map(attribute='of.price') | sum) < -7", ask: {prompt: ok?}}
        """,
    ),
    "a question without a limit": ("WF416", "- {id: decision, ask: {prompt: Yes?}}"),
    "a wait behind a skipped one": (
        "WF416",
        """
        - {if: input.n > 3, wait: 1d}
        - {id: paid, wait: {all: [{signal: paid}, {after: 1h, name: late}]}}
        """,
    ),
    "a receive that nothing ends": (
        "WF416",
        "- {id: cart, receive: {state: {n: 0}, on: [{signal: add, set: {n: 1}}], until: state.n > 5}}",
    ),
    "a join of branches that fail": (
        "WF417",
        """
        - id: two
          parallel: {join: 2, branches: {a: [{fail: {type: No}}], b: [{activity: a.b}]}}
        """,
    ),
    "an effect in the middle of a saga": (
        "WF418",
        """
        - {id: seat, activity: seats.take, compensate: {activity: seats.free}}
        - {id: meal, activity: meals.order}
        - {id: pay, activity: payments.charge}
        """,
    ),
    "an effect before a wait that times out": (
        "WF418",
        """
        - {id: seat, activity: seats.take, compensate: {activity: seats.free}}
        - {id: meal, activity: meals.order}
        - {id: paid, wait: {signal: paid, timeout: 1d}}
        """,
    ),
    "an effect in a block whose undo is not registered yet": (
        "WF418",
        """
        - {id: seat, activity: seats.take, compensate: {activity: seats.free}}
        - id: package
          compensate: {activity: package.cancel}
          steps:
            - {id: hotel, activity: hotels.book}
            - {id: car, activity: cars.book}
        """,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "steps"), SHOWN.values(), ids=SHOWN)
def test_a_finding_is_shown_by_the_test_that_is_made_of_it(code: str, steps: str, tmp_path: Path) -> None:
    results = played(steps, tmp_path)
    assert code in {found for found, _, _ in results}
    assert [(found, problems) for found, holds, problems in results if not holds and found == code] == []


QUIET = {
    "a result behind the condition of its step": """
        - {id: seat, if: input.wish, activity: seats.take}
        - {if: input.wish, publish: "{{ steps.seat.row }}"}
        """,
    "a result that is asked for first": """
        - {id: seat, if: input.wish, activity: seats.take}
        - {if: steps.seat is not none, publish: "{{ steps.seat.row }}"}
        - {publish: "{{ steps.seat.row if steps.seat else 'none' }}"}
        - {publish: "{{ steps.seat.row | default('none') }}"}
        """,
    "data behind the name of what fired": """
        - {id: first, wait: {any: [{signal: paid}, {after: 1h, name: late}]}}
        - {if: steps.first.name == "paid", publish: "{{ steps.first.data.amount }}"}
        """,
    "a failure that is caught": """
        - {id: seat, if: input.wish, activity: seats.take}
        - {publish: "{{ steps.seat.row }}", catch: [{errors: [ExpressionFailed], steps: []}]}
        """,
    "a wait inside a timeout": "- {timeout: 1d, steps: [{id: paid, wait: {signal: paid}}]}",
    "a wait that another branch cuts short": """
        - parallel: {join: any, branches: {paid: [{id: paid, wait: {signal: paid}}], late: [{wait: 1d}]}}
        """,
    "an effect whose own step fails": """
        - {id: seat, activity: seats.take, compensate: {activity: seats.free}}
        - {id: pay, activity: payments.charge}
        """,
    "an effect that a block undoes": """
        - compensate: {activity: undo}
          steps: [{activity: hotels.book, retry: {attempts: 2}}]
        - {id: pay, activity: payments.charge}
        """,
    "a failure that is made good": """
        - {id: seat, activity: seats.take, compensate: {activity: seats.free}}
        - {activity: meals.order}
        - {activity: payments.charge, catch: [{steps: []}]}
        """,
    "what was collected, of those that went well": """
        - id: prices
          parallel: {on_error: collect, branches: {a: [{activity: a.b}], b: [{activity: c.d}]}}
        - {publish: "{{ steps.prices | values | selectattr('ok') | map(attribute='value.price') | list }}"}
        - {publish: "{{ steps.prices | values | map(attribute='value.price', default=0) | list }}"}
        """,
    "a loop that may have no turn": "- {id: each, foreach: input.rows, steps: [{activity: a.b}]}",
}  # fmt: skip


@pytest.mark.parametrize("steps", QUIET.values(), ids=QUIET)
def test_what_is_right_is_not_found(steps: str) -> None:
    assert codes(steps) == []


def test_a_key_that_was_read_is_there_from_then_on() -> None:
    found = explored(
        """
        input: {type: object, properties: {days: {type: integer}}}
        steps:
          - {id: flight, activity: a.b, with: {days: "{{ input.days }}", until: "{{ input.days + 1 }}"}}
          - {id: hotel, activity: a.b, with: {days: "{{ input.days }}"}}
          - {id: each, foreach: "[input.days]", steps: [{activity: a.b, with: {days: "{{ input.days }}"}}]}
        """
    ).findings
    assert [(finding.code, finding.step) for finding in found] == [("WF415", "flight")]


def test_a_key_that_was_read_on_some_ways_only_may_still_be_missing() -> None:
    steps = """
        input: {type: object, required: [a], properties: {a: {type: boolean}, days: {type: integer}}}
        steps:
          - {id: flight, publish: "{{ input.days if input.a else 0 }}"}
          - {id: hotel, publish: "{{ input.days }}"}
        """
    assert [finding.step for finding in explored(steps).findings] == ["flight", "hotel"]


def obstacles(steps: str) -> dict[str, str | None]:
    """What no values were found for, by the step that a finding is about."""
    _, attempts = write_tests(explored(steps), "./w.yaml", {}, generate)
    return {attempt.finding.step: attempt.obstacle for attempt in attempts}


@pytest.mark.parametrize(
    ("condition", "obstacle"),
    [
        ("vars.low > 200", "make vars.low > 200 hold"),
        ('now() > "2030"', 'make now() > "2030" hold'),
        ("not vars.low > 200", "make not vars.low > 200 come out as it does there"),
        ("(input.price | length) < 0", "make (input.price | length) < 0 hold"),
        ("(input.price | max) > 200", None),
        ("input.n == 7", None),
        ("input.n > 5 and input.n < 3", None),
    ],
)
def test_a_condition_that_no_values_are_found_for_is_an_obstacle_but_a_contradiction_is_none(
    condition: str, obstacle: str | None
) -> None:
    steps = f"""
        - {{set: {{low: "{{{{ input.price | min }}}}"}}}}
        - {{id: approval, if: '{condition}', ask: {{prompt: ok?}}}}
        """
    assert obstacles(steps) == {"approval": obstacle}


def test_what_cannot_be_steered_does_not_keep_other_conditions_from_being_so() -> None:
    steps = """
        - {set: {low: "{{ input.price | min }}"}}
        - {if: vars.low > 200, publish: low}
        - {id: approval, if: input.n == 7, ask: {prompt: ok?}}
        """
    document, (attempt,) = write_tests(explored(steps), "./w.yaml", {}, generate)
    assert document["cases"][0]["input"]["n"] == 7
    assert attempt.obstacle in ("make vars.low > 200 hold", "keep vars.low > 200 from holding")


@pytest.mark.parametrize("code", RULED)
def test_the_bad_example_of_a_rule_is_found_and_the_good_one_is_not(code: str) -> None:
    assert code in codes(RULES[code].bad)
    assert code not in codes(RULES[code].good)


def test_an_activity_that_only_reads_leaves_nothing() -> None:
    steps = """
        - {id: seat, activity: seats.take, compensate: {activity: seats.free}}
        - {id: rate, activity: rates.fetch}
        - {id: pay, activity: payments.charge}
        """
    assert codes(steps) == ["WF418"]
    assert codes(steps, {"rates.fetch": {"read_only": True}}) == []


def test_a_declared_error_makes_its_catch_reachable() -> None:
    steps = "- {id: page, activity: http.request, catch: [{errors: [Timeout], steps: []}]}"
    assert codes(steps) == ["WF419"]
    assert codes(steps, {"http.request": {"errors": ["Timeout"]}}) == []


def test_a_result_that_may_be_null_is_found_from_its_schema() -> None:
    steps = """
        - {id: user, activity: users.find}
        - {id: mail, publish: "{{ steps.user.email }}"}
        """
    user = {"type": "object", "required": ["email"], "properties": {"email": {"type": "string"}}}
    assert codes(steps, {"users.find": {"result": user}}) == []
    assert codes(steps, {"users.find": {"result": {"anyOf": [user, {"type": "null"}]}}}) == ["WF415"]


def test_the_undo_of_a_step_may_fail_on_what_it_reads() -> None:
    found = explored(
        """
        - {id: gift, if: input.gift, activity: gifts.take}
        - id: seat
          activity: seats.take
          compensate: {activity: seats.free, with: {gift: "{{ steps.gift.id }}"}}
        """
    ).findings
    assert any(finding.code == "WF415" and "undo" in finding.message for finding in found)


def test_the_way_to_a_finding_is_told_in_the_order_of_the_steps() -> None:
    (found,) = explored(SHOWN["the result of a skipped step"][1]).findings
    assert found.way == ("seat is skipped", "mail fails: steps.seat is null")


def test_an_arm_inside_an_arm_that_is_never_taken_is_not_told_again() -> None:
    found = explored(
        """
        - set: {n: 1}
        - id: choice
          branch:
            - when: vars.n == 2
              steps: [{branch: [{when: input.a, steps: []}, {else: []}]}]
            - else: []
        """
    ).findings
    assert [finding.code for finding in found] == ["WF419"]


@pytest.mark.parametrize("file", sorted((ROOT / "definitions").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_definition_is_without_findings(file: Path) -> None:
    from perdure.activities import Registry
    from perdure.definition import inspect
    from perdure.definition.suppression import silence

    if file.name.endswith(".test.yaml"):
        pytest.skip("a test, not a definition")
    catalogue = Registry.load(["definitions.activities"], root=ROOT).catalogue()
    inspection = inspect(file, catalogue=catalogue)
    assert inspection.definition is not None
    found = [finding.diagnostic for finding in explore(inspection.definition.program, catalogue).findings]
    for source in inspection.sources.values():
        found = silence(source, found)
    assert found == []


def test_a_large_number_of_paths_is_told_as_about_that_many() -> None:
    found = explored("- {id: a, if: input.a, activity: a.b}")
    assert found.counted == str(found.paths)
    assert replace(found, paths=12_345_678).counted == "12,345,678"
    assert replace(found, paths=35 * 10**94).counted == "3.5e95"
    assert replace(found, paths=MOST_COUNTED).counted == "more than 1e1000"


def test_loops_inside_loops_are_not_counted_without_end() -> None:
    nested = "- {id: a, if: input.a, activity: a.b}"
    for _ in range(40):
        nested = f"- repeat: {{until: index > 3}}\n  steps:\n{indent(nested, '    ')}"
    assert explored(nested).paths.bit_length() < MOST_COUNTED.bit_length() * 2


def test_the_work_grows_with_the_number_of_steps_and_not_with_that_of_paths() -> None:
    from perdure.exploration.exploring import BLOCKS, _walked
    from perdure.exploration.walk import Walk

    def visits(depth: int) -> tuple[int, int]:
        steps = "- activity: a.b\n"
        for number in range(depth):
            steps += (
                f"- {{id: c{number}, if: input.n{number} > {number}, activity: a.b, catch: [{{steps: []}}]}}\n"
                f"- {{parallel: {{branches: {{a: [{{activity: a.b, timeout: 1s}}], b: [{{wait: 1s}}]}}}}}}\n"
            )
        program = load(whole(steps)).program
        walk = Walk(program, {}, BLOCKS)
        _walked(walk)
        return walk.visits, explore(program).paths

    few, many = visits(5), visits(40)
    assert many[0] <= few[0] * 8.1
    assert many[1] > few[1] ** 5
