"""Every key of `expect`: it holds where it should, and where it should not it fails with what was found."""

from __future__ import annotations

import pytest
from declared_world import told

from perdure.testing.matching import ABSENT

APPROVED = "  - name: it\n    script: [{when: {step: approval}, after: 1h, signal: approve, with: {by: ana}}]\n"
DECLINED = (
    "  - name: it\n    mocks: [{step: charge, raise: {type: payments.Declined, message: too late, retryable: false}}]\n"
)
BY_BO = "  - name: it\n    script: [{at: 1h, signal: approve, with: {by: bo}}]\n"
ALONE = "  - name: it\n"


@pytest.mark.parametrize(
    ("case", "holds", "fails", "problem"),
    [
        (APPROVED, "status: completed", "status: failed",
         """expect.status: 'failed' 'completed' (its output is {"receipt":"R1"})"""),
        (DECLINED, "status: failed", "status: completed",
         "expect.status: 'completed' 'failed' (payments.Declined in charge: too late)"),
        (APPROVED, "output: {receipt: R1}", "output: {receipt: R2}", "expect.output.receipt: 'R2' 'R1'"),
        (DECLINED, "error: {type: payments.Declined}", "{error: {type: Timeout}}",
         "expect.error.type: 'Timeout' 'payments.Declined'"),
        (DECLINED, "error: payments.Declined", "error: Timeout", "expect.error.type: 'Timeout' 'payments.Declined'"),
        (ALONE, "{error: Timeout, undone: [charge]}", "{error: Timeout, undone: []}",
         "expect.undone: [] ['charge'] (1 items, not 0)"),
        (ALONE, "{error: Timeout, not_undone: []}", "{error: Timeout, not_undone: [{step: charge}]}",
         "expect.not_undone: [{'step': 'charge'}] [] (0 items, not 1)"),
        (BY_BO, "steps: {mail: {status: skipped}}", "steps: {mail: {status: completed}}",
         "expect.steps.mail.status: 'completed' 'skipped'"),
        (APPROVED, "steps: {mail: {output: sent}}", "steps: {mail: {output: lost}}",
         "expect.steps.mail.output: 'lost' 'sent'"),
        (APPROVED, "steps: {charge: {attempts: 1}}", "steps: {charge: {attempts: 2}}",
         "expect.steps.charge.attempts: 2 1"),
        (BY_BO, "steps: {mail: {times: 0, attempts: 0}}", "steps: {mail: {times: 1}}",
         "expect.steps.mail.times: 1 0"),
        (APPROVED, "steps: {charge: {times: 1}}", "steps: {charge: {times: {between: [2, 3]}}}",
         "expect.steps.charge.times.between: {'between': [2, 3]} 1 (it is outside)"),
        (DECLINED, "{status: failed, steps: {charge: {error: {message: too late}}}}",
         "{status: failed, steps: {charge: {error: {message: too soon}}}}",
         "expect.steps.charge.error.message: 'too soon' 'too late'"),
        (BY_BO, "never: [{activity: mail.send}]", "never: [{activity: payments.charge}]",
         """expect.never[0]: {'activity': 'payments.charge'} 'charge called payments.charge with {"card":"4242"}'"""),
        (APPROVED, "never: [{activity: mail.send, with: {to: bo}}]", "never: [{activity: mail.send, with: {to: ana}}]",
         ("expect.never[0]: {'activity': 'mail.send', 'with': {'to': 'ana'}}"
          """ 'mail called mail.send with {"to":"ana"}'""")),
        (BY_BO, "never: [{step: mail}]", "never: [{step: publish}]",
         "expect.never[0]: {'step': 'publish'} 'publish began'"),
        (APPROVED, "order: [charge, approval, mail]", "order: [approval, charge]",
         "expect.order[1]: ['approval', 'charge'] 'charge did not begin after approval'"),
        (BY_BO, "order: [charge, approval]", "order: [charge, mail]",
         "expect.order[1]: ['charge', 'mail'] 'mail did not begin'"),
        (APPROVED, "elapsed: 1h", "elapsed: 2h", "expect.elapsed: '2h' '1h'"),
        (APPROVED, "elapsed: {between: [50m, 70m]}", "elapsed: {between: [50s, 70s]}",
         "expect.elapsed.between: {'between': ['50s', '70s']} '1h' (it is outside)"),
        (APPROVED, "calls: [{activity: mail.send, with: {to: ana}, times: 1}]",
         "calls: [{activity: mail.send, times: 2}]", "expect.calls[0].times: 2 1"),
        (APPROVED, "calls: [{step: mail}]", "calls: [{activity: payments.refund}]",
         "expect.calls[0]: {'activity': 'payments.refund'} 'no such call'"),
        (APPROVED, "calls: [{step: mail, with: {to: ana}}]", "calls: [{step: mail, with: {to: bo}}]",
         "expect.calls[0].with.to: 'bo' 'ana'"),
        (APPROVED, "state: {status: charged}", "state: {status: open}", "expect.state.status: 'open' 'charged'"),
        (APPROVED, "vars: {}", "vars: {a: 1}", "expect.vars.a: 1 nothing"),
        (APPROVED, "queries: {status: charged}", "queries: {status: open}",
         "expect.queries.status: 'open' 'charged'"),
        (BY_BO, "unread: []", "unread: [{signal: approve}]",
         "expect.unread: [{'signal': 'approve'}] [] (0 items, not 1)"),
        (BY_BO, "replies: []", "replies: [{value: 1}]", "expect.replies: [{'value': 1}] [] (0 items, not 1)"),
        (BY_BO, "sent: []", "sent: [{kind: signal}]", "expect.sent: [{'kind': 'signal'}] [] (0 items, not 1)"),
        (BY_BO, "refused: []", "refused: [late]", "expect.refused: ['late'] [] (0 items, not 1)"),
    ],
)  # fmt: skip
def test_an_expectation_holds_or_says_what_was_found(check, case, holds, fails, problem):
    assert told(check(f"{case}    expect: {_flow(holds)}\n")) == []
    problems = told(check(f"{case}    expect: {_flow(fails)}\n"))
    assert [text.replace(repr(ABSENT), "nothing") for text in problems] == [problem]


