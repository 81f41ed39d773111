"""Every entry of a script does what it says, when it says."""

from __future__ import annotations

import pytest
from declared_world import told

TALK = """
workflow: it
vars: {n: 1}
steps:
  - id: word
    wait: {any: [{signal: go}, {event: rain, match: message.mm > 3}, {after: 10h, name: nothing}]}
  - id: ask
    if: steps.word.name == "go"
    ask: {prompt: sure?, choices: [yes, no], timeout: 5h, default: never}
  - set: {n: 2}
output: "{{ [steps.word.name, steps.ask.answer, steps.ask.by] if steps.ask else [steps.word.name] }}"
""".replace("[yes, no]", '["yes", "no"]')

WORK = """
workflow: it
steps:
  - id: work
    activity: shop.work
    retry: {attempts: 3, delay: 1h, backoff: constant, jitter: 0}
"""


def case(script: str, expect: str, more: str = "") -> str:
    return f"  - name: it\n    script: {script}\n    expect: {expect}\n{more}"


@pytest.mark.parametrize(
    ("script", "expect"),
    [
        ("[]", "{output: [nothing], elapsed: 10h}"),
        ("[{signal: go}]", "{output: [go, never, null], elapsed: 5h}"),
        ("[{at: 1h, signal: go}]", "{elapsed: 6h}"),
        ("[{at: 1h, after: 1h, signal: go}]", "{elapsed: 7h}"),
        ("[{when: {step: word, is: waiting}, after: 2h, signal: go}]", "{elapsed: 7h}"),
        ('[{at: "2026-01-01T03:00:00Z", signal: go}]', "{elapsed: 8h}"),
        ('[{at: "2020-01-01T03:00:00", signal: go}]', "{elapsed: 5h}"),
        ("[{at: 1h, event: rain, with: {mm: 5}}]", "{output: [rain], elapsed: 1h}"),
        ("[{at: 1h, event: rain, with: {mm: 1}}]", "{output: [nothing]}"),
        ('[{at: 1h, signal: go}, {when: {step: ask}, after: 1h, answer: ask, with: "yes", by: ana}]',
         '{output: [go, "yes", ana], elapsed: 2h}'),
        ("[{at: 1h, cancel: enough}]", "{status: cancelled, error: {message: enough}, elapsed: 1h}"),
        ("[{at: 1h, cancel: true}]", "{status: cancelled}"),
        ("[{at: 1h, terminate: enough}]",
         "{status: terminated, error: {message: enough}, steps: {word: {status: cancelled}}}"),
        ("[{at: 1h, pause: true}, {at: 2h, signal: go}]", "{status: paused}"),
        ("[{at: 1h, pause: lunch}, {at: 2h, signal: go}, {at: 4h, resume: true}]", "{status: completed, elapsed: 9h}"),
        ("[{at: 1h, restart: true}]", "{output: [nothing], elapsed: 10h}"),
        ("[{at: 1h, restart: 20h}]", "{output: [nothing], elapsed: 21h}"),
        ("[{at: 11h, restart: true}]", "{elapsed: 10h}"),
        ("[{when: {step: word, is: completed}, after: 1h, expect: {steps: {ask: {status: skipped}}}}]", "{}"),
        ("[{at: 1h, expect: {status: running, vars: {n: 1}, steps: {word: {status: waiting}, ask: {times: 0}}}}]",
         "{vars: {n: 2}}"),
    ],
)  # fmt: skip
def test_an_entry_happens_when_it_says(check, script, expect):
    assert told(check(case(script, expect), definition=TALK, head="")) == []


def test_the_clock_and_its_zone_give_times_their_meaning(check):
    head = 'clock: {start: "2026-10-25T00:00:00", timezone: Europe/Berlin}'
    summer_ends = '[{at: "2026-10-25T04:00:00", signal: go}]'
    assert told(check(case(summer_ends, "{elapsed: 10h}"), definition=TALK, head=head)) == []
    head = "clock: {start: 2026-10-25T00:00:00Z}"
    assert told(check(case(summer_ends, "{elapsed: 9h}"), definition=TALK, head=head)) == []


def test_what_must_hold_at_a_moment_fails_with_its_place(check):
    session = check(case("[{at: 1h, expect: {vars: {n: 2}}}]", "{}"), definition=TALK, head="")
    assert told(session) == ["script[0].expect.vars.n: 2 1"]
    assert session.results[0].failures[0].place.line == 5


def test_an_entry_whose_moment_never_comes_fails_the_test(check):
    script = "[{when: {step: ask, is: waiting}, answer: ask, with: 1}]"
    problems = told(check(case(script, "{}"), definition=TALK, head=""))
    assert problems == ["ask was never waiting, so this did not happen (in the end it is skipped)"]


def test_a_script_waits_for_a_step_that_runs_sleeps_or_has_ended(check):
    for standing, elapsed in (("running", "1h"), ("retrying", "1h10m"), ("failed", "2h30m")):
        script = f"[{{when: {{step: work, is: {standing}}}, after: 1h, cancel: true}}]"
        more = "    mocks: [{step: work, raise: Busy, after: 10m}]\n"
        over = standing == "failed"
        expect = (
            f"{{{'error: Busy, refused: [the run is failed]' if over else f'status: cancelled, elapsed: {elapsed}'}}}"
        )
        assert told(check(case(script, expect, more), definition=WORK, head="")) == []


def test_a_script_waits_for_a_step_that_is_skipped(check):
    script = "[{when: {step: ask, is: skipped}, signal: go}]"
    expect = "{output: [nothing], refused: [the run is completed]}"
    assert told(check(case(script, expect), definition=TALK, head="")) == []


def test_a_restart_counts_the_attempt_that_was_lost(check):
    more = "    mocks: [{step: work, sequence: [{hang: true}, {return: done}]}]\n"
    expect = "{output: done, steps: {work: {attempts: 2}}, elapsed: 2h5m}"
    assert told(check(case("[{at: 1h, restart: 5m}]", expect, more), definition=WORK, head="")) == []


def test_a_child_and_a_step_in_a_loop_are_named_by_their_address(check):
    definition = """
        workflow: it
        steps:
          - id: each
            foreach: [1, 2]
            steps: [{id: word, wait: {signal: go}}]
        """
    script = (
        '[{when: {step: "each[1]/word"}, after: 1h, signal: go}, {when: {step: "each[0]/word"}, after: 2h, signal: go}]'
    )
    assert told(check(case(script, "{elapsed: 3h}"), definition=definition, head="")) == []
