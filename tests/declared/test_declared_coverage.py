"""What counts as reached: each point of a definition is missing until a case comes there."""

from __future__ import annotations

import pytest


def missing(check, steps: str, cases: str) -> list[str]:
    session = check(cases, definition=f"workflow: it\nsteps:\n{steps}", head="")
    assert session.holds, [failure for result in session.results for failure in result.failures]
    [found] = session.coverage.values()
    return [point.about for point in found.missing()]


def case(more: str, number: int = 1) -> str:
    return f"  - {{name: it {number}, {more}}}\n"


BRANCH = """
  - id: way
    branch:
      - {when: input.n == 1, steps: [{id: one, set: {a: 1}}]}
      - {when: input.n == 2, steps: [{id: two, set: {a: 2}}]}
"""
ELSE = """
  - id: way
    branch:
      - {when: input.n == 1, steps: [{id: one, set: {a: 1}}]}
      - else: [{id: other, set: {a: 2}}]
"""
CASES = """
  - id: way
    branch:
      on: input.n
      cases: {"1": [{id: one, set: {a: 1}}]}
      else: [{id: other, set: {a: 2}}]
"""
GUARD = "  - {id: maybe, if: input.n == 1, set: {a: 1}}\n"
CATCH = """
  - id: work
    activity: shop.work
    catch:
      - {errors: [Busy], steps: [{id: again, set: {a: 1}}]}
      - {errors: [Bad], steps: []}
"""
RETRY = "  - {id: work, activity: shop.work, retry: {attempts: 2, delay: 1s}}\n"
EACH = "  - {id: each, foreach: input.n, steps: [{set: {a: 1}}]}\n"
WHILE = "  - {id: turns, repeat: {while: index < input.n}, steps: [{set: {a: 1}}]}\n"
UNTIL = "  - {id: turns, repeat: {until: index + 1 >= input.n}, steps: [{set: {a: 1}}]}\n"
TIMEOUT = "  - {id: work, activity: shop.work, timeout: {attempt: 1m, total: 1h}, retry: {delay: 1s}}\n"
WAIT = "  - {id: word, wait: {signal: go, timeout: 1h, default: none}}\n"
SELECT = """
  - id: pick
    select:
      arms:
        - {signal: go, steps: [{id: went, set: {a: 1}}]}
        - {after: 2h, steps: []}
      timeout: 3h
"""
RECEIVE = """
  - id: desk
    receive:
      on:
        - {signal: a, steps: [{id: heard, set: {a: 1}}]}
        - {signal: b, stop: true}
        - {update: c, reply: 1}
      timeout: 1h
      default: {}
"""
UNDO = """
  - {id: work, activity: shop.work, compensate: {activity: shop.undo}}
  - {id: end, if: input.n == 1, fail: {type: X}}
"""
FINALLY = "  - {id: work, activity: shop.work, finally: [{id: tidy, set: {a: 1}}]}\n"
WORKS = "mocks: [{step: work, return: 1}]"


@pytest.mark.parametrize(
    ("steps", "more", "left"),
    [
        (BRANCH, "input: {n: 1}", ["way takes the arm when input.n == 2", "way takes no arm", "two begins"]),
        (BRANCH, "input: {n: 3}",
         ["way takes the arm when input.n == 1", "way takes the arm when input.n == 2", "one begins", "two begins"]),
        (ELSE, "input: {n: 1}", ["way takes the arm else", "other begins"]),
        (ELSE, "input: {n: 2}", ["way takes the arm when input.n == 1", "one begins"]),
        (CASES, "input: {n: 1}", ["way takes the arm else", "other begins"]),
        (GUARD, "input: {n: 1}", ["maybe is skipped"]),
        (GUARD, "input: {n: 2}", ["maybe begins"]),
        (CATCH, WORKS, ["work catches Busy", "work catches Bad", "again begins"]),
        (CATCH, "mocks: [{step: work, raise: Busy}]", ["work catches Bad"]),
        (CATCH, "mocks: [{step: work, raise: Bad}]", ["work catches Busy", "again begins"]),
        (RETRY, WORKS, ["work fails at its last attempt"]),
        (RETRY, "mocks: [{step: work, raise: {type: X, retryable: false}}], expect: {error: X}",
         ["work fails at its last attempt"]),
        (RETRY, "mocks: [{step: work, raise: X}], expect: {error: X}", []),
        (EACH, "input: {n: []}", ["each has one turn", "each has more turns", "each/set begins"]),
        (EACH, "input: {n: [1]}", ["each has no turn", "each has more turns"]),
        (EACH, "input: {n: [1, 2, 3]}", ["each has no turn", "each has one turn"]),
        (WHILE, "input: {n: 0}", ["turns has one turn", "turns has more turns", "turns/set begins"]),
        (WHILE, "input: {n: 2}", ["turns has no turn", "turns has one turn"]),
        (UNTIL, "input: {n: 1}", ["turns has more turns"]),
        (TIMEOUT, WORKS, ["work has an attempt that times out", "work times out"]),
        (TIMEOUT, "mocks: [{step: work, sequence: [{hang: true}, {return: 1}]}]", ["work times out"]),
        (TIMEOUT, "mocks: [{step: work, hang: true}], expect: {error: Timeout}", []),
        (WAIT, "expect: {output: none}", []),
        (WAIT, "script: [{signal: go}]", ["word waits in vain"]),
        (SELECT, "script: [{signal: go}]", ["pick takes the arm of its timer", "pick waits in vain"]),
        (SELECT, "expect: {elapsed: 2h}", ["pick takes the arm of go", "pick waits in vain", "went begins"]),
        (RECEIVE, "expect: {elapsed: 1h}",
         [*(f"desk handles the {one}" for one in ("signal a", "signal b", "update c")), "desk/a/heard begins"]),
        (RECEIVE, "script: [{signal: a}, {update: c}, {signal: b}]", ["desk waits in vain"]),
        (UNDO, "input: {n: 2}, mocks: [{step: work, return: 1}]", ["work/compensate begins", "end begins"]),
        (UNDO, "input: {n: 1}, mocks: [{step: work, return: 1}, {activity: shop.undo, return: 1}], expect: {error: X}",
         ["end is skipped"]),
        (FINALLY, WORKS, []),
    ],
)  # fmt: skip
def test_what_a_case_does_not_reach_is_missing(check, steps, more, left):
    assert sorted(missing(check, steps, case(more))) == sorted(left)


def test_cases_and_files_add_up(check):
    cases = case("input: {n: 1}", 1) + case("input: {n: 2}", 2) + case("input: {n: 3}", 3)
    assert missing(check, BRANCH, cases) == []


def test_a_definition_is_reached_only_in_part_as_a_share_rounded_down(check):
    session = check(case("input: {n: 1}"), definition=f"workflow: it\nsteps:{BRANCH}", head="")
    [found] = session.coverage.values()
    assert (found.hits, len(found.points), found.percent) == (3, 6, 50.0)
    assert session.under(50.1) == [found]
    assert session.under(50) == []