def _flow(expect: str) -> str:
    return expect if expect.startswith("{") else f"{{{expect}}}"


def test_a_run_that_does_not_complete_fails_unless_the_test_says_so(check):
    assert told(check(DECLINED)) == ["expect.status: 'completed' 'failed' (payments.Declined in charge: too late)"]


def test_a_run_that_is_still_waiting_says_where(check):
    definition = "workflow: it\nsteps: [{id: approval, wait: {signal: approve}}]\n"
    session = check(ALONE, definition=definition, head="")
    assert told(session) == ["expect.status: 'completed' 'running' (nothing more happens; it is at approval (wait))"]
    assert told(check("  - {name: it, expect: {status: running, steps: {approval: {status: waiting}}}}",
                      definition=definition, head="")) == []  # fmt: skip


def test_a_continued_run_says_its_next_input(check):
    definition = "workflow: it\nsteps: [{restart: {input: {page: 2}}}]\n"
    assert told(check("  - {name: it, expect: {continued: {page: 2}}}", definition=definition, head="")) == []
    problems = told(check("  - {name: it, expect: {continued: {page: 3}}}", definition=definition, head=""))
    assert problems == ["expect.continued.page: 3 2"]


def test_an_input_that_does_not_fit_is_refused(check):
    refused = "  - {name: it, input: {card: 1}, expect: {status: refused, error: {message: {contains: card}}}}"
    assert told(check(refused)) == []
    problems = told(check("  - {name: it, input: {card: 1}}"))
    why = 'InvalidInput: the input does not fit: card: 1 is not of type "string"'
    assert problems == [f"expect.status: 'completed' 'refused' ({why})"]


def test_messages_that_nobody_takes_are_unread_and_updates_are_answered(check):
    definition = """
        workflow: it
        steps:
          - id: desk
            receive:
              state: {n: 0}
              on:
                - {update: add, accept: message < 3, set: {n: "{{ state.n + message }}"}, reply: "{{ state.n }}"}
                - {signal: stop, stop: true}
          - emit: {event: done, data: 1}
          - send: {to: other, signal: hello}
        """
    script = "[{update: add, with: 2}, {update: add, with: 5}, {at: 1s, signal: extra}, {at: 2s, signal: stop}]"
    sent = "[{kind: event, name: done, data: 1}, {kind: signal, to: other, name: hello}]"
    replies = "[{value: 2}, {refused: {contains: not accepted}}]"
    expect = f"{{replies: {replies}, unread: [{{signal: extra}}], sent: {sent}}}"
    case = f"  - {{name: it, script: {script}, expect: {expect}}}"
    assert told(check(case, definition=definition, head="")) == []
    unsaid = f"  - {{name: it, script: {script}, expect: {{unread: []}}}}"
    problems = told(check(unsaid, definition=definition, head=""))
    assert problems[0].startswith("expect.unread: [] [")
    assert problems[1].startswith("an update was refused: add: not accepted")


def test_a_message_at_the_wrong_time_fails_the_test_at_its_line(check):
    session = check(f"{BY_BO.replace(']', ', {at: 2h, signal: approve}]')}")
    assert told(session) == ["came at the wrong time: the run is completed"]
    [failure] = session.results[0].failures
    assert (failure.place.line, failure.place.column) == (8, 55)


def test_the_place_of_a_failure_is_that_of_the_expectation(check):
    session = check(f"{APPROVED}    expect:\n      output:\n        receipt: R2\n")
    [failure] = session.results[0].failures
    assert (failure.place.line, failure.place.column) == (11, 16)
