"""Rules 5xx: time and reliability — waits, timeouts and retries."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

RELIABILITY: Final = table(
    Rule(
        "WF501", "timer-without-name", "error",
        "an after or until entry of any or all without a name",
        "The result is keyed by name, and a timer has no signal whose name it could take.",
        "wait: {any: [{signal: paid}, {after: 3d}]}",
        "wait: {any: [{signal: paid}, {after: 3d, name: late}]}",
    ),
    Rule(
        "WF502", "retry-has-no-effect", "warning",
        "a retry with settings but a single attempt",
        "With one attempt there is no second, so its delay and backoff say nothing.",
        "retry: {attempts: 1, delay: 5s}",
        "retry: {attempts: 3, delay: 5s}",
    ),
    Rule(
        "WF503", "no-timeout", "off",
        "a step that waits for somebody without a timeout, its own or one around it",
        "A signal that never comes, or an answer nobody gives, leaves the run open for ever.",
        "- wait: {signal: paid}",
        "- wait: {signal: paid, timeout: 30d}",
    ),
    Rule(
        "WF504", "retry-longer-than-timeout", "warning",
        "a retry delay that the step's timeout always cuts short",
        "The total timeout ends the step before its second attempt could start.",
        "timeout: 5s\nretry: {attempts: 3, delay: 1m}",
        "timeout: 10m\nretry: {attempts: 3, delay: 1m}",
    ),
    Rule(
        "WF505", "timeout-order", "warning",
        "an attempt timeout longer than the total",
        "The total expires first, so the longer one never does anything.",
        "timeout: {attempt: 10m, total: 5m}",
        "timeout: {attempt: 1m, total: 5m}",
    ),
    Rule(
        "WF506", "unused-default", "warning",
        "a pattern in defaults that fits no activity of the definition",
        "Its retries and timeouts hold for nothing; most often the pattern is mistyped.",
        "defaults: {'payment.*': {timeout: 5m}}\nsteps:\n  - activity: payments.charge",
        "defaults: {'payments.*': {timeout: 5m}}\nsteps:\n  - activity: payments.charge",
    ),
    Rule(
        "WF507", "invalid-cron", "error",
        "a cron expression that cannot be read",
        "It has five fields: minute, hour, day, month and weekday. Seconds are not among them; `every` has those.",
        'schedule: {cron: "0 25 * * *"}',
        'schedule: {cron: "0 5 * * *"}',
    ),
    Rule(
        "WF508", "schedule-never-fires", "error",
        "a schedule without a single time",
        "There is no 31st of April, and no time between an end and a start that comes after it. "
        "Nothing would ever run.",
        'schedule: {cron: "0 9 31 4 *"}',
        'schedule: {cron: "0 9 L 4 *"}',
    ),
    Rule(
        "WF509", "clock-change", "info",
        "a time of day that comes twice or not at all when the clock is set",
        "It fires once all the same: the first time where it comes twice, and as much later as the clock was set "
        "forward where it is skipped. An hour field that begins with `*` follows the time that passes instead.",
        'schedule: {cron: "30 2 * * *", timezone: Europe/Berlin}',
        'schedule: {cron: "30 4 * * *", timezone: Europe/Berlin}',
    ),
    Rule(
        "WF510", "schedule-input", "error",
        "an input of a schedule that does not fit the workflow's own",
        "Every run that the schedule starts would be refused.",
        "input: {required: [day]}\nschedule: {every: 1d}",
        'input: {required: [day]}\nschedule: {every: 1d, input: {day: "{{ schedule.time }}"}}',
    ),
    Rule(
        "WF511", "activity-without-timeout", "off",
        "an activity without a timeout, its own, by `defaults` or around it",
        "A call that hangs, as network calls do, keeps the run open for ever and is not tried again.",
        "- activity: payments.charge",
        "- activity: payments.charge\n  timeout: 30s",
    ),
    Rule(
        "WF512", "retry-without-limit", "off",
        "a retry with neither `attempts` nor `within`, and no timeout over it",
        "What never works is tried for ever, and the run never says that it has failed.",
        "- activity: payments.charge\n  retry: {delay: 5s}",
        "- activity: payments.charge\n  retry: {attempts: 5, delay: 5s}",
    ),
    Rule(
        "WF513", "reminder-after-timeout", "warning",
        "a reminder of a question that comes when the question is closed",
        "Reminders count from the opening of the question, and its timeout does too.",
        "- id: agreed\n  ask: {prompt: May it be sold?, timeout: 2d, reminders: [1d, 3d]}",
        "- id: agreed\n  ask: {prompt: May it be sold?, timeout: 4d, reminders: [1d, 3d]}",
    ),
    Rule(
        "WF514", "retry-longer-than-within", "warning",
        "a retry delay that is as long as `within` gives all attempts together",
        "There is never a second attempt.",
        "retry: {within: 30s, delay: 1m}",
        "retry: {within: 30m, delay: 1m}",
    ),
)  # fmt: skip
