"""Rules 4xx: control flow — what can be reached, joined, ended and undone."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

CONTROL: Final = table(
    Rule(
        "WF401", "parallel-write", "error",
        "two positions that can run at once set the same variable",
        "Which value stays would depend on who is last.",
        "- parallel:\n    branches:\n      a: [{set: {total: 1}}]\n      b: [{set: {total: 2}}]",
        "- parallel:\n    branches:\n      a: [{set: {first: 1}}]\n      b: [{set: {second: 2}}]",
    ),
    Rule(
        "WF402", "return-not-allowed-here", "error",
        "return or restart inside finally, compensate or a handler",
        "These run while the run is already leaving, or beside it; ending it there would lose why it ended.",
        "finally:\n  - return: 3",
        "finally:\n  - activity: files.clean",
    ),
    Rule(
        "WF403", "unknown-fragment", "error",
        "use of a fragment that is not defined",
        "Fragments come from `fragments:` or, as alias.name, from a file in `imports:`.",
        "- use: notfy",
        "fragments:\n  notify: {steps: [{activity: mail.send}]}\nsteps:\n  - use: notify",
    ),
    Rule(
        "WF404", "endless-recursion", "error",
        "a fragment that uses itself",
        "A fragment stands for its steps, so one inside itself would never end.",
        "fragments:\n  a: {steps: [{use: a}]}",
        "fragments:\n  a: {steps: [{activity: mail.send}]}",
    ),
    Rule(
        "WF405", "unreachable", "warning",
        "steps that no path reaches",
        "They stand behind a step that always ends the run or fails, or in an arm behind the else arm.",
        "- return: 1\n- activity: mail.send",
        "- activity: mail.send\n- return: 1",
    ),
    Rule(
        "WF406", "unreachable-catch", "warning",
        "a catch arm that an earlier one always takes first",
        "The first arm that matches takes the error.",
        "catch:\n  - {errors: ['*'], steps: []}\n  - {errors: [Timeout], steps: []}",
        "catch:\n  - {errors: [Timeout], steps: []}\n  - {errors: ['*'], steps: []}",
    ),
    Rule(
        "WF407", "join-cannot-be-met", "error",
        "a join that asks for more successes than there are branches",
        "It would fail every time.",
        "- parallel: {branches: {a: [{wait: 1s}]}, join: 2}",
        "- parallel: {branches: {a: [{wait: 1s}], b: [{wait: 2s}]}, join: 2}",
    ),
    Rule(
        "WF408", "unknown-rollback-target", "error",
        "rollback to a step that is not there, or not before it",
        "A rollback goes back to the state right after an earlier step.",
        "- rollback: {to: fligth}",
        "- id: flight\n  activity: flights.book\n- rollback: {to: flight}",
    ),
    Rule(
        "WF409", "nested-undo", "error",
        "a compensate inside a compensate",
        "An undo is not undone.",
        "compensate:\n  activity: flights.cancel\n  compensate: {activity: flights.book}",
        "compensate:\n  activity: flights.cancel",
    ),
    Rule(
        "WF410", "branch-without-else", "off",
        "a branch whose arms may all not hold",
        "It then gives nothing, which is often but not always what is meant.",
        "- branch:\n    - {when: input.vip, steps: [{activity: mail.vip}]}",
        "- branch:\n    - {when: input.vip, steps: [{activity: mail.vip}]}\n    - {else: [{activity: mail.send}]}",
    ),
    Rule(
        "WF411", "fragment-argument", "error",
        "a use that gives a fragment what it does not know, or not what it needs",
        "The fragment's input schema says what it takes.",
        "- use: notify\n  with: {adress: a@example.com}",
        "- use: notify\n  with: {address: a@example.com}",
    ),
    Rule(
        "WF412", "endless-loop", "warning",
        "a loop that nothing inside it can end, or slow down",
        "Its turns neither change what the condition reads nor wait for anything, "
        "so it runs until the run is cancelled.",
        "- repeat: {until: vars.done}\n  steps:\n    - set: {count: 1}",
        "- repeat: {until: vars.done, max: 10}\n  steps:\n    - set: {done: true}",
    ),
    Rule(
        "WF413", "unused-fragment", "warning",
        "a fragment or an import that nothing uses",
        "It is most often left over, or its use is mistyped.",
        "fragments:\n  notify: {steps: [{activity: mail.send}]}\nsteps:\n  - activity: mail.send",
        "fragments:\n  notify: {steps: [{activity: mail.send}]}\nsteps:\n  - use: notify",
    ),
    Rule(
        "WF414", "endless-children", "warning",
        "a workflow that always starts itself as a child",
        "Each run waits for another of the same kind, until the limit of runs inside each other fails them all.",
        "workflow: count\nsteps:\n  - workflow: count",
        "workflow: count\nsteps:\n  - if: input.n > 0\n    workflow: count\n    with: {n: \"{{ input.n - 1 }}\"}",
    ),
    Rule(
        "WF415", "expression-fails-on-a-path", "warning",
        "a path on which an expression fails and nothing catches it",
        "Found by `perdure explore`. A step that was skipped, a default of another shape or an optional key that is "
        "left out make the run fail where nobody thought of it.",
        "- {id: seat, if: input.wish, activity: seats.take}\n"
        "- {id: mail, activity: mail.send, with: {seat: \"{{ steps.seat.row }}\"}}",
        "- {id: seat, if: input.wish, activity: seats.take}\n"
        "- {id: mail, activity: mail.send, with: {seat: \"{{ steps.seat.row | default(none) }}\"}}",
    ),
    Rule(
        "WF416", "wait-without-end", "warning",
        "a wait that some path reaches and nothing but a message ends",
        "Found by `perdure explore`. No timeout stands on it or around it, and no other branch cuts it short: if "
        "nobody writes, the run stays for ever.",
        "- {id: paid, wait: {signal: paid}}",
        "- {id: paid, wait: {signal: paid, timeout: 14d}}",
    ),
    Rule(
        "WF417", "join-never-met", "warning",
        "a group whose join is met on no path",
        "Found by `perdure explore`. Too few of its branches can succeed, whatever happens, so it always fails.",
        "- id: two\n  parallel:\n    join: 2\n    branches:\n      a: [{fail: {type: No}}]\n      b: [{activity: a.b}]",
        "- id: two\n  parallel:\n    join: 1\n    branches:\n      a: [{fail: {type: No}}]\n      b: [{activity: a.b}]",
    ),
    Rule(
        "WF418", "effect-not-undone", "warning",
        "an effect that stays behind when a later step fails and others are undone",
        "Found by `perdure explore`. The run undoes what it did, but for this. Give the step a `compensate`, or say "
        "`@activity(…, read_only=True)` of an activity that changes nothing.",
        "- {id: seat, activity: seats.take, compensate: {activity: seats.free}}\n"
        "- {id: meal, activity: meals.order}\n- {id: pay, activity: payments.charge}",
        "- {id: seat, activity: seats.take, compensate: {activity: seats.free}}\n"
        "- {id: meal, activity: meals.order, compensate: {activity: meals.cancel}}\n"
        "- {id: pay, activity: payments.charge}",
    ),
    Rule(
        "WF419", "arm-never-taken", "warning",
        "an arm that no path takes",
        "Found by `perdure explore`. No error of this type can arise inside, no value of this case can come, or an "
        "earlier condition decides.",
        "- {id: pay, activity: payments.charge, catch: [{errors: [Timeout], steps: []}]}",
        "- {id: pay, activity: payments.charge, timeout: 1m, catch: [{errors: [Timeout], steps: []}]}",
    ),
    Rule(
        "WF420", "unbounded-loop", "off",
        "a loop without `max`, and without a timeout, its own or one around it",
        "It ends when its condition says so, which may be never; each turn costs calls and room in the history.",
        "- repeat: {until: steps.poll.ready}\n  steps:\n    - id: poll\n      activity: jobs.status",
        "- repeat: {until: steps.poll.ready, max: 100}\n  steps:\n    - id: poll\n      activity: jobs.status",
    ),
    Rule(
        "WF421", "endless-children-in-turn", "warning",
        "workflows that always start one another as children, found among the files that are looked at together",
        "As with one that starts itself, each run waits for the next until the limit of runs inside each other fails "
        "them all. It is a warning and no error: names mean what is deployed, which may be another version. Workflows "
        "that start one another under an `if`, or detached, are well.",
        "workflow: ping\nsteps:\n  - workflow: pong   # and pong has the step `workflow: ping`",
        "workflow: ping\nsteps:\n  - if: input.n > 0\n    workflow: pong\n    with: {n: \"{{ input.n - 1 }}\"}",
    ),
    Rule(
        "WF422", "swallowed-error", "off",
        "a catch arm that takes every error and does nothing",
        "A slip of the pen in the step, or an outage, then looks like success.",
        "catch: [{steps: []}]",
        "catch: [{errors: [mail.*], steps: []}]",
    ),
    Rule(
        "WF423", "unknown-error-type", "warning",
        "an error type in a `catch` or `retry` that no step can fail with, or that looks misspelt",
        "The arm is never taken, and the error goes on. Activities choose their types, so a type is suspected only "
        "where it is nearly one that the engine, a `fail` of the file or the documentation of an activity names.",
        "catch: [{errors: [Timeuot], steps: []}]",
        "catch: [{errors: [Timeout], steps: []}]",
    ),
)  # fmt: skip
